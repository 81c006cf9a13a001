"""Coefficients are recovered under rounding, also where plain least squares is drawn towards one parent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from analyzers.compare.aligned import noise_floor
from analyzers.fit.intervals import feasible_box
from analyzers.fit.moments import SetFit, fit_set, moments
from analyzers.fit.parent_selection import select, settle, stab
from analyzers.numbers.rounding import Floats, Stored, round_to, widen
from tests.analyzers.makers import BF16, F16, F32

WEIGHTS = 6000
TINY = (3e-4, 1e-3, 1e-2, 3e-2)


@dataclass(frozen=True, slots=True)
class Planting:
    """A suspect mixed of rows of a candidate matrix; row 0 is the base."""

    suspect: Stored
    candidates: Floats
    truth: dict[int, float]

    @property
    def rows(self) -> tuple[int, ...]:
        """The true parents."""
        return tuple(self.truth)

    @property
    def shares(self) -> Floats:
        """Their true coefficients."""
        return np.array(list(self.truth.values()))


def plant(
    truth: dict[int, float],
    *,
    size: float = 0.03,
    models: int = 3,
    seed: int = 0,
    dtype: np.dtype[np.generic] = BF16,
    weights: int = WEIGHTS,
) -> Planting:
    """Draw a base and its siblings, whose deltas share a direction, and mix some of them with one rounding."""
    rng = np.random.default_rng(seed)
    base = rng.normal(0, 0.02, weights)
    common = rng.normal(0, 0.02 * size, weights)
    siblings = [base + 0.5 * common + rng.normal(0, 0.02 * size, weights) for _ in range(models - 1)]
    candidates = np.stack([widen(round_to(row, dtype)) for row in (base, *siblings)])
    exact = sum((c * candidates[i] for i, c in truth.items()), np.zeros(weights))
    return Planting(round_to(exact, dtype), candidates, truth)


def refit(planting: Planting, *, free_sum: bool = False) -> SetFit:
    """The most likely mix of the true parents."""
    floor = noise_floor(planting.suspect, planting.candidates)
    m = moments(widen(planting.suspect), planting.candidates, 0, floor)
    return fit_set(m, planting.rows, free_sum=free_sum)


def chosen(fit: SetFit) -> dict[int, float]:
    """Coefficients by row."""
    return dict(zip(fit.parents, fit.coefficients.tolist(), strict=True))


def half_cells(planting: Planting) -> Floats:
    """Half-widths of the rounding cells, with room for the sum's own error."""
    slack: Floats = noise_floor(planting.suspect, planting.candidates) / 2 * (1 + 1e-6)
    return slack


@pytest.mark.parametrize("share", [0.25, 0.565, 0.8])
@pytest.mark.parametrize("size", TINY)
def test_coefficients_are_recovered_at_every_size_of_delta(size: float, share: float) -> None:
    """Where parents differ by an ulp or less, the settled point still is the true coefficient."""
    planting = plant({1: share, 0: 1 - share}, size=size, models=2, weights=20_000)
    fit = refit(planting)
    found = settle(planting.suspect, planting.candidates[[1, 0]], fit.coefficients, half_cells(planting))
    assert found.sum() == pytest.approx(1.0)
    assert found[0] == pytest.approx(share, abs=0.002)


def test_plain_least_squares_is_biased_where_deltas_are_tiny() -> None:
    """Unweighted least squares misses a coefficient that the settled point finds: why it is not used."""
    planting = plant({1: 0.8, 0: 0.2}, size=3e-4, models=2, weights=20_000)
    column = planting.candidates[1] - planting.candidates[0]
    plain = float(column @ (widen(planting.suspect) - planting.candidates[0]) / (column @ column))
    assert abs(plain - 0.8) > 0.02


@pytest.mark.parametrize("size", [1e-2, 3e-2])
@pytest.mark.parametrize(
    "truth",
    [{7: 0.6, 0: 0.4}, {7: 0.5, 23: 0.5}, {7: 0.3, 23: 0.25, 0: 0.45}, {7: 0.4, 23: 0.35, 41: 0.25}, {7: 1.4, 0: -0.4}],
    ids=str,
)
def test_parents_are_chosen_among_fifty_siblings(truth: dict[int, float], size: float) -> None:
    """Two and three parents are found among fifty siblings, with their coefficients, whichever is the anchor."""
    planting = plant(truth, size=size, models=51)
    distance = np.abs(planting.candidates - widen(planting.suspect)).mean(axis=1)
    fit = select(planting.suspect, planting.candidates, anchor=int(np.argmin(distance)))
    found = chosen(fit)
    assert set(truth) <= set(found)
    assert all(found[i] == pytest.approx(c, abs=0.02) for i, c in truth.items())
    assert all(abs(c) < 0.02 for i, c in found.items() if i not in truth)


@pytest.mark.parametrize("truth", [{1: 1.3, 2: -0.3}, {1: -0.5, 0: 1.5}, {1: 0.7, 2: 0.6, 0: -0.3}], ids=str)
def test_negative_coefficients_are_recovered(truth: dict[int, float]) -> None:
    """Task arithmetic takes away as well as it adds, and the fit says so."""
    planting = plant(truth)
    fit = refit(planting)
    assert fit.coefficients == pytest.approx(planting.shares, abs=0.01)


