"""How near two models are, weight by weight, where both were sampled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzers.compare.row_motion import row_dependence
from analyzers.numbers.quantized import Quantized
from analyzers.numbers.rounding import Floats, Kept, Stored, cell, equal, widen
from analyzers.records import Reference, Sample, Sketch, SliceKey
from analyzers.sketch.fixed_width import SketchClass
from analyzers.thresholds import ALIKE_CORRELATION, RELATED_CORRELATION, RELATED_TENSORS


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
    groups, cells, finite, same, moved = [], [], [], [], []
    for kept, b, u in _alike_in_kind(suspect, reference.sketch, keys):
        a = np.reshape(widen(kept), b.shape)
        told = np.isfinite(a) & np.isfinite(b)  # the rest is no weight, and counts nowhere
        finite.append(told)
        groups.append((np.where(told, a, 0.0), np.where(told, b, 0.0)))
        moved.append(np.where(told & (a != 0), a - b, 0.0))  # pruning is neither noise nor training
        cells.append(np.where(told, np.reshape(u, b.shape), 0.0))
        same.append(equal(b, kept) | ~told)
    weights = sum(int(told.sum()) for told in finite)
    if not weights:
        return None
    ratios = np.concatenate([_ratios(a, b) for a, b in groups])
    correlations = np.concatenate([_correlations(a, b) for a, b in groups])
    excess = np.concatenate([_excess(d, b, u) for d, (_, b), u in zip(moved, groups, cells, strict=True)])
    dependence = [r for d in moved for r in row_dependence(d.reshape(len(d), windows, -1))]
    return Kinship(
        reference=reference,
        keys=keys,
        weights=weights,
        equal=sum(int((s & told).sum()) for s, told in zip(same, finite, strict=True)) / weights,
        tensors_equal=sum(int(s.all(axis=1).sum()) for s in same) / len(keys),
        correlation=float(np.median(correlations)),
        alike=int((correlations >= ALIKE_CORRELATION).sum()),
        distance=float(np.median(ratios)),
        dispersion=float(excess.std() / excess.mean()) if excess.any() else 0.0,
        row_dependence=float(np.mean(dependence)) if dependence else 0.0,
    )


def kin_among(sketch: Sketch, of: SketchClass, records: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell which records of a class, uint8[n, width], are a model's kin, bool[n]; no sketch is made of any.

    The same as `kinship` says of each, whichever of the two is the suspect: correlation has no direction.
    """
    shared = [(slot, column) for slot, column in of.shared(sketch) if slot.size]
    if len(shared) < RELATED_TENSORS:
        return np.zeros(len(records), bool)
    with np.errstate(all="ignore"):  # a record may hold anything; what is not a number is no kin
        pairs = [(of.values(records, slot, column), sketch.samples[slot.key].values) for slot, column in shared]
        r = np.stack([_correlations(widen(theirs), widen(own)[None]) for theirs, own in pairs])
        alike = (r >= ALIKE_CORRELATION).sum(axis=0) >= RELATED_TENSORS
        found: NDArray[np.bool_] = (np.median(r, axis=0) >= RELATED_CORRELATION) | alike
    return found


def _alike_in_kind(suspect: Sketch, other: Sketch, keys: Sequence[SliceKey]) -> Iterator[tuple[Kept, Floats, Floats]]:
    """Yield the suspect's weights, the other's values and the suspect's cells of all tensors of one type and size.

    All are [tensors, weights], but the weights and cells of a quantized tensor, which stands alone: [weights].
    """
    groups: dict[tuple[np.dtype[np.generic], int], list[Stored]] = {}
    theirs: dict[tuple[np.dtype[np.generic], int], list[Floats]] = {}
    for key in keys:
        values, its = suspect.samples[key].kept, widen(other.samples[key].values)
        if isinstance(values, Quantized):
            yield values, its[None], cell(values)
        else:
            groups.setdefault((values.dtype, values.size), []).append(values)
            theirs.setdefault((values.dtype, values.size), []).append(its)
    for kind, some in groups.items():
        stacked = np.stack(some)
        yield stacked, np.stack(theirs[kind]), cell(stacked)


def _over(part: Floats, whole: Floats) -> Floats:
    """Divide; 0 where the whole is 0."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole != 0)


def _ratios(a: Floats, b: Floats) -> Floats:
    return _over(np.linalg.norm(a - b, axis=1), np.linalg.norm(b, axis=1))


def _excess(moved: Floats, b: Floats, u: Floats) -> Floats:
    """Return the ratios of the difference to `b` without what one rounding of the suspect leaves, u^2/12 a weight."""
    squares = (moved**2).sum(axis=1) - (u**2).sum(axis=1) / 12
    return _over(np.sqrt(np.maximum(squares, 0.0)), np.linalg.norm(b, axis=1))


def pearson(a: Floats, b: Floats) -> float:
    """Return Pearson's r of two vectors, float64[weights], where both are numbers; 0 where one of them is constant."""
    told = np.isfinite(a) & np.isfinite(b)
    return float(_correlations(a[None, told], b[None, told])[0])


def _correlations(a: Floats, b: Floats) -> Floats:
    """Pearson's r; 0 where one of them is constant. Centred, because uncentred norms look alike in every model."""
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    return _over((a * b).sum(axis=1), np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
