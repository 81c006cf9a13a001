"""Elements of stored tensors that lie in many places, read with few requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from analyzers.records import Sample, SliceKey
from analyzers.relayout.held import Elements, Held
from analyzers.relayout.inner_products import TOKENS, blocks, keys, products
from analyzers.relayout.restored import Undone
from analyzers.sketch.coordinates import ReadPlan, SliceRead, Window, is_weight
from bot.sources.interface import Source, Span


@dataclass(slots=True)
class Purse:
    """Budget of one look. Each read takes from it first. Bytes that were read are kept."""

    requests: int
    size: int  # bytes
    gap: int = field(init=False)  # bytes between two elements that are cheaper to read than to ask for twice
    opened: set[tuple[int, str]] = field(default_factory=set)  # shards whose address is known, by source
    kept: dict[int, list[tuple[Span, bytes]]] = field(default_factory=dict)  # by source

    def __post_init__(self) -> None:
        """A request is worth as many bytes as the purse has for each."""
        self.gap = self.size // max(self.requests, 1)

    def elements(self, held: Held, windows: Sequence[Window]) -> Elements:
        """Return what is to be read of a matrix for some windows of the known model's."""
        return Elements(held, held.places(windows), self.gap)

    def afford(self, source: Source, wanted: Sequence[Elements]) -> bool:
        """Tell whether there is enough for some elements."""
        spans = self._unread(source, wanted)
        return self._requests(source, spans) <= self.requests and _bytes(spans) <= self.size

    def affordable(self, source: Source, wanted: Sequence[Elements]) -> Iterator[int]:
        """Yield the places of those elements that there is enough for, the first ones first."""
        chosen: list[Elements] = []
        for place, elements in enumerate(wanted):
            if self.afford(source, [*chosen, elements]):
                chosen.append(elements)
                yield place

    def _requests(self, source: Source, spans: Sequence[Span]) -> int:
        return len(spans) + len({(id(source), span.shard) for span in spans} - self.opened)

    def _unread(self, source: Source, wanted: Sequence[Elements]) -> list[Span]:
        kept = self.kept.get(id(source), ())
        return [s for s in _joined(wanted, self.gap) if not any(_holds(whole, s) for whole, _ in kept)]

    def gather(self, source: Source, wanted: Sequence[Elements]) -> list[list[bytes]]:
        """Read and pay; return the bytes of the spans of each of `wanted`. Raises SourceError."""
        spans = self._unread(source, wanted)
        self.requests -= self._requests(source, spans)
        self.opened |= {(id(source), span.shard) for span in spans}
        self.size -= _bytes(spans)
        kept = self.kept.setdefault(id(source), [])
        kept += zip(spans, source.read(spans), strict=True)
        return [[_cut(kept, Span(e.held.slice.entry.shard, *span)) for span in e.spans()] for e in wanted]


def _joined(wanted: Sequence[Elements], gap: int) -> list[Span]:
    """Return the spans that hold all elements, those that lie close together as one."""
    found: list[Span] = []
    for span in sorted(Span(e.held.slice.entry.shard, *span) for e in wanted for span in e.spans()):
        last = found[-1] if found else None
        if last and last.shard == span.shard and span.begin <= last.end + gap:
            found[-1] = Span(span.shard, last.begin, max(last.end, span.end))
        else:
            found.append(span)
    return found


def _bytes(spans: Sequence[Span]) -> int:
    return sum(span.end - span.begin for span in spans)


def _holds(whole: Span, part: Span) -> bool:
    return whole.shard == part.shard and whole.begin <= part.begin and part.end <= whole.end


def _cut(read: Sequence[tuple[Span, bytes]], part: Span) -> bytes:
    whole, content = next((s, content) for s, content in read if _holds(s, part))
    return content[part.begin - whole.begin : part.end - whole.begin]


def read_as_known(source: Source, plan: ReadPlan, undone: Undone, purse: Purse) -> dict[SliceKey, Sample]:
    """Read what a plan wants of the known model's matrices, as far as the purse goes. Raises SourceError."""
    wanted = [(r, e) for r in _in_turn(plan) if (e := undone.wanted(r, purse.gap)) is not None]
    reads = [wanted[place] for place in purse.affordable(source, [e for _, e in wanted])]
    chunks = purse.gather(source, [e for _, e in reads])
    found = {
        read.slice.key: undone.sample(read.slice.key, read.windows, elements, own)
        for (read, elements), own in zip(reads, chunks, strict=True)
    }
    return {key: sample for key, sample in found.items() if is_weight(sample)}


def _in_turn(plan: ReadPlan) -> list[SliceRead]:
    """Return the reads of a plan, each role once, then each a second time: no role is left to what a purse allows."""
    turns: Counter[str] = Counter()
    found = []
    for read in (read for span in plan.reads for read in span):
        found.append((turns[read.slice.key.role], read))
        turns[read.slice.key.role] += 1
    return [read for _, read in sorted(found, key=lambda each: each[0])]


def read_products(source: Source, held: Held, rows: int, purse: Purse) -> dict[SliceKey, Sample]:
    """Read the blocks of a vocabulary of `rows`, and return their inner products; {} where they cost too much."""
    each = [[Window(row, 0, held.shape[1]) for row in range(first, first + TOKENS)] for first in blocks(rows)]
    wanted = [purse.elements(held, windows) for windows in each]
    if held.slice.entry.packing is not None or not purse.afford(source, wanted):
        return {}
    read = [
        e.values(chunks).reshape(TOKENS, -1) for e, chunks in zip(wanted, purse.gather(source, wanted), strict=True)
    ]
    return (
        {key: products(first, part) for key, first, part in zip(keys(), blocks(rows), read, strict=True)}
        if read
        else {}
    )
