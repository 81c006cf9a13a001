"""The truth lies inside an interval as often as the interval says."""

from __future__ import annotations

import numpy as np
import pytest

from analyzers.compare.aligned import Aligned, noise_floor
from analyzers.fit.arithmetic import ARITHMETICS
from analyzers.fit.intervals import exact_intervals, likely_intervals, sandwich_intervals
from analyzers.fit.mixture import Mixture, mixture
from analyzers.fit.moments import fit_set, moments
from analyzers.fit.recipe import recipes
from analyzers.numbers.rounding import BF16, Floats, round_to, widen
from analyzers.thresholds import EXACT_REPRODUCED
from tests.analyzers.makers import beside

DRAWS = 200
WEIGHTS = 800
SIZES = (1e-3, 3e-3, 1e-2, 3e-2)


def models(rng: np.random.Generator, count: int, size: float) -> Floats:
    """A base and its releases, float64[models, weights]."""
    base = rng.normal(0, 0.02, WEIGHTS)
    return widen(round_to(np.stack([base, *(base + rng.normal(0, 0.02 * size, (count - 1, WEIGHTS)))]), BF16))


def fitted(aligned: Aligned) -> Mixture:
    """Fit all the models."""
    m = moments(widen(aligned.suspect), aligned.candidates, 0, noise_floor(aligned.suspect, aligned.candidates))
    return mixture(aligned, m, fit_set(m, tuple(range(len(aligned.references)))))


def test_exact_intervals_hold_the_truth() -> None:
    """In all of 200 draws of parents, sizes of delta, coefficients and arithmetics."""
    rng = np.random.default_rng(31)
    exact = 0
    for draw in range(DRAWS):
        rows = models(rng, 2 + draw % 2, SIZES[draw // 2 % 4])
        arithmetic = ARITHMETICS[draw % len(ARITHMETICS)]
        shares = np.round(rng.dirichlet(np.full(len(rows), 4.0)), 2)
        if arithmetic.name.startswith("average"):
            shares[1:] = shares[1:].mean()
        shares[0] = 1 - shares[1:].sum()
        aligned = beside(arithmetic.mix(list(rows), shares.tolist(), BF16), rows)
        (recipe,) = recipes(aligned, fitted(aligned).fits, [arithmetic])
        if recipe.equal < EXACT_REPRODUCED:
            continue
        exact += 1
        low, high = exact_intervals(aligned, recipe).T
        truth = shares[list(recipe.parents)]
        assert ((low <= truth) & (truth <= high)).all(), (draw, arithmetic.name, truth, low, high)
    assert exact >= 0.9 * DRAWS


def test_exact_intervals_are_narrow() -> None:
    """Eight hundred weights of large deltas fix a share to a thousandth where nothing but the result was rounded."""
    rng = np.random.default_rng(32)
    rows = models(rng, 2, 3e-2)
    aligned = beside(ARITHMETICS[0].mix(list(rows), [0.4, 0.6], BF16), rows)
    (recipe,) = recipes(aligned, fitted(aligned).fits, ARITHMETICS[:1])
    low, high = exact_intervals(aligned, recipe).T
    assert (high - low < 1e-3).all()


@pytest.mark.parametrize("noise", [2e-5, 2e-4])
def test_sandwich_intervals_hold_the_truth_as_often_as_they_say(noise: float) -> None:
    """With independent noise on top, in 93 of 100 draws and more; and they are no wider than the shares themselves."""
    rng = np.random.default_rng(33)
    held, widths = 0, []
    for _ in range(DRAWS):
        rows = models(rng, 2, 3e-2)
        share = rng.uniform(0.1, 0.9)
        mixed = np.array([1 - share, share]) @ rows + rng.normal(0, noise, WEIGHTS)
        aligned = beside(round_to(mixed, BF16), rows)
        found = fitted(aligned)
        (_, (low, high)) = sandwich_intervals(aligned, found.likeliest, found.coefficients, found.tau)
        held += low <= share <= high
        widths.append(high - low)
    assert held >= 0.93 * DRAWS
    assert np.median(widths) < 0.4


def test_intervals_of_one_tensor() -> None:
    """Of one parent there is nothing to be unsure of; of two the truth is held nearly always."""
    rng = np.random.default_rng(34)
    held = 0
    for _ in range(100):
        rows = models(rng, 2, 1e-2)
        mixed = np.array([0.4, 0.6]) @ rows + rng.normal(0, 1e-4, WEIGHTS)
        aligned = beside(round_to(mixed, BF16), rows)
        found = fitted(aligned)
        low, high = likely_intervals(aligned, found.likeliest, found.tau).T
        held += bool(((low <= [0.4, 0.6]) & (high >= [0.4, 0.6])).all())
    assert held >= 90
    alone = aligned.of([0])
    assert likely_intervals(alone, np.array([1.0]), 0.0).tolist() == [[1.0, 1.0]]
