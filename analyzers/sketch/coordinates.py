"""Which weights are read: the same coordinates in every model, chosen by hash, never by repository.

Any two models that share a role can so be compared for ever from stored sketches, in any layer, under any wrapper, and
only a newcomer's bytes are read. Rows are chosen by smallest hash (a bottom-k sketch, Cohen and Kaplan 2007), which
keeps its choice when rows are appended, unless the appended rows hold the new smallest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from analyzers.numbers.unpacking import quantized
from analyzers.records import Place, Sample, SampleSpec, SliceKey
from analyzers.sketch.tensor_roles import Group, Slice
from analyzers.sketch.towers import first_of, towers_of

LAYER_STREAMS = 4
MAX_ROWS = 1 << 22  # a window lies in the first so many rows; the largest vocabulary has a million
MIN_WEIGHTS = 64  # a slice that gives fewer is not worth a request
DTYPES: Mapping[str, np.dtype[np.generic]] = {
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "F16": np.dtype(np.float16),
    "F32": np.dtype(np.float32),
}


@dataclass(frozen=True, slots=True)
class Window:
    """`length` adjacent weights of one row, from column `col`."""

    row: int
    col: int
    length: int


def key_of(*parts: object) -> int:
    """Return 64 hash bits of `parts`."""
    text = "\x1f".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def hashes(key: int, numbers: Sequence[int]) -> NDArray[np.uint64]:
    """Return uint64: the hash of each of `numbers`, a range from 0 or a list, under `key`.

    SplitMix64, Steele et al. 2014.
    """
    each = np.arange(numbers.stop, dtype=np.uint64) if isinstance(numbers, range) else np.array(numbers, np.uint64)
    x = ((each + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)) + np.uint64(key)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def windows_of(spec: SampleSpec, role: str, rows: int, cols: int) -> tuple[Window, ...]:
    """Return the windows of a `rows` x `cols` slice of `role`: one in each of `spec.windows` adjacent rows.

    Different rows, because two honest low-rank updates that share a seed agree along one row. The first half of the
    windows lies near the end of its rows and the rest near the beginning, so that the bytes from first to last are
    few; windows of one half lie in the same columns, so that it shows whether rows moved together. Empty if the slice
    is too small.
    """
    blocks, length = min(rows, MAX_ROWS) // spec.windows, min(cols, spec.elements)
    if not blocks or length * spec.windows < MIN_WEIGHTS:
        return ()
    role = dense_role(role)
    first = spec.windows * int(np.argmin(hashes(key_of(spec.seed, role, "row"), range(blocks))))
    free = cols - length
    near, far = (int(c) for c in hashes(key_of(spec.seed, role, cols, "column"), range(2)) % np.uint64(free // 4 + 1))
    half = spec.windows // 2
    return tuple(Window(first + i, free - far if i < half else near, length) for i in range(spec.windows))


def pick_order(groups: Mapping[tuple[str, int], Group], spec: SampleSpec) -> Iterator[Slice]:
    """Yield slices, the most wanted first: head and embedding, then the roles in turn, each in its hashed layers.

    The order between two slices of one role does not depend on what else a model has, so that models with different
    depth or budget still share most of what was read. Language layers come before vision towers and prediction heads.
    """
    for where in group_order(groups, spec):
        yield from _slices(groups[where], spec)


def group_order(groups: Iterable[tuple[str, int]], spec: SampleSpec) -> Iterator[tuple[str, int]]:
    """Yield (role, layer) of `groups`, the most wanted first; the layer is -1 for matrices outside of any."""
    places = list(groups)
    outer = sorted(role for role, layer in places if layer < 0)
    ends: list[str] = [end for end in ("lm_head", "embed_tokens") if end in outer]
    yield from ((role, -1) for role in ends)
    main = [w for w in places if w[0].startswith("layers.")]
    aside = [w for w in places if w[1] >= 0 and not w[0].startswith("layers.")]
    for part in (main, aside):
        yield from _layer_order(part, spec)
    yield from ((role, -1) for role in outer if role not in ends)


def _layer_order(groups: Iterable[tuple[str, int]], spec: SampleSpec) -> Iterator[tuple[str, int]]:
    """Yield (role, layer): every role once, in a hashed layer, then every role a second time, and so on.

    No role is left to chance: an adapter merged into two kinds of matrices changes nothing else, and a sample without
    them would show a copy. Roles of one stream prefer the same layers: what lies in one shard costs one address.
    """
    layers: dict[str, list[int]] = {}
    for role, layer in sorted(groups, key=lambda w: key_of(spec.seed, _stream(w[0], spec), w[1], "layer")):
        layers.setdefault(role, []).append(layer)
    roles = sorted(layers, key=lambda role: key_of(spec.seed, role, "order"))
    for turn in range(max(map(len, layers.values()), default=0)):
        yield from ((role, layers[role][turn]) for role in roles if turn < len(layers[role]))


def _stream(role: str, spec: SampleSpec) -> int:
    return key_of(spec.seed, dense_role(role), "stream") % LAYER_STREAMS


def dense_role(role: str) -> str:
    """Return the role of a dense model's matrix: an expert copied from one is found in its rows and its layers."""
    return role.replace(".experts", "")


