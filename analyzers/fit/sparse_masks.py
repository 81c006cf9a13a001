"""Blends chosen element by element: which weights stayed on the base, which carry one parent's delta, which several.

Ties, dare, della, breadcrumbs, sce and arcee fusion (https://arxiv.org/abs/2306.01708, https://arxiv.org/abs/2311.03099)
mask each parent's delta and rescale what is left, so that a tensor holds a few kinds of weights: base + k_i delta_i for
the parents that survive there, with k of the tensor's own. Each kind is a spike in the ratio of two differences; honest
training has none. A weight is of a kind if it has the bits that the kind gives, in one rounding or with deltas in the
storage type. Only weights on which every parent lies DISTINCT_ULPS from the base, and from its decoy, are looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from analyzers.compare.aligned import Aligned, Mask, noise_floor
from analyzers.fit.decoys import decoy, telling
from analyzers.numbers.rounding import F32, Floats, round_to, widen
from analyzers.thresholds import DISTINCT_ULPS, MIN_TOLD

MIN_LEFT = 8  # weights that a spike is looked for in
HALF = 0.5 + 1e-6  # of an ulp: what one rounding leaves
IN_FLOAT32 = 2.0  # ulps: the last digits of a recipe in float32 are not known
PLACES = 2  # that people round weights to
SWEEPS = 2
FRACTIONS = np.linspace(0.1, 0.9, 9)


@dataclass(frozen=True, slots=True)
class Kinds:
    """Shares of the told weights by which parents' deltas they carry."""

    weights: int
    base: float  # still the base's, bit for bit
    single: tuple[float, ...]  # carry the delta of one parent, in the parents' order
    joint: float  # carry those of two or more
    alone: float  # are the base's, one parent's, or those of one known model, whichever has most of each row

    @property
    def covered(self) -> float:
        """The share that is of any of these kinds."""
        return self.base + sum(self.single) + self.joint

    def beyond(self, chance: float) -> float:
        """Return the share of the weights left by `chance` that these kinds cover: 0 for chance, 1 for all."""
        return (self.covered - chance) / (1.0 - chance) if chance < 1.0 else 0.0


@dataclass(frozen=True, slots=True)
class _Told:
    """The weights of one tensor that tell: suspect minus base, deltas [parents, weights] and reach, all float64."""

    y: Floats
    deltas: Floats
    reach: Floats
    rows: NDArray[np.int64]  # [weights]: the sampled row that each lies in
    alike: NDArray[np.bool_]  # [models, weights]: within reach of each known model
    dtype: np.dtype[np.generic]  # that the suspect is stored in

    def only(self, kept: Mask) -> _Told:
        y, deltas, reach, rows = self.y[kept], self.deltas[:, kept], self.reach[kept], self.rows[kept]
        return replace(self, y=y, deltas=deltas, reach=reach, rows=rows, alike=self.alike[:, kept])


def kinds_of(aligned: Aligned, base: int, parents: tuple[int, ...], swapped: int = -1) -> Kinds | None:
    """Sort the told weights into kinds; None where too few tell in every tensor.

    Scales that are fitted to the other rows of a tensor sort each row, so that a row's own scale explains nothing; so
    do those of the median tensor, where they meet more. The parent `swapped` has its decoy's deltas, which cover what
    coincidence does.
    """
    parts = (_told(aligned.only(aligned.tensors == t), base, parents, swapped) for t in range(len(aligned.keys)))
    enough = [t for t in parts if t.y.size >= MIN_TOLD]
    rows = [(t.only(t.rows == row), t.only(t.rows != row)) for t in enough for row in np.unique(t.rows)]
    if not rows:
        return None
    fitted = [_scales(rest) for _, rest in rows]
    median = _median(np.array(fitted))
    counts = [
        _counts(mine, max((median, own), key=lambda scales: float(_counts(rest, scales).sum())))
        for (mine, rest), own in zip(rows, fitted, strict=True)
    ]
    alone = [max(int(mine.alike.sum(axis=1).max()), c[:-1].max()) for (mine, _), c in zip(rows, counts, strict=True)]
    weights = sum(mine.y.size for mine, _ in rows)
    base_share, *single, joint = (float(c) for c in np.sum(counts, axis=0) / weights)
    return Kinds(weights, base_share, tuple(single), joint, float(sum(alone)) / weights)


def _median(scales: Floats) -> Floats:
    """Return the median of the scales that were found, float64[rows, sets, parents]; 0 where none was."""
    found = scales != 0
    each = np.sort(np.where(found, scales, np.inf), axis=0)
    middle = np.maximum(found.sum(axis=0) - 1, 0)[None] // 2
    return np.where(found.any(axis=0), np.take_along_axis(each, middle, axis=0)[0], 0.0)


