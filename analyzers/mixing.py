"""Which known models an upload is a linear mix of, and with what coefficients, under rounding.

Plain least squares is biased where parents differ by a few ulp, because rounding lands on one of them. Weighted by
1/(u^2/12 + tau^2) it is not: u is the ulp of the suspect, and tau, the spread of what is not explained yet, is found
by maximum likelihood at every step, so that weights near zero do not decide while parents are still missing. Parents
are added greedily (orthogonal matching pursuit, Pati et al. 1993; as UNMERGE did for task vectors) and taken away
again when they turn out not to be needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzers.rounding import Floats, Stored, ulp, widen

MAX_PARENTS = 6
MIN_Z = 5.0  # a parent's coefficient in its own standard errors; docs/method.md
TAU_STEPS = 24
FLOAT32_ERROR = 2.0**-23  # of the largest term: the floor under u, without which a weight near zero dominates
CONTRACTIONS = 40
SWEEPS = 4


@dataclass(frozen=True, slots=True)
class Fit:
    """Coefficients of `parents` (row numbers of the candidate matrix) and the scatter left over."""

    parents: tuple[int, ...]
    coefficients: Floats  # float64[parents]
    tau: float  # scatter beyond rounding, in the weights' own unit


def noise_floor(suspect: Stored, candidates: Floats) -> Floats:
    """Return u, float64[weights]: the ulp of each stored weight, not below the error of float32 sums."""
    values = widen(suspect)
    floor: Floats = np.maximum(ulp(values, suspect.dtype), FLOAT32_ERROR * np.abs(candidates).max(axis=0))
    return floor


def select(suspect: Stored, candidates: Floats, anchor: int) -> Fit:
    """Return the best sparse fit. `candidates`: float64[models, weights], NaN-free; `anchor`: the nearest model.

    Deltas from the anchor are fitted, so that a model that equals the anchor somewhere adds nothing there; the
    anchor's own coefficient is what is left to a sum of one.
    """
    u = noise_floor(suspect, candidates)
    y = widen(suspect) - candidates[anchor]
    deltas = candidates - candidates[anchor]
    chosen: list[int] = []
    weight, tau = _weights(y, u)
    alpha = np.zeros(0)
    residual = y
    while len(chosen) < MAX_PARENTS - 1:
        z = _significance(deltas, residual, weight)
        z[[anchor, *chosen]] = 0
        best = int(np.argmax(z))
        if z[best] < MIN_Z:
            break
        chosen.append(best)
        for _ in range(3):  # the weights depend on the residual, which depends on the weights
            alpha = _solve(deltas[chosen], y, weight)
            residual = y - alpha @ deltas[chosen]
            weight, tau = _weights(residual, u)
    coefficients = np.append(alpha, 1.0 - alpha.sum())
    return Fit((*chosen, anchor), coefficients, tau)


def refit(suspect: Stored, candidates: Floats, parents: tuple[int, ...], *, free_sum: bool = False) -> Fit:
    """Return the fit of exactly these parents; with `free_sum` the coefficients need not sum to one."""
    u = noise_floor(suspect, candidates[list(parents)])
    anchor = candidates[parents[-1]]
    y = widen(suspect) - anchor
    columns = candidates[list(parents[:-1])] - anchor
    if free_sum:
        columns = np.vstack([columns, anchor])
    alpha, tau = np.zeros(len(columns)), 0.0
    weight, tau = _weights(y, u)
    for _ in range(6):
        alpha = _solve(columns, y, weight)
        weight, tau = _weights(y - alpha @ columns, u)
    scale = float(alpha[-1]) if free_sum else 0.0
    alpha = alpha[:-1] if free_sum else alpha
    return Fit(parents, np.append(alpha, 1.0 + scale - alpha.sum()), tau)


def _weights(residual: Floats, u: Floats) -> tuple[Floats, float]:
    """Return 1/(u^2/12 + tau^2) with tau of maximum likelihood on a grid from 0 to the residual's own size."""
    size = float(np.sqrt(np.mean(residual**2)))
    grid = np.concatenate([[0.0], np.geomspace(1e-4, 1.0, TAU_STEPS) * max(size, 1e-30)])
    variances = (u**2 / 12)[None, :] + (grid**2)[:, None]
    tau = float(grid[int(np.argmin((np.log(variances) + residual**2 / variances).sum(axis=1)))])
    return 1.0 / (u**2 / 12 + tau**2), tau