def _slices(group: Group, spec: SampleSpec) -> Iterator[Slice]:
    """Yield the slice of one expert, chosen by smallest hash, if it is large enough to be sampled."""
    found = slice_of(group, spec)
    if found is not None:
        yield found


def slice_of(group: Group, spec: SampleSpec, turn: int = 0) -> Slice | None:
    """Return a slice of `group`; of many experts the one whose hash is smallest, the next smallest for `turn` 1, ...

    None where it is too small to be sampled. The same experts in every layer, so that moved layers still meet.
    """
    experts = group.expert_indices()
    if not experts or (turn and turn >= len(experts)):
        return None
    found = group.slice(expert_of(group.role, experts, spec, turn))
    return found if windows_of(spec, group.role, found.rows, found.cols) else None


def expert_of(role: str, experts: Sequence[int], spec: SampleSpec, turn: int = 0) -> int:
    """Return the expert, of those in ascending order, that `turn` reads of `role`; -1 where there is only -1."""
    if experts[0] < 0:
        return experts[0]
    return experts[int(np.argsort(hashes(key_of(spec.seed, role, "expert"), experts), kind="stable")[turn])]


@dataclass(frozen=True, slots=True)
class SliceRead:
    """The bytes to read for one slice: from `begin` to `end` of `shard`, holding all its windows.

    `others`: the reads of the other parts of a quantized one.
    """

    slice: Slice
    windows: tuple[Window, ...]
    begin: int
    end: int
    shard: str
    others: tuple[SliceRead, ...] = ()

    @property
    def parts(self) -> tuple[SliceRead, ...]:
        """All reads that the slice needs."""
        return (self, *self.others)

    @property
    def places(self) -> tuple[tuple[int, int, int], ...]:
        """(row, first column, columns) of each window among all rows that the slice's tensor holds."""
        return tuple((self.slice.first + w.row, w.col, w.length) for w in self.windows)


def read_of(spec: SampleSpec, wanted: Slice) -> SliceRead:
    """Return what has to be read for `wanted`, which must be large enough to be sampled."""
    windows = windows_of(spec, wanted.key.role, wanted.rows, wanted.cols)
    packing = wanted.entry.packing
    if packing is not None:
        whole = SliceRead(wanted, windows, 0, 0, "")
        spans = [(*packing.span(part, whole.places), part.shard) for part in packing.parts]
        codes, *others = [SliceRead(wanted, windows, begin, end, shard) for begin, end, shard in spans]
        return replace(codes, others=tuple(others))
    first, last, item = windows[0], windows[-1], wanted.item_bytes
    return SliceRead(
        wanted,
        windows,
        wanted.begin + (first.row * wanted.cols + first.col) * item,
        wanted.begin + (last.row * wanted.cols + last.col + last.length) * item,
        wanted.entry.shard,
    )


@dataclass(frozen=True, slots=True)
class ReadBudget:
    """What one look may cost: slices, HTTP requests (one a span, one more a shard for its address), bytes.

    `towers`: slices of each tower beside a language model, once all of the language model's are read.
    """

    slices: int = 28
    towers: int = 8
    requests: int = 50
    bytes: int = 1_000_000
    gap: int = 2048  # bytes between two slices that are cheaper to read than to ask for twice


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """The spans to ask for, as (shard, begin, end), and what is cut out of each."""

    spans: tuple[tuple[str, int, int], ...]
    reads: tuple[tuple[SliceRead, ...], ...]  # for each span, the parts of a quantized slice one by one
    requests: int
    bytes: int