def _told(part: Aligned, base: int, parents: tuple[int, ...], swapped: int) -> _Told:
    u = noise_floor(part.suspect, part.candidates)
    origin = part.candidates[base]
    deltas = part.candidates[list(parents)] - origin
    told = telling(deltas, u, part.tensors, DISTINCT_ULPS) & (widen(part.suspect) != 0)  # pruned alike, not merged
    deltas = deltas[:, told]
    if swapped in parents:
        at = parents.index(swapped)
        deltas[at] = decoy(deltas[at], u[told], part.tensors[told])
    sample = part.references[base].sketch
    length = sample.samples[part.keys[part.tensors[0]]].values.size // sample.spec.windows
    reach = (IN_FLOAT32 if part.suspect.dtype == F32 else HALF) * u[told]
    alike = np.abs(widen(part.suspect)[told] - part.candidates[:, told]) <= reach
    y, rows = (widen(part.suspect) - origin)[told], part.places[told] // length
    return _Told(y, deltas, reach, rows, alike, part.suspect.dtype)


def _sets(parents: int) -> list[tuple[int, ...]]:
    """Return the sets of parents that a weight may carry the deltas of, those of one before those of several."""
    return [some for size in range(1, parents + 1) for some in combinations(range(parents), size)]


def _scales(told: _Told) -> Floats:
    """Return the scales of each set of parents, float64[sets, parents], each fitted to what those before it leave."""
    left = ~_still(told)
    scales = np.zeros((0, len(told.deltas)))
    for some in _sets(len(told.deltas)):
        scales = np.vstack([scales, _fitted(told.only(left), some, scales)])
        left = left & ~_hit(told, scales[-1])
    return scales


def _counts(told: _Told, scales: Floats) -> Floats:
    """Count the weights of each kind: the base's, each parent's, those of several."""
    still = _still(told)
    left = ~still
    counts = np.zeros(len(told.deltas) + 2)
    counts[0] = still.sum()
    for some, scale in zip(_sets(len(told.deltas)), scales, strict=True):
        hit = left & _hit(told, scale)
        counts[some[0] + 1 if len(some) == 1 else -1] += hit.sum()
        left = left & ~hit
    return counts


def _still(told: _Told) -> Mask:
    return np.asarray(np.abs(told.y) <= told.reach / 2)


def _hit(told: _Told, scales: Floats) -> Mask:
    """Tell which weights carry the deltas at these scales; one delta next to the base may be a weight that moved."""
    moved = scales @ told.deltas
    far = (np.abs(moved) >= 4 * told.reach) | (np.count_nonzero(scales) > 1)
    products = [widen(round_to(s * d, told.dtype)) for s, d in zip(scales, told.deltas, strict=True)]
    stored = widen(round_to(sum(products, np.zeros(told.y.size)), told.dtype))
    same = (np.abs(told.y - moved) <= told.reach) | (np.abs(told.y - stored) <= told.reach)
    return np.asarray(same & far)


def _fitted(told: _Told, some: tuple[int, ...], before: Floats) -> Floats:
    """Return the scales, float64[parents], at which the deltas of `some` together meet most weights.

    `before`: the scales of the sets before, those of each parent alone first.
    """
    found = np.zeros(len(told.deltas))
    if told.y.size < MIN_LEFT:
        return found
    deltas, starts = told.deltas[list(some)], np.zeros((1, 1))
    if len(some) > 1:
        own = before[list(some), list(some)]
        likely = np.linalg.lstsq((deltas / told.reach).T, told.y / told.reach, rcond=None)[0]
        starts = np.vstack([own, own / len(some), likely])
        if len(some) == 2:
            starts = np.vstack([starts, own * np.stack([FRACTIONS, 1 - FRACTIONS], axis=1)])
    for _ in range(SWEEPS if len(some) > 1 else 1):
        for j, delta in enumerate(deltas):
            starts[:, j] += _stabs(told.y - starts @ deltas, delta, told.reach)
    starts = np.vstack([np.round(starts, PLACES), starts])
    met = (np.abs(told.y - starts @ deltas) <= told.reach).sum(axis=1)
    found[list(some)] = starts[int(met.argmax())]
    return found


def _stabs(gaps: Floats, delta: Floats, reach: Floats) -> Floats:
    """Return for each row of `gaps` the middle of where gap - reach <= t * delta <= gap + reach holds most often."""
    lower, upper = (gaps - reach) / delta, (gaps + reach) / delta
    points = np.concatenate([np.minimum(lower, upper), np.maximum(lower, upper)], axis=1)
    order = points.argsort(axis=1)
    ends = np.take_along_axis(points, order, axis=1)
    best = np.where(order < delta.size, 1, -1).cumsum(axis=1).argmax(axis=1)
    each = np.arange(len(gaps))
    return np.asarray((ends[each, best] + ends[each, np.minimum(best + 1, ends.shape[1] - 1)]) / 2)