def _significance(deltas: Floats, residual: Floats, weight: Floats) -> Floats:
    """Return |z|, float64[models]: each delta's coefficient alone, in its standard errors."""
    power = np.einsum("mw,mw,w->m", deltas, deltas, weight)
    z: Floats = np.abs(deltas @ (weight * residual)) / np.sqrt(np.maximum(power, 1e-300))
    return z


def _solve(columns: Floats, y: Floats, weight: Floats) -> Floats:
    """Return the weighted least-squares coefficients, float64[columns]."""
    if not len(columns):
        return np.zeros(0)
    root = np.sqrt(weight)
    solution: Floats = np.linalg.lstsq((columns * root).T, y * root, rcond=None)[0].astype(np.float64)
    return solution


def deepest(suspect: Stored, parents: Floats, coefficients: Floats, slack: Floats) -> Floats:
    """Return coefficients, float64[parents], moved to where the mix lies in the most rounding cells.

    One coefficient after the other, against the last parent, so that their sum stays. Least squares alone is drawn
    towards 0 or 1 where parents differ by an ulp or two, because rounding then lands on one of them.
    """
    found = coefficients.copy()
    for _ in range(SWEEPS if len(found) > 2 else 1):
        for j in range(len(found) - 1):
            step = _stab(widen(suspect) - found @ parents, parents[j] - parents[-1], slack)
            found[j] += step
            found[-1] -= step
    return found


def _stab(gap: Floats, column: Floats, slack: Floats) -> float:
    """Return the middle of the range of t in which gap - slack <= t * column <= gap + slack holds most often."""
    used = column != 0
    if not used.any():
        return 0.0
    ends = np.sort(np.stack([gap[used] - slack[used], gap[used] + slack[used]]) / column[used], axis=0)
    points = np.concatenate(ends)
    order = np.argsort(points, kind="stable")
    depth = np.cumsum(np.repeat([1, -1], ends.shape[1])[order])
    best = int(np.argmax(depth))
    return float(points[order[best]] + points[order[min(best + 1, len(order) - 1)]]) / 2


def feasible_box(suspect: Stored, parents: Floats, coefficients: Floats, slack: Floats) -> NDArray[np.float64]:
    """Return float64[parents, 2]: bounds that hold every coefficient vector whose mix lies in all rounding cells.

    `parents`: float64[parents, weights]; `slack`: float64[weights], half-width of each cell. Cells that the given
    coefficients miss are left out (the deepest point need not be feasible). Bounds come from interval contraction
    (hull consistency, Benhamou et al. 1999), so they can be wider than the feasible set but never narrower.
    """
    box = np.empty((len(parents), 2))
    for last in range(len(parents)):
        order = [*(i for i in range(len(parents)) if i != last), last]
        box[last] = _contract(suspect, parents[order], coefficients[order], slack)
    return box


def _contract(suspect: Stored, parents: Floats, coefficients: Floats, slack: Floats) -> tuple[float, float]:
    """Bound the coefficient of the last parent, written as 1 + scale - sum of the others."""
    anchor = parents[-1]
    columns = np.vstack([parents[:-1] - anchor, anchor])
    at = np.append(coefficients[:-1], coefficients.sum() - 1.0)
    gap = widen(suspect) - anchor - at @ columns
    inside = np.abs(gap) <= slack
    columns, gap, slack = columns[:, inside], gap[inside], slack[inside]
    low, high = np.full(len(at), -0.5), np.full(len(at), 0.5)
    for _ in range(CONTRACTIONS):
        before = high - low
        for j, column in enumerate(columns):
            low[j], high[j] = _narrow(j, column, columns, gap, slack, low, high)
        if np.allclose(before, high - low, rtol=1e-3, atol=0):
            break
    others = coefficients[-1]
    return float(others + low[-1] - high[:-1].sum()), float(others + high[-1] - low[:-1].sum())


def _narrow(
    j: int, column: Floats, columns: Floats, gap: Floats, slack: Floats, low: Floats, high: Floats
) -> tuple[float, float]:
    """Return new bounds of offset j, given the others' bounds: gap - slack <= offsets @ columns <= gap + slack."""
    reach_low = np.minimum(columns * low[:, None], columns * high[:, None])
    reach_high = np.maximum(columns * low[:, None], columns * high[:, None])
    below = gap - slack - (reach_high.sum(axis=0) - reach_high[j])
    above = gap + slack - (reach_low.sum(axis=0) - reach_low[j])
    used = column != 0
    ends = np.sort(np.stack([below[used] / column[used], above[used] / column[used]]), axis=0)
    if not ends.size:
        return float(low[j]), float(high[j])
    return max(float(low[j]), float(ends[0].max())), min(float(high[j]), float(ends[1].min()))
