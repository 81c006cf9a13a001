"""Sums kept apart by ulp give the fits that the weights themselves would."""

from __future__ import annotations

import numpy as np
import pytest

from analyzers.compare.aligned import noise_floor
from analyzers.fit.moments import Moments, fit_set, gains, likeliest, moments
from analyzers.numbers.rounding import BF16, Floats, Stored, round_to, widen

WEIGHTS = 4000
TRUTH = np.array([0.2, 0.5, 0.3, 0.0, 0.0])


def drawn(noise: float, seed: int = 0, truth: Floats = TRUTH) -> tuple[Stored, Floats]:
    """A suspect mixed of a base and its siblings, with noise on top; [weights] and float64[models, weights]."""
    rng = np.random.default_rng(seed)
    base = rng.normal(0, 0.02, WEIGHTS)
    rows = np.vstack([base, base + rng.normal(0, 6e-4, (len(truth) - 1, WEIGHTS))])
    rows = widen(round_to(rows, BF16))
    return round_to(truth @ rows + rng.normal(0, noise, WEIGHTS), BF16), rows


def summed(suspect: Stored, rows: Floats, anchor: int = 0) -> Moments:
    """Return the sums over a suspect and its candidates."""
    return moments(widen(suspect), rows, anchor, noise_floor(suspect, rows))


def directly(suspect: Stored, rows: Floats, parents: list[int], tau: float, *, free_sum: bool) -> Floats:
    """Weighted least squares on the weights themselves, by a library's solver."""
    scale = 1 / np.sqrt(noise_floor(suspect, rows) ** 2 / 12 + tau**2)
    last = rows[parents[-1]]
    columns = rows[parents] if free_sum else rows[parents[:-1]] - last
    y = widen(suspect) - (0 if free_sum else last)
    found = np.linalg.lstsq((columns * scale).T, y * scale, rcond=None)[0]
    return found if free_sum else np.append(found, 1 - found.sum())


@pytest.mark.parametrize("free_sum", [False, True])
@pytest.mark.parametrize("parents", [(1, 0), (2, 1, 0), (0, 3, 1, 2)], ids=str)
@pytest.mark.parametrize("anchor", [0, 4])
def test_a_fit_is_weighted_least_squares(parents: tuple[int, ...], anchor: int, free_sum: bool) -> None:
    """Whatever the anchor, the fit of any set is that of the weights themselves under its own tau."""
    suspect, rows = drawn(1e-4)
    fit = fit_set(summed(suspect, rows, anchor), parents, free_sum=free_sum)
    assert fit.coefficients == pytest.approx(
        directly(suspect, rows, list(parents), fit.tau, free_sum=free_sum), abs=2e-4
    )
    assert fit.free_sum is free_sum
    assert free_sum or fit.coefficients.sum() == pytest.approx(1.0)


def test_the_truth_is_found_and_so_is_the_scatter() -> None:
    """Coefficients and the size of the noise on top, from the sums alone."""
    suspect, rows = drawn(3e-4)
    fit = fit_set(summed(suspect, rows), (0, 1, 2))
    assert fit.coefficients == pytest.approx(TRUTH[:3], abs=0.03)
    assert fit.tau == pytest.approx(3e-4, rel=0.3)
    assert fit.cost < fit_set(summed(suspect, rows), (0, 1)).cost


@pytest.mark.parametrize("share", [0.005, 0.01, 0.02])
@pytest.mark.parametrize("parents", [(0,), (1, 0)], ids=str)
def test_a_gain_is_the_fall_in_cost_to_first_order(share: float, parents: tuple[int, ...]) -> None:
    """What a candidate with a small share would gain is told without fitting it."""
    truth = np.array([0.6 - share, 0.4, share, 0.0, 0.0]) if len(parents) > 1 else np.array([1 - share, 0, share, 0, 0])
    suspect, rows = drawn(3e-4, truth=truth)
    m = summed(suspect, rows)
    fit = fit_set(m, parents)
    told = gains(m, fit)
    for candidate in range(len(rows)):
        if candidate not in parents:
            fall = fit.cost - fit_set(m, (candidate, *parents)).cost
            assert told[candidate] == pytest.approx(fall, rel=0.15, abs=0.5)
    assert told[list(parents)].tolist() == [0.0] * len(parents)
    assert int(np.argmax(told)) == 2


def test_nothing_left_over_needs_no_scatter() -> None:
    """Where rounding explains all residuals, tau is below an ulp by far."""
    suspect, rows = drawn(0.0)
    m = summed(suspect, rows)
    fit = fit_set(m, (0, 1, 2))
    assert fit.tau < 1e-6
    assert likeliest(m, m.counts * m.variance)[0] < np.sqrt(m.variance.max())
