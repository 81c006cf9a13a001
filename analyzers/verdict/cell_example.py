"""One decisive weight of a mix, measured in steps of its number format, to show what a rounding cell proves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analyzers.compare.aligned import align
from analyzers.fit.fitness import decisive
from analyzers.numbers.rounding import cell, equal, store, widen
from analyzers.records import Compared


@dataclass(frozen=True, slots=True)
class CellExample:
    """A weight whose cell holds the mix and no parent. Places are in cell widths from the stored value.

    The cell reaches from -0.5 to 0.5. No stored value of any model can be read back from the places alone.
    """

    layer: int  # -1: outside the layers
    module: str
    mix: float
    parents: Mapping[str, float]  # by repo id
    decisive: int  # compared weights at which no parent would be stored as the mix is
    inside: int  # of those: weights whose cell holds the mix


def cell_example(seen: Compared, coefficients: Mapping[str, float]) -> CellExample | None:
    """Return the decisive weight whose parents lie nearest to it; None if no weight shows the mix.

    `coefficients`: of every parent, dimensionless. A mix that is not linear shows none.
    """
    parents = [r for r in seen.references if r.repo_id in coefficients]
    if len(parents) < 2 or len(parents) != len(coefficients):
        return None
    aligned = align(seen.suspect, parents)
    if aligned is None:
        return None
    mix = np.array([coefficients[r.repo_id] for r in aligned.references]) @ aligned.candidates
    stored = np.stack([store(row, aligned.suspect) for row in aligned.candidates])
    told = decisive(aligned, store(mix, aligned.suspect), stored)
    inside = told & equal(mix, aligned.suspect)
    width, value = cell(aligned.suspect), widen(aligned.suspect)
    places = (np.vstack([mix, aligned.candidates]) - value) / width
    shown = np.flatnonzero(inside & (np.abs(places[0]) <= 0.5) & (np.abs(places[1:]) > 0.5).all(axis=0))
    if not shown.size:
        return None
    best = int(shown[np.argmin(np.abs(places[1:, shown]).max(axis=0))])
    key = aligned.keys[int(aligned.tensors[best])]
    its = {r.repo_id: float(place) for r, place in zip(aligned.references, places[1:, best], strict=True)}
    return CellExample(key.layer, key.role, float(places[0, best]), its, int(told.sum()), int(inside.sum()))
