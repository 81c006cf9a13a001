"""Every arithmetic is recovered from its own output, as tools write it: with weights that people choose."""

from __future__ import annotations

import numpy as np
import pytest

from analyzers.compare.aligned import Aligned, noise_floor
from analyzers.fit.arithmetic import ARITHMETICS, SCALED, Arithmetic
from analyzers.fit.intervals import exact_intervals
from analyzers.fit.mixture import mixture
from analyzers.fit.moments import fit_set, moments
from analyzers.fit.recipe import Recipe, best_recipe, equal_bits
from analyzers.numbers.rounding import BF16, F16, F32, Floats, round_to, widen
from tests.analyzers.makers import beside

WEIGHTS = 3000


def parents(dtype: np.dtype[np.generic], seed: int = 0, size: float = 0.03) -> Floats:
    """A base and two releases of it, float64[3, weights]."""
    rng = np.random.default_rng(seed)
    base = rng.normal(0, 0.02, WEIGHTS)
    rows = np.stack([base, *(base + rng.normal(0, 0.02 * size, (2, WEIGHTS)))])
    return widen(round_to(rows, dtype))


def solved(aligned: Aligned) -> Recipe:
    """Estimate the coefficients as in production, and name the recipe."""
    floor = noise_floor(aligned.suspect, aligned.candidates)
    m = moments(widen(aligned.suspect), aligned.candidates, 0, floor)
    mixed = mixture(aligned, m, fit_set(m, tuple(range(len(aligned.references)))))
    return best_recipe(aligned, mixed.fits)


@pytest.mark.parametrize("arithmetic", [*ARITHMETICS, *SCALED], ids=lambda a: a.name)
def test_every_arithmetic_is_recovered_from_its_own_output(arithmetic: Arithmetic) -> None:
    """Bit for bit, with the shares that were written, by a recipe of the same kind."""
    rows = parents(BF16)
    scale = 2.0 if arithmetic.normalises else 1.0
    shares = np.array([0.2, 0.4, 0.4]) if arithmetic.name.startswith("average") else np.array([0.35, 0.4, 0.25])
    made = arithmetic.mix(list(rows), (scale * shares).tolist(), BF16)
    found = solved(beside(made, rows))
    assert found.equal == 1.0, found.arithmetic.name
    assert found.arithmetic.in_storage == arithmetic.in_storage
    again = found.arithmetic.mix([rows[p] for p in found.parents], found.weights.tolist(), BF16)
    assert again.tobytes() == made.tobytes()
    told = found.coefficients[np.argsort(found.parents)]
    assert told == pytest.approx(shares, abs=0.003)


@pytest.mark.parametrize("dtype", [F16, F32], ids=str)
def test_other_storage_types_are_recovered(dtype: np.dtype[np.generic]) -> None:
    """In float32 up to the error of the sum itself."""
    rows = parents(dtype)
    for arithmetic in (ARITHMETICS[0], ARITHMETICS[3]):
        made = arithmetic.mix(list(rows), [0.35, 0.4, 0.25], dtype)
        assert solved(beside(made, rows)).equal >= 0.999


def test_the_order_of_the_parents_is_found() -> None:
    """Partial sums in the storage type depend on it."""
    rows = parents(BF16)
    stepwise = next(a for a in ARITHMETICS if a.name == "storage type throughout")
    made = stepwise.mix([rows[p] for p in (2, 0, 1)], [0.25, 0.35, 0.4], BF16)
    found = solved(beside(made, rows))
    assert (found.equal, found.arithmetic.name) == (1.0, stepwise.name)
    assert found.parents[2] == 1  # only the last place changes the bits


def test_what_was_trained_has_no_recipe() -> None:
    """No arithmetic reproduces a model that is no mix, and none is said to be exact."""
    rows = parents(BF16)
    own = round_to(rows[0] + np.random.default_rng(5).normal(0, 6e-4, WEIGHTS), BF16)
    assert solved(beside(own, rows)).equal < 0.3


def test_equal_bits_allows_for_float32_sums_alone() -> None:
    """In bfloat16 a neighbour is a miss; in float32 the last digit is no one's choice."""
    one = np.array([1.0])
    beyond = np.nextafter(np.float32(1.0), np.float32(2.0))
    floor = np.array([2.0**-23])
    assert equal_bits(one.astype(F32), np.array([beyond]), floor).all()
    assert not equal_bits(one.astype(F32), np.array([1.001], F32), floor).any()
    assert not equal_bits(one.astype(BF16), np.array([1.0078125]).astype(BF16), floor).any()


def test_intervals_follow_the_recipes_order() -> None:
    """A recipe may name its parents in another order than they stand in; the intervals come in its own."""
    rows = parents(BF16)
    stepwise = next(a for a in ARITHMETICS if a.name == "storage type throughout")
    aligned = beside(stepwise.mix(list(rows[[2, 0, 1]]), [0.25, 0.35, 0.4], BF16), rows)
    found = solved(aligned)
    truth = np.array([0.35, 0.4, 0.25])[list(found.parents)]
    low, high = exact_intervals(aligned, found).T
    assert ((low <= truth) & (truth <= high)).all()
