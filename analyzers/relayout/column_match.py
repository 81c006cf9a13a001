"""Which column of one matrix is which of another's, from a few rows of both: the same values in another order, scaled.

Matching by cosine, as AWM does on embeddings (https://arxiv.org/abs/2510.06738). By chance two columns of `ROWS`
independent values reach `SAME_COLUMN` in 1 of 10^11.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzers.numbers.rounding import Floats
from analyzers.relayout.held import NONE, Axis, Ints
from analyzers.thresholds import SAME_COLUMN, SAME_COLUMNS

ROWS = 32  # of a matrix that tell its columns apart
AT_ONCE = 256  # columns that are held against all others
NEAR_POWER = 0.1  # of the logarithm, base two, of a scale


def match(own: Floats, known: Floats) -> Axis | None:
    """Return where each of `known`'s columns, float64[k, n], is among `own`'s, float64[k, m]; None if most are nowhere.

    Scales are powers of two with either sign where nearly all are near one.
    """
    told = np.isfinite(own).all(axis=1) & np.isfinite(known).all(axis=1)
    own, known = own[told], known[told]
    if min(own.shape) < 2 or min(known.shape) < 2:
        return None
    a, b = _unit(own), _unit(known)
    order, r = _as_it_was(a, b)
    if order is None:
        order, r = _nearest(a, b)
    sure = (np.abs(r) >= SAME_COLUMN) & (order >= 0)
    if sure.sum() < SAME_COLUMNS * min(own.shape[1], known.shape[1]):
        return None
    order = np.where(sure, order, NONE)
    scale = np.ones(known.shape[1])
    sizes = [np.linalg.norm(m - m.mean(axis=0), axis=0) for m in (own, known)]
    scale[sure] = np.sign(r[sure]) * sizes[0][order[sure]] / sizes[1][sure]
    powers = np.round(np.log2(np.abs(scale)))
    near = np.abs(np.log2(np.abs(scale)) - powers) <= NEAR_POWER
    if near[sure].mean() < SAME_COLUMNS:
        return Axis(order, scale, rounded=True)
    return Axis(np.where(near, order, NONE), np.where(near, np.sign(scale) * 2.0**powers, 1.0))


def is_as_it_was(axis: Axis, size: int) -> bool:
    """Tell whether an axis of `size` changed nothing."""
    return (
        bool((axis.order == np.arange(len(axis.order))).all() and (axis.scale == 1).all()) and len(axis.order) == size
    )


def _unit(columns: Floats) -> Floats:
    """Return the columns, centred, so that a common offset makes none alike, and of length one; zeros stay."""
    centred = columns - columns.mean(axis=0)
    size = np.linalg.norm(centred, axis=0)
    found: Floats = np.divide(centred, size, out=np.zeros_like(centred), where=size > 0)
    return found


def _as_it_was(a: Floats, b: Floats) -> tuple[Ints | None, Floats]:
    same = (a[:, : b.shape[1]] * b[:, : a.shape[1]]).sum(axis=0)
    if a.shape == b.shape and float((np.abs(same) >= SAME_COLUMN).mean()) >= SAME_COLUMNS:
        return np.arange(b.shape[1]), same
    return None, same


def _nearest(a: Floats, b: Floats) -> tuple[Ints, Floats]:
    """Return for each column of `b` the one of `a` with the largest cosine, where each is the other's; else NONE."""
    count = b.shape[1]
    order, r = np.zeros(count, np.int64), np.zeros(count)
    back, most = np.zeros(a.shape[1], np.int64), np.zeros(a.shape[1])
    for first in range(0, count, AT_ONCE):
        cosines = a.T @ b[:, first : first + AT_ONCE]
        size: Floats = np.abs(cosines)
        part = slice(first, first + cosines.shape[1])
        order[part] = size.argmax(axis=0)
        r[part] = cosines[order[part], np.arange(cosines.shape[1])]
        better: NDArray[np.bool_] = size.max(axis=1) > most
        back[better] = first + size.argmax(axis=1)[better]
        most = np.maximum(most, size.max(axis=1))
    return np.where(back[order] == np.arange(count), order, NONE), r
