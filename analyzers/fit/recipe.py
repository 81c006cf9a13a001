"""From fitted coefficients to the recipe: which weights in which arithmetic reproduce the stored bits.

People write weights with few decimals, tools round them to the storage type or divide by their sum, and sums depend on
the order of the parents: what is tried is the fit as it is, its neighbours that people would write, and its neighbours
that the storage type can hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, permutations

import numpy as np
from numpy.typing import NDArray

from analyzers.compare.aligned import Aligned, Mask, noise_floor
from analyzers.fit.arithmetic import ARITHMETICS, SCALED, Arithmetic
from analyzers.numbers.quantized import Quantized
from analyzers.numbers.rounding import F32, Floats, Kept, Stored, round_to, store, ulp, widen
from analyzers.thresholds import EXACT_REPRODUCED

DIGITS = (1, 2, 3, 4)  # places that people round coefficients to
DENOMINATORS = (3, 6, 7, 9, 11, 12)
RAW_SUMS = tuple(round(0.1 * s, 1) for s in (*range(5, 10), *range(11, 31), 40, 50))  # of weights before normalising
MAX_ORDERS = 24
ORDERED = 3  # of the best weights, with which the orders of the parents are tried
TRIED_ON = 768  # decisive weights that every try is judged by before the best are judged by all


@dataclass(frozen=True, slots=True)
class Recipe:
    """Weights and an arithmetic, and how much of the suspect they reproduce. `parents`: rows of the aligned models."""

    parents: tuple[int, ...]
    weights: Floats  # float64[parents], as written in the recipe
    arithmetic: Arithmetic
    prediction: Stored
    equal: float  # share of all weights that equal the prediction

    @property
    def coefficients(self) -> Floats:
        """What each parent contributes: the weights, divided by their sum where the arithmetic does that."""
        return self.weights / self.weights.sum() if self.arithmetic.normalises else self.weights


@dataclass(frozen=True, slots=True)
class _Try:
    arithmetic: Arithmetic
    order: tuple[int, ...]
    weights: tuple[float, ...]  # of the parents as they stand, before they are put in order


def equal_bits(prediction: Stored, suspect: Kept, floor: Floats | None = None) -> Mask:
    """Tell which weights a prediction reproduces, bool[weights]: of quantized ones, the codes.

    In float32 a recipe's own last digits cannot be known from its coefficients, so there a difference within the
    error of float32 sums (`floor`, float64[weights]) counts as equal.
    """
    if isinstance(suspect, Quantized):
        return suspect.holds(widen(prediction))
    if suspect.dtype != F32 or floor is None:
        return np.asarray(prediction == suspect)
    return np.asarray(np.abs(widen(prediction) - widen(suspect)) <= 2 * floor)


def best_recipe(aligned: Aligned, fits: Sequence[Floats]) -> Recipe:
    """Return the recipe of all the aligned models that reproduces most of the suspect; see `recipes`."""
    best = max(recipes(aligned, fits), key=lambda r: r.equal)
    if best.equal < EXACT_REPRODUCED:
        best = max([best, *recipes(aligned, fits, SCALED)], key=lambda r: r.equal)
    return best


def recipes(aligned: Aligned, fits: Sequence[Floats], arithmetics: Sequence[Arithmetic] = ARITHMETICS) -> list[Recipe]:
    """Return the best recipe in each arithmetic, in their order.

    `fits`: estimated coefficients, float64[models] each, the best first.
    """
    trial = aligned.only(_trial(aligned, fits[0]))
    floor = noise_floor(trial.suspect, trial.candidates)
    return [_recipe(aligned, _best_try(trial, arithmetic, fits, floor)) for arithmetic in arithmetics]


def _best_try(trial: Aligned, arithmetic: Arithmetic, fits: Sequence[Floats], floor: Floats) -> _Try:
    """Choose the weights in one order of the parents, then the order, then the neighbours in the storage type."""
    models = tuple(range(len(trial.references)))
    written = dict.fromkeys(w for fit in fits for w in _written(fit, raw=arithmetic.normalises))
    best = _best(trial, [_Try(arithmetic, models, weights) for weights in written], floor)
    if arithmetic.ordered and len(models) > 1:
        orders = list(islice(permutations(models), MAX_ORDERS))
        best = _best(trial, [replace(one, order=order) for one in best[:ORDERED] for order in orders], floor)
    return _on_the_grid(trial, best[0], floor) if arithmetic.in_storage else best[0]


def _best(trial: Aligned, tries: Sequence[_Try], floor: Floats) -> list[_Try]:
    """Return the tries, the best first; of equals, the one tried first."""
    scores = _scores(trial, tries, floor)
    return [tries[i] for i in np.argsort(-scores, kind="stable")]


def _trial(aligned: Aligned, coefficients: Floats) -> NDArray[np.int64]:
    """Return the weights to try on: those where a mix differs from every single parent, evenly spread."""
    stored = np.stack([store(row, aligned.suspect) for row in aligned.candidates])
    prediction = store(coefficients @ aligned.candidates, aligned.suspect)
    decisive = np.flatnonzero((prediction[None] != stored).all(axis=0))
    if decisive.size < 32:
        decisive = np.flatnonzero((stored != stored[0]).any(axis=0))
    if not decisive.size:
        decisive = np.arange(aligned.suspect.size)
    return decisive[:: max(1, decisive.size // TRIED_ON)]


def _written(fit: Floats, *, raw: bool) -> Iterator[tuple[float, ...]]:
    """Yield what people may have written for these coefficients, and the coefficients themselves."""
    yield tuple(fit.tolist())
    tolerance = 0.004 + 0.004 * np.abs(fit)
    near = [np.round(fit, d) for d in DIGITS] + [np.round(fit * q) / q for q in DENOMINATORS]
    if raw:
        near += [np.round(fit * s, d) for s in RAW_SUMS for d in (1, 2)]
    for i, weights in enumerate(near):
        share = weights / weights.sum() if raw and weights.sum() else weights
        close = np.abs(share - fit) <= tolerance
        if weights.all() and (close.all() or i < len(DIGITS)):
            yield tuple(weights.tolist())


def _scores(trial: Aligned, tries: Sequence[_Try], floor: Floats) -> Floats:
    """Return the share of the trial's weights that each try reproduces; all tries are of one arithmetic."""
    prediction = _predict(trial, tries)
    return np.asarray(equal_bits(prediction, trial.suspect, floor).mean(axis=1))


