"""Whether the rows of a matrix moved together, as training makes them move, or each for itself, as noise does."""

from __future__ import annotations

import numpy as np

from analyzers.rounding import Floats

MIN_ROW = 16  # weights in a row below which a correlation says nothing


def row_dependence(rows: Floats) -> list[float]:
    """Return n r^2 of each pair of rows that lie in the same columns: those of the first half, and of the second.

    `rows`: float64[windows, n]. Rows that did not move at all, or are too short to correlate, say nothing.
    """
    found = []
    for half in np.split(rows, 2):
        moved = half - half.mean(axis=1, keepdims=True)
        moved = moved[np.linalg.norm(moved, axis=1) > 0]
        if moved.shape[0] < 2 or moved.shape[1] < MIN_ROW:
            continue
        unit = moved / np.linalg.norm(moved, axis=1, keepdims=True)
        r = (unit @ unit.T)[np.triu_indices(len(unit), 1)]
        found.append(float((r**2).mean()) * moved.shape[1])
    return found
