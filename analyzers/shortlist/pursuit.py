"""A sparse fit of one suspect on the few references that were looked at closely, in float64.

Greedy orthogonal least squares (Chen et al. 1989) with the weights of analyzers/fit/parent_selection.py: u is the ulp
of a stored weight, tau the scatter that is not explained yet, found by maximum likelihood. Deltas are from the nearest
model, the anchor, whose coefficient is what is left to a sum of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from analyzers.numbers.rounding import Floats
from analyzers.thresholds import MIN_Z

PICKS = 12  # models in the fit, stand-ins included
COMPARED = 256  # references among which partners for a swap are looked for
PARTNERS = 6
TAU_STEPS = 16
DIGITS = (2, 3)  # places that people round coefficients to
CELL = 0.5 + 1e-3  # ulps: half a rounding cell, with room for the error of a float32 sum


@dataclass(frozen=True, slots=True, order=True)
class Pick:
    """Reference `record` of pool `pool`."""

    pool: int
    record: int


@dataclass(frozen=True, slots=True)
class Fit:
    """`chosen` deltas from the anchor (rows of what was seen) and what they leave; float64[compared weights] each."""

    chosen: tuple[int, ...]
    alpha: Floats
    residual: Floats
    weight: Floats


@dataclass
class Seen:
    """The references looked at in float64, on the compared columns."""

    y: Floats  # suspect minus anchor
    u: Floats
    anchor: Floats
    picks: list[Pick] = field(default_factory=list)
    deltas: list[Floats] = field(default_factory=list)
    best: list[float] = field(default_factory=list)  # the highest |z| of each so far

    def add(self, picks: Iterable[Pick], values: Floats) -> list[int]:
        """Take in references; return the row numbers of those that are new and finite."""
        known, new = set(self.picks), []
        for pick, row in zip(picks, values, strict=True):
            if pick not in known and np.isfinite(row).all():
                new.append(len(self.picks))
                self.picks.append(pick)
                self.deltas.append(row - self.anchor)
                self.best.append(0.0)
        return new

    def fit(self, chosen: tuple[int, ...], start: Floats) -> Fit:
        """Fit exactly these, beginning with the weights that fit the residual `start`."""
        weight = weights_of(start, self.u)
        if not chosen:
            return Fit((), np.zeros(0), self.y, weights_of(self.y, self.u))
        columns = np.stack([self.deltas[i] for i in chosen])
        alpha: Floats = np.zeros(len(chosen))
        residual = start
        for _ in range(3):  # the weights depend on the residual, which depends on the weights
            root = np.sqrt(weight)
            alpha = np.linalg.lstsq((columns * root).T, self.y * root, rcond=None)[0].astype(np.float64)
            residual = self.y - alpha @ columns
            weight = weights_of(residual, self.u)
        return Fit(chosen, alpha, residual, weight)

    def explains_all(self, fit: Fit) -> bool:
        """Tell whether the fit, its coefficients rounded as people do, lies in every rounding cell: nothing is left."""
        columns = np.stack([self.deltas[i] for i in fit.chosen]) if fit.chosen else np.zeros((0, self.y.size))
        tries = [fit.alpha, *(np.round(fit.alpha, d) for d in DIGITS)]
        return any(bool((np.abs(self.y - alpha @ columns) <= CELL * self.u).all()) for alpha in tries)

    def orthonormal(self, chosen: Sequence[int], weight: Floats) -> Floats:
        """Return some deltas made orthonormal under `weight`, float64[k, compared weights]."""
        root = np.sqrt(weight)
        columns = np.stack([self.deltas[i] for i in chosen]) if chosen else np.zeros((0, root.size))
        basis: Floats = np.linalg.qr((columns * root).T)[0].T / root
        return basis


def weights_of(residual: Floats, u: Floats) -> Floats:
    """Return 1/(u^2/12 + tau^2) with tau of maximum likelihood; see analyzers/fit/parent_selection.py."""
    size = max(float(np.sqrt(np.mean(residual**2))), 1e-30)
    grid = np.concatenate([[0.0], np.geomspace(1e-4, 1.0, TAU_STEPS) * size])
    chances = [surprise(residual, u, tau) for tau in grid]
    weight: Floats = 1.0 / (u**2 / 12 + grid[int(np.argmin(chances))] ** 2)
    return weight


def surprise(residual: Floats, u: Floats, tau: float) -> float:
    """Return minus twice the log-likelihood of a residual with scatter tau beyond rounding, up to a constant."""
    variance = u**2 / 12 + tau**2
    return float((np.log(variance) + residual**2 / variance).sum())


def grow(seen: Seen, fit: Fit, among: Sequence[int]) -> Fit:
    """Add to a fit, one after the other, what is most significant among some rows; note how significant each was."""
    deltas = np.stack([seen.deltas[i] for i in among]) if among else np.zeros((0, seen.y.size))
    squares = deltas**2
    while len(fit.chosen) < PICKS:
        z = _z(deltas, squares, seen.orthonormal(fit.chosen, fit.weight), fit.residual, fit.weight)
        for i, one in zip(among, z, strict=True):
            seen.best[i] = max(seen.best[i], float(one))
        if not z.size or z.max() < MIN_Z:
            break
        fit = seen.fit((*fit.chosen, among[int(np.argmax(z))]), fit.residual)
    return fit


def _z(deltas: Floats, squares: Floats, basis: Floats, residual: Floats, weight: Floats) -> Floats:
    """Return |z|, float64[deltas], freed of what `basis` explains; 0 for what it explains wholly."""
    power = squares @ weight
    free = power - ((deltas @ (basis * weight).T) ** 2).sum(axis=1)
    z: Floats = np.abs(deltas @ (weight * residual)) / np.sqrt(np.maximum(free, 1e-300))
    return np.where(free > 1e-9 * power, z, 0.0)


def shrink(seen: Seen, fit: Fit) -> Fit:
    """Take away, one after the other, what is not significant beside the others."""
    while fit.chosen:
        z = [_without(seen, fit, one) for one in fit.chosen]
        weakest = int(np.argmin(z))
        if z[weakest] >= MIN_Z:
            break
        fit = seen.fit(tuple(i for i in fit.chosen if i != fit.chosen[weakest]), fit.residual)
    return fit


def _without(seen: Seen, fit: Fit, one: int) -> float:
    """Return |z| of what one model adds to the others of a fit, under the fit's own weights."""
    basis = seen.orthonormal([i for i in fit.chosen if i != one], fit.weight)
    delta = seen.deltas[one]
    free = delta - (basis @ (fit.weight * delta)) @ basis
    power = float(free @ (fit.weight * free))
    return abs(float(free @ (fit.weight * seen.y))) / float(np.sqrt(max(power, 1e-300)))


