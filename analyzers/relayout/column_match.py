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
AT_ONCE = 1024  # columns that are held against all others
LEADING = 0.5  # of the columns that are found among those which are largest in the same row, or none is
NEAR_POWER = 0.1  # of the logarithm, base two, of a scale
Columns = NDArray[np.float32]


def match(own: Floats, known: Floats) -> Axis | None:
    """Return where each of `known`'s columns, float64[k, n], is among `own`'s, float64[k, m]; None if most are nowhere.

    Scales are powers of two with either sign where nearly all are near one.
    """
    told = np.isfinite(own).all(axis=1) & np.isfinite(known).all(axis=1)
    own, known = own[told], known[told]
    if min(own.shape) < 2 or min(known.shape) < 2:
        return None
    a, b = _unit(own.astype(np.float32)), _unit(known.astype(np.float32))
    found, r = _as_it_was(a, b)
    order, cosine = (found, r) if found is not None else _nearest(a, b)
    sure = (np.abs(cosine) >= SAME_COLUMN) & (order >= 0)
    if sure.sum() < SAME_COLUMNS * min(own.shape[1], known.shape[1]):
        return None
    order = np.where(sure, order, NONE)
    scale = np.ones(known.shape[1])
    sizes = [np.linalg.norm(m - m.mean(axis=0), axis=0) for m in (own, known)]
    scale[sure] = np.sign(cosine[sure]) * sizes[0][order[sure]] / sizes[1][sure]
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


def _unit(columns: Columns) -> Columns:
    """Return the columns, centred, so that a common offset makes none alike, and of length one; zeros stay."""
    centred = columns - columns.mean(axis=0)
    size = np.linalg.norm(centred, axis=0)
    found: Columns = np.divide(centred, size, out=np.zeros_like(centred), where=size > 0)
    return found


def _as_it_was(a: Columns, b: Columns) -> tuple[Ints | None, Columns]:
    same = (a[:, : b.shape[1]] * b[:, : a.shape[1]]).sum(axis=0)
    if a.shape == b.shape and float((np.abs(same) >= SAME_COLUMN).mean()) >= SAME_COLUMNS:
        return np.arange(b.shape[1]), same
    return None, same


def _nearest(a: Columns, b: Columns) -> tuple[Ints, Floats]:
    """Return for each column of `b` the one of `a` with the largest cosine, where each is the other's; else NONE.

    Columns that are the same have their largest value in the same row, but for a few, which are held against all.
    """
    order, r = np.full(b.shape[1], NONE), np.zeros(b.shape[1])
    rows_a, rows_b = np.abs(a).argmax(axis=0), np.abs(b).argmax(axis=0)
    for row in range(len(a)):
        _settle(a, b, np.flatnonzero(rows_a == row), np.flatnonzero(rows_b == row), order, r)
    if (order >= 0).sum() >= LEADING * min(a.shape[1], b.shape[1]):
        _settle(a, b, np.setdiff1d(np.arange(a.shape[1]), order), np.flatnonzero(order < 0), order, r)
    return order, r


def _settle(a: Columns, b: Columns, of_a: Ints, of_b: Ints, order: Ints, r: Floats) -> None:
    """Write which of some columns of `a` each of some of `b` is, where each is the other's nearest and near."""
    if not of_a.size or not of_b.size:
        return
    some = a[:, of_a]
    back, most = np.full(of_a.size, NONE), np.zeros(of_a.size)
    nearest, cosine = np.zeros(of_b.size, np.int64), np.zeros(of_b.size)
    for first in range(0, of_b.size, AT_ONCE):
        cosines = some.T @ b[:, of_b[first : first + AT_ONCE]]
        part = np.arange(first, first + cosines.shape[1])
        size = np.abs(cosines)
        nearest[part] = size.argmax(axis=0)
        cosine[part] = cosines[nearest[part], part - first]
        largest, where = size.max(axis=1), size.argmax(axis=1)
        back = np.where(largest > most, first + where, back)
        most = np.maximum(most, largest)
    sure = (back[nearest] == np.arange(of_b.size)) & (np.abs(cosine) >= SAME_COLUMN)
    order[of_b[sure]], r[of_b[sure]] = of_a[nearest[sure]], cosine[sure]
