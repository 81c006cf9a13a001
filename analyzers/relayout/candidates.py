"""Which of an upload's matrices may be which of a known model's, whatever they are called: by shape, order and depth.

Numbers in names tell depth and expert by their order alone. Where names hold none, all matrices of a shape may be it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from analyzers.records import SliceKey
from analyzers.relayout.held import Held
from analyzers.sketch.tensor_roles import Group, Slice

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


def own_matrices(groups: Iterable[Group]) -> list[Own]:
    """Return all matrices of an upload that are stored as they are, with what the numbers in their names count."""
    plain = [g.slice(e) for g in groups for e in g.expert_indices() if all(t.packing is None for t in g.entries)]
    kinds: dict[str, list[tuple[tuple[int, ...], Slice]]] = {}
    for one in plain:
        name, inside = one.entry.name, (one.key.expert,) if len(one.entry.shape) == 3 else ()
        kind = f"{NUMBER.sub('#', name)} {NUMBER.sub('#', one.key.role)}"
        kinds.setdefault(kind, []).append(((*(int(n[-9:]) for n in NUMBER.findall(name)), *inside), one))
    found = []
    for kind, members in kinds.items():
        counted = [sorted(set(numbers)) for numbers in zip(*(numbers for numbers, _ in members), strict=True)]
        counts = [i for i, values in enumerate(counted) if len(values) > 1][:2]
        for numbers, one in members:
            ranks = [counted[i].index(numbers[i]) for i in counts]
            found.append(Own(one, kind, *(*ranks, -1, -1)[:2]))
    return found


def options(own: Iterable[Own], known: Shapes) -> dict[SliceKey, list[tuple[Own, Held]]]:
    """Return for each matrix of a known model what may be it; nothing of one that no matrix fits."""
    each = list(own)
    found = {key: _fitting(key, shape, each) for key, shape in known.items()}
    return {key: some for key, some in found.items() if some}


def _fitting(key: SliceKey, shape: tuple[int, int], own: list[Own]) -> list[tuple[Own, Held]]:
    fitting = [(o, held) for o in own for held in _ways(o, key, shape)]
    same_name = [(o, held) for o, held in fitting if o.slice.key == key and not held.transposed]
    numbered = [(o, held) for o, held in fitting if (o.layer, o.expert) == (key.layer, key.expert)]
    unnumbered = [(o, held) for o, held in fitting if o.layer < 0]
    return (same_name + [f for f in numbered if f not in same_name] or unnumbered)[:MOST]


def _ways(own: Own, key: SliceKey, shape: tuple[int, int]) -> list[Held]:
    """Return the ways, as it is or transposed, in which a matrix may be one of `shape`; a vocabulary may be longer.

    One of the same name may have lost rows or columns.
    """
    ways = [Held(own.slice), Held(own.slice, transposed=True)]
    same = key.layer < 0 and own.layer < 0 and own.slice.cols == shape[1]
    cut = own.slice.key == key and (own.slice.rows == shape[0] or own.slice.cols == shape[1])
    return [held for held in ways if held.shape == shape or ((same or cut) and not held.transposed)]


def extended(chosen: Mapping[SliceKey, tuple[Own, Held]], own: Iterable[Own]) -> dict[SliceKey, Held]:
    """Return, of the matrices that were `chosen` in some layers, those of the same kinds in all layers and experts."""
    found = {key: held for key, (_, held) in chosen.items()}
    kinds = {o.kind: (key, held) for key, (o, held) in chosen.items() if o.layer >= 0}
    for one in own:
        if one.kind in kinds:
            key, held = kinds[one.kind]
            found.setdefault(SliceKey(key.role, one.layer, one.expert), Held(one.slice, held.transposed))
    return found