def plan_reads(groups: Mapping[tuple[str, int], Group], spec: SampleSpec, budget: ReadBudget) -> ReadPlan:
    """Return the longest prefix of the pick order that fits `budget`.

    A prefix, never a choice by price: what is read may not depend on how a repository is sharded, or two sketches of
    equal models would share less.
    """
    chosen: list[SliceRead] = []
    plan = ReadPlan((), (), 0, 0)
    left = dict.fromkeys(towers_of({role for role, _ in groups}), budget.towers)
    for wanted in pick_order(groups, spec):
        part = first_of(wanted.key.role)
        part = part if part in left else ""
        if not left.setdefault(part, budget.slices):
            continue
        left[part] -= 1
        chosen.append(read_of(spec, wanted))
        longer = spans_of(chosen, budget.gap)
        if longer.requests > budget.requests or longer.bytes > budget.bytes:
            break
        plan = longer
    return plan


def spans_of(reads: list[SliceRead], gap: int) -> ReadPlan:
    """Join reads that lie close together in one shard."""
    spans: list[tuple[str, int, int]] = []
    inside: list[list[SliceRead]] = []
    for read in sorted((part for whole in reads for part in whole.parts), key=lambda r: (r.shard, r.begin)):
        shard = read.shard
        if spans and spans[-1][0] == shard and read.begin <= spans[-1][2] + gap:
            spans[-1] = (shard, spans[-1][1], max(spans[-1][2], read.end))
            inside[-1].append(read)
        else:
            spans.append((shard, read.begin, read.end))
            inside.append([read])
    requests = len(spans) + len({shard for shard, _, _ in spans})
    return ReadPlan(tuple(spans), tuple(map(tuple, inside)), requests, sum(e - b for _, b, e in spans))


def samples_from(plan: ReadPlan, data: Sequence[bytes]) -> dict[SliceKey, Sample]:
    """Cut every sample out of the spans' bytes, given in the plan's order; ValueError where a length is wrong."""
    chunks: dict[SliceRead, bytes] = {}
    for (_, begin, end), reads, chunk in zip(plan.spans, plan.reads, data, strict=True):
        if len(chunk) != end - begin:
            raise ValueError(f"{len(chunk)} bytes instead of {end - begin}")
        chunks |= {read: chunk[read.begin - begin : read.end - begin] for read in reads}
    whole = (read for read in chunks if len(read.parts) == _parts_of(read.slice))
    found = (sample_from(read, *(chunks[part] for part in read.parts)) for read in whole)
    return {key: sample for key, sample in found if is_weight(sample)}


def _parts_of(one: Slice) -> int:
    return len(one.entry.packing.parts) if one.entry.packing else 1


def is_weight(sample: Sample) -> bool:
    """Tell whether a sample can say whose weights it holds: most of it is finite, and it is no constant."""
    values = sample.values.astype(np.float32)
    finite = values[np.isfinite(values)]
    return 2 * finite.size >= values.size and bool((finite != finite[:1]).any())


def sample_from(read: SliceRead, data: bytes, *others: bytes) -> tuple[SliceKey, Sample]:
    """Cut the windows of one slice out of the bytes `read` asked for; ValueError if their length is another."""
    packing, place = read.slice.entry.packing, (read.slice.rows, read.slice.cols, read.windows[0].row)
    if packing is not None:
        found = quantized(packing, read.places, [data, *others])
        if not packing.levels:
            return read.slice.key, Sample(*place, found.values.astype(DTYPES[read.slice.entry.dtype]))
        return read.slice.key, Sample(*place, found.values, found)
    if len(data) != read.end - read.begin:
        raise ValueError(f"{read.slice.entry.name}: {len(data)} bytes instead of {read.end - read.begin}")
    span = np.frombuffer(data, dtype=DTYPES[read.slice.entry.dtype])
    cols, first = read.slice.cols, read.windows[0]
    origin = first.row * cols + first.col
    starts = [w.row * cols + w.col - origin for w in read.windows]
    values = np.concatenate([span[s : s + w.length] for s, w in zip(starts, read.windows, strict=True)])
    where = Place(read.slice.entry.shard, read.slice.entry.name, read.slice.begin)
    return read.slice.key, Sample(*place, values, place=where)
