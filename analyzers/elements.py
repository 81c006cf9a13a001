"""Blends chosen element by element: which weights stayed on the base, which carry one parent's delta, which several.

Ties, dare, della, breadcrumbs, sce and arcee fusion (https://arxiv.org/abs/2306.01708, https://arxiv.org/abs/2311.03099)
mask each parent's delta and rescale what is left, so that a tensor holds a few kinds of weights: base + k_i delta_i for
the parents that survive there, with k of the tensor's own. Each kind is a spike in the ratio of two differences; honest
training has none. Only weights on which every parent lies DISTINCT_ULPS from the base are looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from analyzers.aligned import Aligned, Mask, noise_floor
from analyzers.mixing import stab
from analyzers.rounding import Floats, widen
from analyzers.thresholds import DISTINCT_ULPS, MIN_TOLD

MIN_LEFT = 8  # weights that a spike is looked for in
REACH = 1.01  # ulps: the storage type rounds deltas, products and sums
SWEEPS = 2
FRACTIONS = np.linspace(0.1, 0.9, 17)


@dataclass(frozen=True, slots=True)
class Kinds:
    """Shares of the told weights of a tensor, or of all tensors, by which parents' deltas they carry."""

    weights: int
    base: float  # still the base's, bit for bit
    single: tuple[float, ...]  # carry the delta of one parent, in the parents' order
    joint: float  # carry those of two or more

    @property
    def covered(self) -> float:
        """The share that is of any of these kinds."""
        return self.base + sum(self.single) + self.joint

    @property
    def beyond_largest(self) -> float:
        """Of the weights that are not of the commonest kind, the share that the other kinds cover."""
        largest = max(self.base, self.joint, *self.single)
        return (self.covered - largest) / (1.0 - largest) if largest < 1.0 else 0.0


@dataclass(frozen=True, slots=True)
class _Told:
    """The weights of one tensor that tell: suspect minus base, deltas [parents, weights] and reach, all float64."""

    y: Floats
    deltas: Floats
    reach: Floats


def kinds_of(
    aligned: Aligned, base: int, parents: tuple[int, ...], tensors: tuple[int, ...], decoy: int = -1
) -> Kinds | None:
    """Sort the told weights of `tensors` (rows of aligned.keys) into kinds; None where none tells enough.

    The deltas of the parent `decoy` are moved half a tensor further, so that it covers what coincidence covers.
    """
    parts = (aligned.only(aligned.tensors == t) for t in tensors)
    found = [k for part in parts if (k := _tensor(_told(part, base, parents, decoy)))]
    if not found:
        return None
    share = np.array([k.weights for k in found], dtype=np.float64)
    share /= share.sum()
    single = np.array([k.single for k in found]).T @ share
    return Kinds(
        weights=sum(k.weights for k in found),
        base=float(share @ [k.base for k in found]),
        single=tuple(float(s) for s in single),
        joint=float(share @ [k.joint for k in found]),
    )


def nearest_share(aligned: Aligned, base: int, parents: tuple[int, ...]) -> float:
    """Return the largest share of the told weights that lie within reach of any one known model."""
    u = noise_floor(aligned.suspect, aligned.candidates)
    origin = aligned.candidates[base]
    told = (np.abs(aligned.candidates[list(parents)] - origin) >= DISTINCT_ULPS * u).all(axis=0)
    told &= widen(aligned.suspect) != 0
    if not told.any():
        return 0.0
    gaps = np.abs(widen(aligned.suspect)[told] - aligned.candidates[:, told])
    return float((gaps <= REACH * u[told]).mean(axis=1).max())


def _told(part: Aligned, base: int, parents: tuple[int, ...], decoy: int) -> _Told:
    u = noise_floor(part.suspect, part.candidates)
    origin = part.candidates[base]
    deltas = part.candidates[list(parents)] - origin
    told = (np.abs(deltas) >= DISTINCT_ULPS * u).all(axis=0) & (widen(part.suspect) != 0)  # pruned alike, not merged
    deltas = deltas[:, told]
    if decoy in parents:
        at = parents.index(decoy)
        deltas[at] = np.roll(deltas[at], deltas.shape[1] // 2)
    return _Told((widen(part.suspect) - origin)[told], deltas, REACH * u[told])


def _tensor(told: _Told) -> Kinds | None:
    count = told.y.size
    if count < MIN_TOLD:
        return None
    base = np.abs(told.y) <= told.reach / 4
    left = ~base
    scales: list[float] = []
    hits: list[Mask] = []
    for delta in told.deltas:
        scale = stab(told.y[left], delta[left], told.reach[left]) if left.sum() >= MIN_LEFT else 0.0
        far = (
            np.abs(scale * delta) >= DISTINCT_ULPS * told.reach
        )  # a spike next to the base is a weight that hardly moved
        hit = left & far & (np.abs(told.y - scale * delta) <= told.reach)
        scales.append(scale)
        hits.append(hit)
        left = left & ~hit
    joint = 0
    for size in range(2, len(told.deltas) + 1):
        for some in combinations(range(len(told.deltas)), size):
            hit = _joint(told, left, some, scales)
            joint += int(hit.sum())
            left = left & ~hit
    return Kinds(count, float(base.mean()), tuple(float(h.mean()) for h in hits), joint / count)


def _joint(told: _Told, left: Mask, some: tuple[int, ...], scales: list[float]) -> Mask:
    """Return which of the weights `left` carry the deltas of all of `some`, with scales of their own."""
    if left.sum() < MIN_LEFT:
        return np.zeros_like(left)
    y, deltas, reach = told.y[left], told.deltas[list(some)][:, left], told.reach[left]
    own = np.array([scales[i] for i in some])
    starts = [own, np.linalg.lstsq((deltas / reach).T, y / reach, rcond=None)[0]]
    if len(some) == 2:
        starts += [own * (f, 1 - f) for f in FRACTIONS]
    best = np.zeros(y.size, bool)
    for start in starts:
        found = start.astype(np.float64)
        for _ in range(SWEEPS):
            for j, delta in enumerate(deltas):
                found[j] += stab(y - found @ deltas, delta, reach)
        hit = np.abs(y - found @ deltas) <= reach
        best = hit if hit.sum() > best.sum() else best
    out = np.zeros_like(left)
    out[left] = best
    return out