@pytest.mark.parametrize("dtype", [F16, F32], ids=str)
def test_other_storage_types_are_sharper(dtype: np.dtype[np.generic]) -> None:
    """With more fraction bits the same weights fix a coefficient more tightly."""
    planting = plant({1: 0.565, 0: 0.435}, dtype=dtype)
    fit = refit(planting)
    assert fit.coefficients[0] == pytest.approx(0.565, abs=1e-3 if dtype == F16 else 1e-6)


def test_a_sum_other_than_one_is_found() -> None:
    """Coefficients need not sum to one when they are asked for freely."""
    planting = plant({1: 0.6, 0: 0.6})
    free = refit(planting, free_sum=True)
    assert free.coefficients == pytest.approx([0.6, 0.6], abs=5e-3)


def test_nothing_is_added_to_one_parent() -> None:
    """A suspect that is its anchor needs no other parent."""
    planting = plant({0: 1.0}, models=20)
    assert chosen(select(planting.suspect, planting.candidates, anchor=0)) == {0: 1.0}


@pytest.mark.parametrize("seed", range(10))
def test_independent_training_needs_no_parent(seed: int) -> None:
    """A sibling whose delta owes nothing to any other is not explained by twenty of them."""
    rng = np.random.default_rng(seed)
    base = rng.normal(0, 0.02, WEIGHTS)
    rows = [base + rng.normal(0, 6e-4, WEIGHTS) for _ in range(20)]
    candidates = np.stack([widen(round_to(row, BF16)) for row in (base, *rows)])
    fit = select(round_to(base + rng.normal(0, 6e-4, WEIGHTS), BF16), candidates, anchor=0)
    assert fit.parents == (0,)


@pytest.mark.parametrize("seed", range(50))
def test_the_feasible_box_holds_the_truth(seed: int) -> None:
    """In every one of fifty draws of parents, sizes and coefficients the true coefficients lie inside the box."""
    rng = np.random.default_rng(seed)
    first, second = rng.uniform(0.1, 0.6, 2)
    truth = {1: first, 0: 1 - first} if seed % 2 else {1: first, 2: second, 0: 1 - first - second}
    planting = plant(truth, size=TINY[seed % 4], seed=seed)
    rows, slack = planting.candidates[list(truth)], half_cells(planting)
    fit = refit(planting)
    start = settle(planting.suspect, rows, fit.coefficients, slack)
    box = feasible_box(planting.suspect, rows, start, slack)
    assert (box[:, 0] <= planting.shares).all()
    assert (planting.shares <= box[:, 1]).all()


def test_the_feasible_box_is_narrow() -> None:
    """A few thousand weights fix a coefficient to a ten-thousandth."""
    planting = plant({1: 0.565, 0: 0.435})
    rows = planting.candidates[[1, 0]]
    box = feasible_box(planting.suspect, rows, planting.shares, half_cells(planting))
    assert (box[:, 1] - box[:, 0] < 1e-4).all()


def test_equal_parents_are_not_told_apart() -> None:
    """Between equal parents any split is feasible: the box is wide and nothing fails."""
    planting = plant({1: 0.5, 0: 0.5})
    rows = planting.candidates[[0, 0]]
    shares = np.array([0.5, 0.5])
    assert settle(planting.suspect, rows, shares, half_cells(planting)).tolist() == [0.5, 0.5]
    box = feasible_box(planting.suspect, rows, shares, half_cells(planting))
    assert (box[:, 1] - box[:, 0] >= 0.9).all()


def test_more_known_models_ask_for_more() -> None:
    """What one model of a few may explain by chance is not enough of one that was picked among very many."""
    planting = plant({1: 0.002, 0: 0.998}, models=2, weights=1500, seed=3)
    few = select(planting.suspect, planting.candidates, anchor=0)
    many = select(planting.suspect, planting.candidates, anchor=0, screened=10**30)
    assert (few.parents, many.parents) == ((1, 0), (0,))


def test_a_sum_other_than_one_is_settled() -> None:
    """The deepest point of the cells is found where the coefficients do not sum to one, too."""
    planting = plant({1: 0.6, 0: 0.6})
    free = refit(planting, free_sum=True)
    rows = planting.candidates[list(planting.rows)]
    found = settle(planting.suspect, rows, free.coefficients, half_cells(planting), free_sum=True)
    assert found == pytest.approx([0.6, 0.6], abs=5e-4)


def test_a_stab_goes_through_the_most_intervals() -> None:
    """Two of three intervals overlap; where no column says anything the answer is no step at all."""
    gap, column, slack = np.array([1.0, 1.1, -3.0]), np.array([1.0, 1.0, 1.0]), np.array([0.2, 0.2, 0.2])
    assert stab(gap, column, slack) == pytest.approx(1.05)
    assert stab(gap, np.zeros(3), slack) == 0.0


@pytest.mark.parametrize("truth", [{1: 0.6, 0: 0.6}, {1: 0.4, 2: 0.4, 0: 0.3}, {1: 0.9, 0: 0.05}], ids=str)
def test_a_sum_other_than_one_is_selected(truth: dict[int, float]) -> None:
    """Parents are chosen among others where their weights do not sum to one, and a sum of one is kept where they do."""
    planting = plant(truth, models=20)
    fit = select(planting.suspect, planting.candidates, anchor=1)
    assert fit.free_sum
    found = chosen(fit)
    assert set(truth) <= set(found)
    assert all(found[i] == pytest.approx(c, abs=0.02) for i, c in truth.items())
    plain = plant({1: 0.6, 0: 0.4}, models=20)
    assert not select(plain.suspect, plain.candidates, anchor=1).free_sum
