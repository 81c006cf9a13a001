"""How an independent upload compares with known models: raw matrices at chance, and what agrees by convention."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from typing import Final

import numpy as np

from analyzers.compare.kinship import common_keys
from analyzers.numbers.rounding import Floats, widen
from analyzers.records import Reference, Sketch, SliceKey

CHANCE: Final = 3.29  # deviations of a normal distribution that 99.9 of 100 unrelated pairs stay within, both sides
LEAST: Final = 8  # values from which a correlation says anything
MOST: Final = 12  # known models that are shown, the nearest first


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two models at the coordinates that both hold. None: too little to measure it.

    `matrices`: centred correlation of raw weights, mean over tensors weighted by their size. `chance`: half width of
    the band around 0 that unrelated weights stay in. `norms`: cosine of one-row tensors, not centred. `deviations`:
    correlation of the tensors' standard deviations.
    """

    one: str
    other: str
    matrices: float
    chance: float
    weights: int
    tensors: int
    norms: float | None
    deviations: float | None


def agreements(suspect: Sketch, references: Sequence[Reference]) -> tuple[Agreement, ...]:
    """Return how the suspect agrees with each known model, the largest correlation first, at most MOST."""
    found = [a for r in references if (a := agreement(suspect, r.sketch)) is not None]
    return tuple(sorted(found, key=lambda a: (-abs(a.matrices), a.other))[:MOST])


def related_pairs(references: Sequence[Reference]) -> tuple[Agreement, ...]:
    """Return how the known models agree with each other, the largest correlation first: the other end of the scale."""
    pairs = combinations([r.sketch for r in references[:MOST]], 2)
    found = [a for one, other in pairs if (a := agreement(one, other)) is not None]
    return tuple(sorted(found, key=lambda a: (-abs(a.matrices), a.one, a.other))[:3])


def agreement(one: Sketch, other: Sketch) -> Agreement | None:
    """Measure two sketches; None if they share no matrix."""
    keys = common_keys(one, other)
    pairs = [(key, x, y) for key, x, y in _pairs(one, other, keys) if min(np.ptp(x), np.ptp(y)) > 0]
    matrices = [(x, y) for key, x, y in pairs if one.samples[key].rows > 1]
    sizes = np.array([x.size for x, _ in matrices])
    if not matrices:
        return None
    each = np.array([np.corrcoef(x, y)[0, 1] for x, y in matrices])
    rows = [(x, y) for key, x, y in _pairs(one, other, keys) if one.samples[key].rows == 1]
    spread = [np.array([np.std(pair[side]) for pair in matrices]) for side in (0, 1)]
    return Agreement(
        one.ref.repo_id,
        other.ref.repo_id,
        float(np.average(each, weights=sizes)),
        CHANCE / sqrt(int(sizes.sum())),
        int(sizes.sum()),
        len(matrices),
        _cosine(rows),
        float(np.corrcoef(spread[0], spread[1])[0, 1]) if _tells(spread) else None,
    )


def _pairs(one: Sketch, other: Sketch, keys: Sequence[SliceKey]) -> Iterator[tuple[SliceKey, Floats, Floats]]:
    """Yield the finite weights of both models, tensor by tensor."""
    for key in keys:
        x, y = widen(one.samples[key].values), widen(other.samples[key].values)
        told = np.isfinite(x) & np.isfinite(y)
        if np.count_nonzero(told) >= LEAST:
            yield key, x[told], y[told]


def _cosine(rows: Sequence[tuple[Floats, Floats]]) -> float | None:
    if not rows:
        return None
    x, y = (np.concatenate([pair[side] for pair in rows]) for side in (0, 1))
    size = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(x @ y) / size if size else None


def _tells(spread: Sequence[Floats]) -> bool:
    return len(spread[0]) >= LEAST and all(bool(np.ptp(one) > 0) for one in spread)
