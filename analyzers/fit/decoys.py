"""Decoys: what coincidence would make of a difference between two models.

A decoy keeps the signs of a difference and takes its sizes from other weights of the tensor with the same ulp, half of
them away in order of size. Models that were trained alike share signs, and sizes only as far as all sizes are one: an
optimiser that takes signs moves every weight by the same steps. A weight tells only where a decoy is another value.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzers.compare.aligned import Mask
from analyzers.numbers.rounding import Floats


def decoy(delta: Floats, u: Floats, tensors: NDArray[np.int64]) -> Floats:
    """Return the decoy of a difference. `delta`, `u`: float64[weights]; `tensors`: which each weight is of."""
    level = np.round(np.log2(u)).astype(np.int64)
    order = np.lexsort((np.abs(delta), level, tensors))
    first = np.ones(order.size, np.bool_)
    first[1:] = (np.diff(level[order]) != 0) | (np.diff(tensors[order]) != 0)
    starts = np.flatnonzero(first)
    sizes = np.diff(np.append(starts, order.size))
    start, size = np.repeat(starts, sizes), np.repeat(sizes, sizes)
    partner = order[start + (np.arange(order.size) - start + size // 2) % size]
    found = np.empty_like(delta)
    found[order] = np.sign(delta[order]) * np.abs(delta[partner])
    return found


def telling(deltas: Floats, u: Floats, tensors: NDArray[np.int64], ulps: float) -> Mask:
    """Tell the weights on which every difference, and its distance from its decoy, is so many ulps, bool[weights].

    `deltas`: float64[differences, weights].
    """
    found: Mask = np.all(np.abs(deltas) >= ulps * u, axis=0)
    kept = np.flatnonzero(found)
    for delta in deltas:
        mine = delta[kept]
        apart = np.abs(mine - decoy(mine, u[kept], tensors[kept])) >= ulps * u[kept]
        found[kept] &= apart
    return found