def _predict(aligned: Aligned, tries: Sequence[_Try]) -> Stored:
    """Return what each try predicts, [tries, weights]."""
    orders = np.array([one.order for one in tries])
    weights = np.take_along_axis(np.array([one.weights for one in tries]), orders, axis=1)
    rows = [aligned.candidates[order] for order in orders.T]
    return tries[0].arithmetic.mix(rows, list(weights.T[:, :, None]), aligned.suspect.dtype)


def _recipe(aligned: Aligned, one: _Try) -> Recipe:
    (prediction,) = _predict(aligned, [one])
    hit = equal_bits(prediction, aligned.suspect, noise_floor(aligned.suspect, aligned.candidates))
    weights = np.array([one.weights[i] for i in one.order])
    return Recipe(one.order, weights, one.arithmetic, prediction, float(hit.mean()))


def _on_the_grid(trial: Aligned, best: _Try, floor: Floats) -> _Try:
    """Walk the weights that the storage type can hold, one weight at a time, while more is reproduced."""
    score = float(_scores(trial, [best], floor)[0])
    for _ in range(3):
        before = score
        if score == 1.0:
            break
        for i in range(len(best.weights)):
            near = [replace(best, weights=weights) for weights in _neighbours(best.weights, i, trial.suspect.dtype)]
            scores = _scores(trial, near, floor)
            if scores.max() > score:
                score, best = float(scores.max()), near[int(scores.argmax())]
        if score == before:
            break
    return best


def _neighbours(weights: tuple[float, ...], i: int, dtype: np.dtype[np.generic]) -> Iterator[tuple[float, ...]]:
    step = float(ulp(np.array([weights[i]]), dtype)[0])
    stored = float(widen(round_to(np.array([weights[i]]), dtype))[0])
    for k in (-3, -2, -1, 0, 1, 2, 3):
        yield (*weights[:i], stored + k * step, *weights[i + 1 :])
