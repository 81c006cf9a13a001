"""A suspect, or one tensor of it, explained as a mix of known models: which, how much of each, and how well."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analyzers.compare.aligned import Aligned, noise_floor
from analyzers.fit.fitness import Fitness, explained, fitness
from analyzers.fit.moments import Moments, SetFit, fit_set
from analyzers.fit.parent_selection import settle
from analyzers.fit.recipe import Recipe, equal_bits
from analyzers.numbers.rounding import Floats, round_to, widen

SLACK = 0.5 * (1 + 1e-6)  # half a rounding cell, in ulps, and the error of the sum itself
FREE_SUM_GAIN = 0.002  # share of cells that coefficients with another sum than one must win to be believed


@dataclass(frozen=True, slots=True)
class Mixture:
    """A mix of the models `parents` (rows of the aligned candidates), before any arithmetic is named."""

    parents: tuple[int, ...]
    coefficients: Floats  # at the deepest point of the rounding cells
    fits: tuple[Floats, ...]  # all estimates, the best first
    likeliest: Floats  # of maximum likelihood, which is the better one where much is left over
    tau: float  # scatter beyond rounding, in the weights' own unit
    fitness: Fitness
    explained: float


def mixture(aligned: Aligned, m: Moments, fit: SetFit) -> Mixture:
    """Settle the coefficients of one set of parents in the rounding cells and measure what they explain."""
    local = aligned.of(fit.parents)
    floor = noise_floor(local.suspect, local.candidates)
    fixed, free = fit_set(m, fit.parents), fit_set(m, fit.parents, free_sum=True)
    fits = [
        settle(local.suspect, local.candidates, fixed.coefficients, SLACK * floor),
        settle(local.suspect, local.candidates, free.coefficients, SLACK * floor, free_sum=True),
    ]
    inside = [_inside(local, c, floor) for c in fits]
    if inside[1] > inside[0] + FREE_SUM_GAIN:
        fits.reverse()
    mix = fits[0] @ local.candidates
    prediction = round_to(mix, local.suspect.dtype)
    measured = fitness(local, mix, prediction, equal_bits(prediction, local.suspect, floor))
    likely = fit.coefficients @ local.candidates
    share = explained(local, likely, fit.tau)
    return Mixture(fit.parents, fits[0], (*fits, fit.coefficients), fit.coefficients, fit.tau, measured, share)


def under(aligned: Aligned, mixed: Mixture, recipe: Recipe) -> Fitness:
    """Measure the same mix under one recipe, whose parents are rows of `aligned.of(mixed.parents)`."""
    local = aligned.of(mixed.parents)
    floor = noise_floor(local.suspect, local.candidates)
    mix = recipe.coefficients @ local.candidates[list(recipe.parents)]
    return fitness(local, mix, recipe.prediction, equal_bits(recipe.prediction, local.suspect, floor))


def _inside(local: Aligned, coefficients: Floats, floor: Floats) -> float:
    gap = np.abs(widen(local.suspect) - coefficients @ local.candidates)
    return float((gap <= SLACK * floor).mean())
