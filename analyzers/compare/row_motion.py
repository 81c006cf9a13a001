"""Whether the rows of a matrix moved together, as training makes them move, or each for itself, as noise does."""

from __future__ import annotations

import numpy as np

from analyzers.numbers.rounding import Floats

MIN_ROW = 16  # weights in a row below which a correlation says nothing


def row_dependence(rows: Floats) -> list[float]:
    """Return the mean n r^2 of pairs of rows in the same columns: the first half of a tensor's rows, and the second.

    `rows`: float64[..., windows, n], of one tensor or of several. Rows that did not move at all, or are too short to
    correlate, say nothing.
    """
    n = rows.shape[-1]
    if n < MIN_ROW:
        return []
    found = []
    for half in np.split(rows, 2, axis=-2):
        moved = half - half.mean(axis=-1, keepdims=True)
        size = np.linalg.norm(moved, axis=-1, keepdims=True)
        unit = np.divide(moved, size, out=np.zeros_like(moved), where=size > 0)
        count = (size > 0).sum(axis=(-2, -1))
        squares = ((unit @ unit.swapaxes(-1, -2)) ** 2).sum(axis=(-2, -1)) - count  # without each row with itself
        told = count >= 2
        found += (n * squares[told] / (count * (count - 1))[told]).tolist()
    return found
