"""Which of an upload's matrices may be which of a known model's, whatever they are called: by shape, order and depth.

Numbers in names tell depth and expert by their order alone. Where names hold none, all matrices of a shape may be it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from analyzers.records import SliceKey
from analyzers.relayout.held import Held
from analyzers.sketch.tensor_roles import Group, Slice
from analyzers.thresholds import FITTING_SHAPES

MOST = 16  # matrices that may be one of a known model's
NUMBER = re.compile(r"[0-9]+")
Shapes = Mapping[SliceKey, tuple[int, int]]  # rows and columns of each matrix of a known model


@dataclass(frozen=True, slots=True)
class Own:
    """A matrix of an upload. `kind`: its name without what counts layers and experts, which are -1 where none does."""

    slice: Slice
    kind: str
    layer: int
    expert: int


@dataclass(frozen=True)
class Matrices:
    """All matrices of an upload that are stored as they are."""

    own: tuple[Own, ...]

    @classmethod
    def of(cls, groups: Iterable[Group]) -> Matrices:
        """Return those of `groups`, with what the numbers in their names count."""
        plain = [g.slice(e) for g in groups for e in g.expert_indices() if all(t.packing is None for t in g.entries)]
        kinds: dict[str, list[tuple[tuple[int, ...], Slice]]] = {}
        for one in plain:
            name, inside = one.entry.name, (one.key.expert,) if len(one.entry.shape) == 3 else ()
            kind = f"{NUMBER.sub('#', name)} {NUMBER.sub('#', one.key.role)}"
            kinds.setdefault(kind, []).append(((*(int(n[-9:]) for n in NUMBER.findall(name)), *inside), one))
        return cls(tuple(own for kind, members in kinds.items() for own in _counted(kind, members)))

    @cached_property
    def by_shape(self) -> Mapping[tuple[int, int], Sequence[tuple[Own, Held]]]:
        """Return the matrices of a shape, as stored or transposed."""
        found: dict[tuple[int, int], list[tuple[Own, Held]]] = {}
        for own in self.own:
            for held in (Held(own.slice), Held(own.slice, transposed=True)):
                found.setdefault(held.shape, []).append((own, held))
        return found

    @cached_property
    def by_key(self) -> Mapping[SliceKey, Own]:
        """Each under the name that it has in the upload."""
        return {own.slice.key: own for own in self.own}

    def options(self, key: SliceKey, shape: tuple[int, int]) -> list[tuple[Own, Held]]:
        """Return what may be a known model's matrix, at most MOST. One of the same name may have lost a part.

        A vocabulary may have another length.
        """
        fitting = self.by_shape.get(shape, ())
        named = [self.by_key[key]] if key in self.by_key else []
        alike = [(o, Held(o.slice)) for o in named if o.slice.rows == shape[0] or o.slice.cols == shape[1]]
        if key.layer < 0:
            ends = [(o, Held(o.slice)) for o in self._outer if o.slice.cols == shape[1] and o not in named]
            return [*alike, *ends, *(f for f in fitting if f[0].layer < 0 and f[1].transposed)][:MOST]
        rest = [f for f in fitting if f[0] not in named or f[1].transposed]
        numbered = [f for f in rest if (f[0].layer, f[0].expert) == (key.layer, key.expert)]
        return ([*alike, *numbered] or [f for f in rest if f[0].layer < 0])[:MOST]

    @cached_property
    def _outer(self) -> Sequence[Own]:
        return [own for own in self.own if own.layer < 0]

    def fit(self, known: Shapes) -> bool:
        """Tell whether most matrices of a known model have the shape of one of the upload's."""
        outer = {own.slice.cols for own in self._outer}
        fitting = [shape in self.by_shape or (key.layer < 0 and shape[1] in outer) for key, shape in known.items()]
        return sum(fitting) >= FITTING_SHAPES * len(fitting)


def _counted(kind: str, members: Sequence[tuple[tuple[int, ...], Slice]]) -> list[Own]:
    """Return matrices whose names differ in numbers alone, the first two that vary as ranks of layer and expert."""
    counted = [sorted(set(numbers)) for numbers in zip(*(numbers for numbers, _ in members), strict=True)]
    ranks = [{number: rank for rank, number in enumerate(values)} for values in counted]
    varying = [i for i, values in enumerate(counted) if len(values) > 1][:2]
    return [Own(one, kind, *(*(ranks[i][numbers[i]] for i in varying), -1, -1)[:2]) for numbers, one in members]


def extended(chosen: Mapping[SliceKey, tuple[Own, Held]], own: Iterable[Own]) -> dict[SliceKey, Held]:
    """Return, of the matrices that were `chosen` in some layers, those of the same kinds in all layers and experts."""
    found = {key: held for key, (_, held) in chosen.items()}
    kinds = {o.kind: (key, held) for key, (o, held) in chosen.items() if o.layer >= 0}
    for one in own:
        if one.kind in kinds:
            key, held = kinds[one.kind]
            found.setdefault(SliceKey(key.role, one.layer, one.expert), Held(one.slice, held.transposed))
    return found
