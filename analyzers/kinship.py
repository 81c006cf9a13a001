"""How near two models are, weight by weight, where both were sampled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzers.records import Reference, Sample, Sketch, SliceKey
from analyzers.rounding import Floats, Stored, round_to, widen

MIN_ROW = 16  # weights in a row below which a correlation says nothing


@dataclass(frozen=True, slots=True)
class Kinship:
    """Measures of a suspect against one reference; shares are of the compared weights."""

    reference: Reference
    keys: tuple[SliceKey, ...]  # tensors both hold at the same coordinates
    weights: int
    equal: float  # share equal bit for bit after storing the reference as the suspect is stored
    tensors_equal: float  # share of the tensors that are equal throughout
    correlation: float  # median over tensors of the centred correlation of raw weights
    distance: float  # norm of the difference over the norm of the reference, median over tensors
    dispersion: float  # standard deviation over mean of that ratio between tensors; 0 where equal
    row_dependence: float  # mean n r^2 of the difference between rows of one tensor: 1 for independent noise


def common_keys(suspect: Sketch, other: Sketch) -> tuple[SliceKey, ...]:
    """Return the slices that both sampled at the same coordinates."""
    return tuple(k for k in sorted(suspect.samples) if same_place(suspect.samples[k], other.samples.get(k)))


def same_place(a: Sample, b: Sample | None) -> bool:
    """Tell whether two samples of one slice hold the same coordinates; appended rows do not matter."""
    return b is not None and (a.cols, a.row, a.values.size) == (b.cols, b.row, b.values.size)


def kinship(suspect: Sketch, reference: Reference, windows: int) -> Kinship | None:
    """Measure; None if they share no coordinates."""
    keys = common_keys(suspect, reference.sketch)
    if not keys:
        return None
    pairs = [(suspect.samples[k].values, reference.sketch.samples[k].values) for k in keys]
    same = [a == round_to(widen(b), a.dtype) for a, b in pairs]
    ratios = np.array([_ratio(a, b) for a, b in pairs])
    return Kinship(
        reference=reference,
        keys=keys,
        weights=sum(a.size for a, _ in pairs),
        equal=float(np.concatenate(same).mean()),
        tensors_equal=float(np.mean([bool(s.all()) for s in same])),
        correlation=float(np.median([_correlation(widen(a), widen(b)) for a, b in pairs])),
        distance=float(np.median(ratios)),
        dispersion=float(ratios.std() / ratios.mean()) if ratios.any() else 0.0,
        row_dependence=_row_dependence(pairs, windows),
    )


def _ratio(a: Stored, b: Stored) -> float:
    size = float(np.linalg.norm(widen(b)))
    return float(np.linalg.norm(widen(a) - widen(b))) / size if size else 0.0


def _correlation(a: Floats, b: Floats) -> float:
    """Pearson's r; 0 where one of them is constant. Centred, because uncentred norms look alike in every model."""
    a, b = a - a.mean(), b - b.mean()
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / size if size else 0.0


def _row_dependence(pairs: list[tuple[Stored, Stored]], windows: int) -> float:
    """Return mean n r^2 over pairs of rows of the difference. Training moves the rows of a matrix along common
    directions (each step is a sum of outer products); noise does not.
    """
    found: list[float] = []
    for a, b in pairs:
        rows: NDArray[np.float64] = (widen(a) - widen(b)).reshape(windows, -1)
        rows = rows - rows.mean(axis=1, keepdims=True)
        rows = rows[np.linalg.norm(rows, axis=1) > 0]
        if rows.shape[0] < 2 or rows.shape[1] < MIN_ROW:
            continue
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        r = (unit @ unit.T)[np.triu_indices(len(unit), 1)]
        found.append(float((r**2).mean()) * rows.shape[1])
    return float(np.mean(found)) if found else 0.0
