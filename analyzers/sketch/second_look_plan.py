"""What a second look reads: fresh coordinates in every layer, in the suspect and in the models it is compared with.

The roles that hold most of the weights come first: without them nothing is known of the model. The budget is one for
all models, and an address costs a request a shard, so further roles are chosen layer by layer by what the models' own
sharding makes cheapest; in the next round each layer gives another role (or another expert), until the budget is spent.
Towers beside a language model are not read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from analyzers.records import SampleSpec, SliceKey
from analyzers.sketch.coordinates import (
    ReadBudget,
    ReadPlan,
    SliceRead,
    dense_role,
    key_of,
    read_of,
    slice_of,
    spans_of,
)
from analyzers.sketch.tensor_roles import Group, Slice
from analyzers.sketch.towers import first_of, towers_of

Groups = Mapping[tuple[str, int], Group]
MAX_SLICES = 160  # of one model
MOST = 0.9  # of the weights are in roles that are read before the price counts


@dataclass(slots=True)
class _Purse:
    """What is chosen so far for one model."""

    reads: list[SliceRead]
    shards: set[str]
    bytes: int = 0

    def price(self, read: SliceRead) -> int:
        """Requests that one more read costs."""
        return len(read.parts) + len({part.shard for part in read.parts} - self.shards)

    def take(self, read: SliceRead) -> None:
        self.reads.append(read)
        self.shards |= {part.shard for part in read.parts}
        self.bytes += _size(read)


def plan_depth(models: Sequence[Groups], spec: SampleSpec, budget: ReadBudget, *, moved: bool) -> list[ReadPlan]:
    """Return a plan for each model, the suspect first, that together keep to `budget`.

    With `moved`, layers may have changed places: then one role is read in all layers of all models before the next.
    """
    purses = [_Purse([], set()) for _ in models]
    spent = 0
    for wanted in _moved(models, spec) if moved else _by_layer(models, purses, spec):
        price = sum(p.price(r) for p, r in zip(purses, wanted, strict=True) if r)
        size = sum(_size(r) for r in wanted if r)
        if spent + price > budget.requests or sum(p.bytes for p in purses) + size > budget.bytes:
            break
        spent += price
        for purse, read in zip(purses, wanted, strict=True):
            if read:
                purse.take(read)
        if max(len(p.reads) for p in purses) >= MAX_SLICES:
            break
    return [spans_of(p.reads, budget.gap) for p in purses]


def _size(read: SliceRead) -> int:
    return sum(part.end - part.begin for part in read.parts)


def _by_layer(models: Sequence[Groups], purses: Sequence[_Purse], spec: SampleSpec) -> Iterator[list[SliceRead | None]]:
    """Yield reads of the same slice in all models: round after round through the layers, then the outer matrices."""
    suspect = _without_towers(models[0])
    layers = sorted({layer for _, layer in suspect if layer >= 0})
    outer = [group for (_, layer), group in suspect.items() if layer < 0]
    used: set[SliceKey] = set()
    owed = _largest(suspect)
    placed = sorted((layer, entry.shard) for (_, layer), group in suspect.items() for entry in group.entries)
    last = {shard: layer for layer, shard in placed}
    for turn in range(len({role for role, _ in suspect})):
        for layer in layers:
            options = [
                reads
                for (_, at), group in suspect.items()
                if at == layer and (reads := _everywhere(models, group, spec, used, turn))
            ]
            if options:
                best = min(options, key=lambda r: (_key(r).role not in owed, *_price(purses, r, last, spec)))
                used.add(_key(best))
                owed.discard(_key(best).role)
                yield best
        for group in outer if turn == 0 else []:
            if reads := _everywhere(models, group, spec, used, 0):
                used.add(_key(reads))
                yield reads


def _without_towers(model: Groups) -> Groups:
    towers = towers_of({role for role, _ in model})
    return {where: group for where, group in model.items() if first_of(where[0]) not in towers}


def _largest(model: Groups) -> set[str]:
    """Return the fewest roles of layers that hold `MOST` of their weights."""
    held: Counter[str] = Counter()
    for (role, layer), group in model.items():
        held[role] += group.elements if layer >= 0 else 0
    found: set[str] = set()
    for role, _ in held.most_common():
        if sum(held[r] for r in found) >= MOST * held.total():
            break
        found.add(role)
    return found


def _key(reads: Sequence[SliceRead | None]) -> SliceKey:
    return next(r.slice.key for r in reads if r)


def _price(
    purses: Sequence[_Purse], reads: Sequence[SliceRead | None], last: Mapping[str, int], spec: SampleSpec
) -> tuple[int, bool, int, int]:
    """Requests; then whether its shard holds nothing of later layers; then how often the role was read; then chance."""
    role, layer = _key(reads).role, _key(reads).layer
    ends = not any(last[r.slice.entry.shard] > layer for r in reads[:1] if r)
    before = sum(r.slice.key.role == role for r in purses[0].reads)
    requests = sum(p.price(r) for p, r in zip(purses, reads, strict=True) if r)
    return requests, ends, before, key_of(spec.seed, role, layer, "depth")


def _everywhere(
    models: Sequence[Groups], group: Group, spec: SampleSpec, used: set[SliceKey], turn: int
) -> list[SliceRead | None]:
    """Return the reads of one slice of the suspect in all models; [] where it is used up or no other model has it."""
    mine = next((s for t in range(turn + 1) if (s := slice_of(group, spec, t)) and s.key not in used), None)
    if mine is None:
        return []
    others = [_same(model, mine, spec) for model in models[1:]]
    return [read_of(spec, mine), *others] if any(others) else []


def _same(model: Groups, wanted: Slice, spec: SampleSpec) -> SliceRead | None:
    """Return the read of a slice in another model, which may hold an expert's matrix as a dense one."""
    key = wanted.key
    for role in (key.role, dense_role(key.role)):
        group = model.get((role, key.layer))
        indices = group.expert_indices() if group else ()
        expert = key.expert if key.expert in indices else -1
        if group is None or expert not in indices:
            continue
        found = group.slice(expert)
        if found.cols == wanted.cols:
            return read_of(spec, found)
    return None


def _moved(models: Sequence[Groups], spec: SampleSpec) -> Iterator[list[SliceRead | None]]:
    """Yield one role after the other, all its layers in all models side by side."""
    held = {role for role, layer in _without_towers(models[0]) if layer >= 0}
    roles = sorted(held, key=lambda r: key_of(spec.seed, r, "moved"))
    for role in roles:
        each = [_all_layers(m, role) or _all_layers(m, dense_role(role)) for m in models]
        for i in range(max(map(len, each))):
            slices = [slice_of(groups[i], spec) if i < len(groups) else None for groups in each]
            if any(slices):
                yield [read_of(spec, s) if s else None for s in slices]


def _all_layers(model: Groups, role: str) -> list[Group]:
    return [group for (r, layer), group in sorted(model.items()) if r == role and layer >= 0]
