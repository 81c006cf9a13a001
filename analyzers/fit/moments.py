"""Sums that weighted least squares needs, kept apart by ulp, so that any weighting of them costs nothing.

The variance of a residual is u^2/12 + tau^2: u, the ulp, takes a dozen values in a sample of thousands of weights, and
tau changes at every step. Gram matrices are summed once for each value of u; a fit of any set of parents under any tau
is then arithmetic on small matrices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analyzers.compare.aligned import Aligned, noise_floor
from analyzers.numbers.rounding import Floats, widen

TAUS = np.append(0.0, np.geomspace(1e-8, 4.0, 40))  # of the residuals' mean square: the spreads that are tried
ROUNDS = 3  # the weights depend on the residual, which depends on the weights
RIDGE = 1e-12


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over the weights of each ulp level. K columns: each candidate minus the anchor, then the anchor itself."""

    variance: Floats  # float64[levels]: u^2/12
    counts: Floats  # float64[levels]
    yy: Floats  # float64[levels]: of the suspect minus the anchor, squared
    cross: Floats  # float64[levels, K]
    gram: Floats  # float64[levels, K, K]


@dataclass(frozen=True, slots=True)
class SetFit:
    """The most likely mix of one set of parents. `coefficients`: float64[parents], in their order."""

    parents: tuple[int, ...]
    coefficients: Floats
    tau: float  # scatter beyond rounding, in the weights' own unit
    cost: float  # minus twice the log-likelihood, up to a constant of the data
    free_sum: bool = False  # the coefficients need not sum to one


def moments(suspect: Floats, candidates: Floats, anchor: int, u: Floats) -> Moments:
    """Return the sums. `suspect`, `u`: float64[weights]; `candidates`: float64[models, weights]."""
    level = np.round(np.log2(u)).astype(np.int64)
    columns = np.vstack([candidates - candidates[anchor], candidates[anchor]])
    y = suspect - candidates[anchor]
    values, index, counts = np.unique(level, return_inverse=True, return_counts=True)
    parts = [np.flatnonzero(index == i) for i in range(len(values))]
    picked = [columns[:, part] for part in parts]
    return Moments(
        variance=np.array([float(np.mean(u[part] ** 2)) / 12 for part in parts]),
        counts=counts.astype(np.float64),
        yy=np.array([float(y[part] @ y[part]) for part in parts]),
        cross=np.stack([c @ y[part] for c, part in zip(picked, parts, strict=True)]),
        gram=np.stack([c @ c.T for c in picked]),
    )


def moments_of(aligned: Aligned, anchor: int) -> Moments:
    """Return the sums of models side by side."""
    floor = noise_floor(aligned.suspect, aligned.candidates)
    return moments(widen(aligned.suspect), aligned.candidates, anchor, floor)


def likeliest(m: Moments, squares: Floats) -> tuple[float, float]:
    """Return (tau, cost) of maximum likelihood for the residuals' `squares`, float64[levels], summed by level."""
    size = max(float(squares.sum() / m.counts.sum()), 1e-60)
    grid = TAUS * size
    variance = m.variance[None, :] + grid[:, None]
    cost = (m.counts * np.log(variance) + squares / variance).sum(axis=1)
    best = int(np.argmin(cost))
    return float(np.sqrt(grid[best])), float(cost[best])


def fit_set(m: Moments, parents: tuple[int, ...], *, free_sum: bool = False) -> SetFit:
    """Fit one set of parents; their coefficients sum to one unless `free_sum`."""
    start, basis = _design(m, parents, free_sum=free_sum)
    beta, tau, cost = start, 0.0, 0.0
    gram = basis @ m.gram @ basis.T
    right = (m.cross - m.gram @ start) @ basis.T
    tau, cost = likeliest(m, _squares(m, beta))
    for _ in range(ROUNDS if len(basis) else 0):
        weight = 1.0 / (m.variance + tau**2)
        beta = start + _solve(np.tensordot(weight, gram, 1), weight @ right) @ basis
        tau, cost = likeliest(m, _squares(m, beta))
    return SetFit(parents, beta[list(parents)], tau, cost, free_sum)


def cost_of(m: Moments, parents: tuple[int, ...], coefficients: Floats) -> float:
    """Return the cost of a mix as it is, float64[parents]."""
    beta = np.zeros(m.cross.shape[1])
    beta[list(parents)] = coefficients
    beta[-1] = coefficients.sum() - 1.0
    return likeliest(m, _squares(m, beta))[1]


def gains(m: Moments, fit: SetFit) -> Floats:
    """Return float64[models]: how much each candidate, added to the fit, would lower the cost; 0 for its parents."""
    weight = 1.0 / (m.variance + fit.tau**2)
    gram = np.tensordot(weight, m.gram, 1)
    _, basis = _design(m, fit.parents, free_sum=fit.free_sum)
    beta = np.zeros(m.cross.shape[1])
    beta[list(fit.parents)] = fit.coefficients
    beta[-1] = fit.coefficients.sum() - 1.0
    left = (weight @ (m.cross - m.gram @ beta))[:-1]
    pivot = fit.parents[-1]
    # a candidate enters against the last parent, so that the sum stays one
    own = (np.diag(gram) - 2 * gram[pivot] + gram[pivot, pivot])[:-1]
    power = own
    if len(basis):
        mixed = (basis @ gram - (basis @ gram[:, pivot])[:, None])[:, :-1]
        power = own - np.einsum("ij,ij->j", mixed, _solve(basis @ gram @ basis.T, mixed))
    gain = (left - left[pivot]) ** 2 / np.maximum(power, 1e-9 * np.maximum(own, 1e-300))
    gain[list(fit.parents)] = 0.0
    return np.asarray(gain, dtype=np.float64)


def _design(m: Moments, parents: tuple[int, ...], *, free_sum: bool) -> tuple[Floats, Floats]:
    """Return (start, basis): mixes of `parents` are start + theta @ basis, as coefficients of the columns."""
    width = m.cross.shape[1]
    start = np.zeros(width)
    start[parents[-1]] = 1.0
    basis = np.zeros((len(parents) - 1 + free_sum, width))
    for i, parent in enumerate(parents[:-1]):
        basis[i, parent] += 1.0
        basis[i, parents[-1]] -= 1.0
    if free_sum:
        basis[-1, -1] = basis[-1, parents[-1]] = 1.0
    return start, basis


def _squares(m: Moments, beta: Floats) -> Floats:
    squares = m.yy - 2 * m.cross @ beta + m.gram @ beta @ beta
    return np.asarray(np.maximum(squares, 0.0), dtype=np.float64)


def _solve(matrix: Floats, right: Floats) -> Floats:
    """Solve a small symmetric system; a ridge keeps a candidate that adds nothing from deciding anything."""
    scale = np.sqrt(np.maximum(np.diag(matrix), 1e-300))
    scaled = matrix / np.outer(scale, scale) + RIDGE * np.eye(len(matrix))
    shape = scale if right.ndim == 1 else scale[:, None]
    return np.asarray(np.linalg.solve(scaled, right / shape) / shape, dtype=np.float64)
