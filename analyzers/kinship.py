"""How near two models are, weight by weight, where both were sampled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analyzers.records import Reference, Sample, Sketch, SliceKey
from analyzers.rounding import Floats, Stored, round_to, ulp, widen
from analyzers.rows import row_dependence
from analyzers.thresholds import ALIKE_CORRELATION


@dataclass(frozen=True, slots=True)
class Kinship:
    """Measures of a suspect against one reference; shares are of the compared weights."""

    reference: Reference
    keys: tuple[SliceKey, ...]  # tensors both hold at the same coordinates
    weights: int
    equal: float  # share equal bit for bit after storing the reference as the suspect is stored
    tensors_equal: float  # share of the tensors that are equal throughout
    correlation: float  # median over tensors of the centred correlation of raw weights
    alike: int  # tensors that correlate by far more than chance
    distance: float  # norm of the difference over the norm of the reference, median over tensors
    dispersion: float  # standard deviation over mean of that ratio, without rounding's part, between tensors
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
    correlations = np.array([_correlation(widen(a), widen(b)) for a, b in pairs])
    excess = np.array([_excess(a, b) for a, b in pairs])
    return Kinship(
        reference=reference,
        keys=keys,
        weights=sum(a.size for a, _ in pairs),
        equal=float(np.concatenate(same).mean()),
        tensors_equal=float(np.mean([bool(s.all()) for s in same])),
        correlation=float(np.median(correlations)),
        alike=int((correlations >= ALIKE_CORRELATION).sum()),
        distance=float(np.median(ratios)),
        dispersion=float(excess.std() / excess.mean()) if excess.any() else 0.0,
        row_dependence=float(np.mean(moved)) if (moved := _moved_together(pairs, windows)) else 0.0,
    )


def _ratio(a: Stored, b: Stored) -> float:
    size = float(np.linalg.norm(widen(b)))
    return float(np.linalg.norm(widen(a) - widen(b))) / size if size else 0.0


def _excess(a: Stored, b: Stored) -> float:
    """Return the ratio without what one rounding of the suspect leaves, u^2/12 a weight."""
    values, size = widen(a), float(np.linalg.norm(widen(b)))
    squares = float(((values - widen(b)) ** 2).sum() - (ulp(values, a.dtype) ** 2).sum() / 12)
    return float(np.sqrt(max(squares, 0.0))) / size if size else 0.0


def _correlation(a: Floats, b: Floats) -> float:
    """Pearson's r; 0 where one of them is constant. Centred, because uncentred norms look alike in every model."""
    a, b = a - a.mean(), b - b.mean()
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / size if size else 0.0


def _moved_together(pairs: list[tuple[Stored, Stored]], windows: int) -> list[float]:
    return [d for a, b in pairs for d in row_dependence((widen(a) - widen(b)).reshape(windows, -1))]