def needed(seen: Seen, fit: Fit) -> list[Pick]:
    """Return the models that a fit needs, the anchor only if its own coefficient is significant."""
    chosen = [seen.picks[i] for i in fit.chosen]
    if not chosen:
        return [seen.picks[0]]
    columns = np.stack([seen.deltas[i] for i in fit.chosen])
    variance = float(np.linalg.pinv((columns * fit.weight) @ columns.T).sum())  # of the sum of the coefficients
    rest = abs(1.0 - float(fit.alpha.sum()))
    return [seen.picks[0], *chosen] if rest >= MIN_Z * np.sqrt(max(variance, 0.0)) and rest > 0 else chosen


def partners(seen: Seen, fit: Fit) -> list[Pick]:
    """Return, for each model of the fit in turn, the ones that could best take its place."""
    some = [int(i) for i in np.argsort(-np.array(seen.best), kind="stable")[:COMPARED]]
    deltas = np.stack([seen.deltas[i] for i in some])
    squares = deltas**2
    found: list[list[Pick]] = []
    for one in fit.chosen:
        basis = seen.orthonormal([i for i in fit.chosen if i != one], fit.weight)
        left = seen.y - (basis @ (fit.weight * seen.y)) @ basis
        z = _z(deltas, squares, basis, left, fit.weight)
        found.append([seen.picks[some[int(i)]] for i in np.argsort(-z, kind="stable")[: PARTNERS + 1]])
    return [row[i] for i in range(PARTNERS + 1) for row in found if i < len(row)]
