"""Copies in AWQ: every column of a matrix times a factor that nobody stored, then rounded to the nearest level.

One factor must put all weights of a column into their cells (https://arxiv.org/abs/2306.00978). For the model that was
quantized there is one in every column; for any other model the cells of many columns have none in common. Matrices
whose rows the tool scales as well are left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzers.compare.case import Case
from analyzers.compare.kinship import Kinship
from analyzers.numbers.quantized import Quantized, levels_of
from analyzers.numbers.rounding import Floats, equal, widen
from analyzers.records import Finding, Parent
from analyzers.sketch.packed_columns import SCALED
from analyzers.thresholds import COPY_MIN_WEIGHTS, COPY_TENSORS_HELD, MIN_DECISIVE, MIN_DISTINCT

NAME = "scaled_copy"
SCALED_ROWS = ("up_proj", "v_proj")  # what the scales of the next matrix are folded into
ROUNDED = 2.0**-8  # of a weight: two roundings to bfloat16, after it was scaled and after it was divided by its step


def analyze(case: Case) -> Finding | None:
    """Name the one known model whose columns all fit and whose other tensors are the suspect's; None if none is."""
    if not any(s.quantized is not None and s.quantized.chosen == SCALED for s in case.suspect.samples.values()):
        return None
    every = [(k, *_columns(case, k)) for k in case.kin]
    fits = [(k, columns) for k, missed, columns in every if columns and not missed]
    if not fits:
        return None
    one, columns = fits[0]  # the nearest
    plain, same = _plain(case, one)
    held = len(one.keys) >= COPY_TENSORS_HELD * len(case.suspect.samples) and one.weights >= COPY_MIN_WEIGHTS
    if not held or not same:
        return None
    ref, others = one.reference.sketch.ref, min((m for k, m, _ in every if k is not one), default=0)
    claim = (
        f"all {columns:,} columns of quantized weights are those of {ref.repo_id} times one factor"
        f" each, and all {plain:,} weights that are not quantized are equal; of the next model, {others:,} are not"
    )
    measured: dict[str, float | int | str] = {"columns": columns, "plain": plain, "others": others}
    if others < MIN_DISTINCT or plain < MIN_DECISIVE:
        return Finding(NAME, "inconclusive", f"{claim}: too few to say", measured=measured)
    return Finding(NAME, "copy", f"a copy of {ref.repo_id}: {claim}", (Parent(ref, 1.0, None),), measured=measured)


def _plain(case: Case, one: Kinship) -> tuple[int, bool]:
    """Return how many weights are not quantized, and whether a model has them all."""
    found, same = 0, True
    for key in one.keys:
        mine, its = case.suspect.samples[key], widen(one.reference.sketch.samples[key].values)
        if mine.quantized is None:
            told = np.isfinite(widen(mine.values)) & np.isfinite(its)
            found, same = found + int(told.sum()), same and bool(equal(its, mine.values)[told].all())
    return found, same


def _columns(case: Case, one: Kinship) -> tuple[int, int]:
    """Return (columns that no factor fits, columns) of the matrices whose columns alone are scaled."""
    missed = columns = 0
    for key in one.keys:
        kept = case.suspect.samples[key].kept
        if isinstance(kept, Quantized) and not key.role.endswith(SCALED_ROWS):
            its, windows = one.reference.sketch.samples[key], case.suspect.spec.windows
            whole = its.values.size == windows * its.cols
            fits = _fits(kept, widen(its.values), (1, windows) if whole else (2, windows // 2))
            missed, columns = missed + int((~fits).sum()), columns + fits.size
    return missed, columns


def _fits(kept: Quantized, its: Floats, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Tell in which columns one factor puts all of a model's weights into their cells, bool[columns that were read].

    `shape`: how many sets of columns the sample has, and in how many rows of each.
    """
    table = levels_of(kept.levels)
    edges = np.concatenate([[-np.inf], (table[1:] + table[:-1]) / 2, [np.inf]])
    codes = kept.codes(kept.values)
    ends = kept.zero + kept.scale.astype(np.float64) * np.stack([edges[codes], edges[codes + 1]])
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = np.sort(ends / its, axis=0)
    told = np.isfinite(kept.values) & np.isfinite(its) & (its != 0)
    low = np.where(told, factors[0], -np.inf).reshape(*shape, -1).max(axis=1)
    high = np.where(told, factors[1], np.inf).reshape(*shape, -1).min(axis=1)
    read = told.reshape(*shape, -1).sum(axis=1) > 1
    fits: NDArray[np.bool_] = (low - ROUNDED * np.abs(low) <= high + ROUNDED * np.abs(high))[read]
    return fits
