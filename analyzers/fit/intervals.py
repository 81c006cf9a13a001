"""How far coefficients could be from what was found.

Of an exact mix: every coefficient vector whose mix lies in all the rounding cells that are hit. Bounds come from
interval contraction (hull consistency, Benhamou et al. 1999), so they can be wider than the feasible set but never
narrower. Of a mix with something on top: 95 % by the sandwich estimator, clustered by tensor (Liang and Zeger 1986),
because what training leaves is not independent from weight to weight.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzers.compare.aligned import Aligned, noise_floor
from analyzers.fit.recipe import Recipe
from analyzers.numbers.quantized import Quantized
from analyzers.numbers.rounding import BF16, Floats, Kept, ulp, widen
from analyzers.thresholds import DRIFT

CONTRACTIONS = 40


def exact_intervals(aligned: Aligned, recipe: Recipe) -> NDArray[np.float64]:
    """Return float64[parents, 2] for a recipe's parents, in its order: what fits all the cells that it hits."""
    suspect, rows, coefficients = aligned.suspect, aligned.candidates[list(recipe.parents)], recipe.coefficients
    terms = np.abs(rows * coefficients[:, None])
    slack = noise_floor(suspect, rows) / 2 * (1 + 1e-6) + 4 * 2.0**-24 * terms.sum(axis=0)
    if isinstance(suspect, Quantized):  # rounded once before it was quantized
        slack += ulp(widen(suspect), suspect.dtype)
    if recipe.arithmetic.in_storage:
        slack += (1.5 * ulp(terms, suspect.dtype)).sum(axis=0)
    box = feasible_box(suspect, rows, coefficients, slack)
    if recipe.arithmetic.in_storage:  # the tool rounded the coefficients themselves, and their sum
        box = box + (2 * ulp(coefficients, BF16))[:, None] * np.array([-1.0, 1.0])
    return box


def sandwich_intervals(aligned: Aligned, coefficients: Floats, settled: Floats, tau: float) -> NDArray[np.float64]:
    """Return float64[models, 2]: 95 % around likeliest `coefficients` of all the aligned models.

    Where parents differ by few ulps the likeliest coefficients are drawn aside; how far the ones that are `settled`
    in the rounding cells lie from them is added on that side. What came on top may itself lean on a parent's delta: as
    much as DRIFT of its size is allowed for.
    """
    rows, values = aligned.candidates, widen(aligned.suspect)
    weight = 1.0 / (noise_floor(aligned.suspect, rows) ** 2 / 12 + tau**2)
    columns = rows[:-1] - rows[-1]
    residual = values - coefficients @ rows
    scores = np.stack([np.bincount(aligned.tensors, weights=weight * c * residual) for c in columns])
    inverse = np.linalg.pinv((columns * weight) @ columns.T)
    tensors = len(np.unique(aligned.tensors))
    free = max(tensors - len(columns), 1)
    covariance = inverse @ (scores @ scores.T) @ inverse * tensors / free
    spread = np.append(np.sqrt(np.diag(covariance)), np.sqrt(covariance.sum()))
    reach = (1.96 + 2.4 / free + 3.0 / free**2) * spread  # Student's t, 97.5 %
    reach += DRIFT * _leaning(columns, residual, weight)
    shift = settled - coefficients
    return np.stack([coefficients - reach + np.minimum(shift, 0), coefficients + reach + np.maximum(shift, 0)], axis=1)


def likely_intervals(aligned: Aligned, coefficients: Floats, tau: float) -> NDArray[np.float64]:
    """Return float64[models, 2]: 95 % around the coefficients of one tensor, its weights taken as independent."""
    rows = aligned.candidates
    if len(rows) < 2:
        return np.stack([coefficients, coefficients], axis=1)
    weight = 1.0 / (noise_floor(aligned.suspect, rows) ** 2 / 12 + tau**2)
    columns = rows[:-1] - rows[-1]
    covariance = np.linalg.pinv((columns * weight) @ columns.T)
    reach = 1.96 * np.append(np.sqrt(np.diag(covariance)), np.sqrt(max(covariance.sum(), 0.0)))
    return np.stack([coefficients - reach, coefficients + reach], axis=1)


def _leaning(columns: Floats, residual: Floats, weight: Floats) -> Floats:
    """Return float64[models]: the weighted size of what is left over, in units of each model's own delta."""
    sizes = np.sqrt((columns**2 * weight).mean(axis=1))
    left = float(np.sqrt((residual**2 * weight).mean()))
    shares = left / np.maximum(sizes, 1e-300)
    return np.append(shares, float(np.sqrt((shares**2).sum())))


def feasible_box(suspect: Kept, parents: Floats, coefficients: Floats, slack: Floats) -> NDArray[np.float64]:
    """Return float64[parents, 2]: bounds that hold every coefficient vector whose mix lies in all rounding cells.

    `parents`: float64[parents, weights]; `slack`: float64[weights], half-width of each cell. Cells that the given
    coefficients miss are left out (the deepest point need not be feasible).
    """
    box = np.empty((len(parents), 2))
    for last in range(len(parents)):
        order = [*(i for i in range(len(parents)) if i != last), last]
        box[last] = _contract(suspect, parents[order], coefficients[order], slack)
    return box


def _contract(suspect: Kept, parents: Floats, coefficients: Floats, slack: Floats) -> tuple[float, float]:
    """Bound the coefficient of the last parent, written as 1 + scale - sum of the others."""
    anchor = parents[-1]
    columns = np.vstack([parents[:-1] - anchor, anchor])
    at = np.append(coefficients[:-1], coefficients.sum() - 1.0)
    gap = widen(suspect) - anchor - at @ columns
    inside = np.abs(gap) <= slack
    columns, gap, slack = columns[:, inside], gap[inside], slack[inside]
    low, high = np.full(len(at), -0.5), np.full(len(at), 0.5)
    least, most = -np.abs(columns) / 2, np.abs(columns) / 2  # what each column can add within its bounds
    for _ in range(CONTRACTIONS):
        before = high - low
        for j, column in enumerate(columns):
            below = gap - slack - (most.sum(axis=0) - most[j])
            above = gap + slack - (least.sum(axis=0) - least[j])
            low[j], high[j] = _narrow(column, below, above, float(low[j]), float(high[j]))
            ends = column * low[j], column * high[j]
            least[j], most[j] = np.minimum(*ends), np.maximum(*ends)
        if np.allclose(before, high - low, rtol=1e-3, atol=0):
            break
    others = coefficients[-1]
    return float(others + low[-1] - high[:-1].sum()), float(others + high[-1] - low[:-1].sum())


def _narrow(column: Floats, below: Floats, above: Floats, low: float, high: float) -> tuple[float, float]:
    """Return new bounds of t between `low` and `high`: below <= t * column <= above."""
    used = column != 0
    if not used.all():
        column, below, above = column[used], below[used], above[used]
    if not column.size:
        return low, high
    one, other = below / column, above / column
    return max(low, float(np.minimum(one, other).max())), min(high, float(np.maximum(one, other).min()))
