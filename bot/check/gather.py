"""Elements of stored tensors that lie in many places, read with few requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from analyzers.records import Sample, SliceKey
from analyzers.relayout.held import GAP, Elements, Held
from analyzers.relayout.inner_products import TOKENS, blocks, keys, products
from analyzers.relayout.restored import Undone
from analyzers.sketch.coordinates import ReadPlan, SliceRead, Window, is_weight
from bot.sources.interface import Source, Span


@dataclass(slots=True)
class Purse:
    """What may still be spent on one look. Whoever reads takes from it first."""

    requests: int
    size: int  # bytes
    opened: set[tuple[int, str]] = field(default_factory=set)  # shards whose address is known, by source

    def afford(self, source: Source, wanted: Sequence[Elements]) -> bool:
        """Tell whether there is enough for some elements."""
        spans = _joined(wanted)
        return self._requests(source, spans) <= self.requests and _bytes(spans) <= self.size

    def _requests(self, source: Source, spans: Sequence[Span]) -> int:
        return len(spans) + len({(id(source), span.shard) for span in spans} - self.opened)

    def gather(self, source: Source, wanted: Sequence[Elements]) -> list[list[bytes]]:
        """Read and pay; return the bytes of the spans of each of `wanted`. Raises SourceError."""
        spans = _joined(wanted)
        self.requests -= self._requests(source, spans)
        self.opened |= {(id(source), span.shard) for span in spans}
        self.size -= _bytes(spans)
        read = dict(zip(spans, source.read(spans), strict=True))
        return [[_cut(read, e.held.slice.entry.shard, *span) for span in e.spans()] for e in wanted]


def _joined(wanted: Sequence[Elements]) -> list[Span]:
    """Return the spans that hold all elements, those that lie close together as one."""
    found: list[Span] = []
    for span in sorted(Span(e.held.slice.entry.shard, *span) for e in wanted for span in e.spans()):
        last = found[-1] if found else None
        if last and last.shard == span.shard and span.begin <= last.end + GAP:
            found[-1] = Span(span.shard, last.begin, max(last.end, span.end))
        else:
            found.append(span)
    return found


def _bytes(spans: Sequence[Span]) -> int:
    return sum(span.end - span.begin for span in spans)


def _cut(read: dict[Span, bytes], shard: str, begin: int, end: int) -> bytes:
    whole = next(s for s in read if s.shard == shard and s.begin <= begin and end <= s.end)
    return read[whole][begin - whole.begin : end - whole.begin]


def read_as_known(source: Source, plan: ReadPlan, undone: Undone, purse: Purse) -> dict[SliceKey, Sample]:
    """Read what a plan wants of the known model's matrices, as far as the purse goes. Raises SourceError."""
    reads: list[tuple[SliceRead, Elements]] = []
    for read in (read for span in plan.reads for read in span):
        elements = undone.wanted(read)
        if elements is not None and purse.afford(source, [*(e for _, e in reads), elements]):
            reads.append((read, elements))
    chunks = purse.gather(source, [e for _, e in reads])
    found = {
        read.slice.key: undone.sample(read.slice.key, read.windows, elements, own)
        for (read, elements), own in zip(reads, chunks, strict=True)
    }
    return {key: sample for key, sample in found.items() if is_weight(sample)}


def read_products(source: Source, held: Held, rows: int, purse: Purse) -> dict[SliceKey, Sample]:
    """Read the blocks of a vocabulary of `rows`, and return their inner products; {} where they cost too much."""
    each = [[Window(row, 0, held.shape[1]) for row in range(first, first + TOKENS)] for first in blocks(rows)]
    wanted = [Elements(held, held.places(windows)) for windows in each]
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
