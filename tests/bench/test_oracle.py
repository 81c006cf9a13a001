"""The oracle of merges: bits decide where a recipe is true, and say nothing where it is not."""

from __future__ import annotations

import numpy as np
import pytest

from analyzers.compare.aligned import align
from analyzers.numbers.rounding import BF16, round_to, widen
from bench.merged.recipes import FAMILIES
from bench.oracle.score import DECIDED, Score, score
from bench.oracle.values import VALUES, Told
from demo.models import Delta, Weights, trained
from tests.analyzers.makers import BASE, RELEASE, SUSPECT, base_weights, known, release_weights, sketch

THIRD = "third/Release"
MERGES = {
    "linear": Told("linear", (0.6, 0.4), (1.0, 1.0), {}, based=False, wide=True),
    "dare_linear": Told("dare_linear", (0.5, 0.5), (0.4, 0.4), {}, based=True, wide=True),
    "ties": Told("ties", (0.5, 0.5), (0.4, 0.4), {}, based=True, wide=True),
    "arcee_fusion": Told("arcee_fusion", (1.0,), (1.0,), {}, based=True, wide=True),
}


def part(weights: Weights) -> Weights:
    """Return the first layer of a model, which is enough."""
    return {name: w for name, w in weights.items() if ".0." in name}


def made(method: str) -> Weights:
    """Return a merge, computed apart from what it is held against."""
    rng = np.random.default_rng(5)
    weights = {}
    for name, stored in base_weights().items():
        base, one, two = (widen(w[name]) for w in ({name: stored}, release_weights(1), release_weights(2)))
        deltas, keep = [one - base, two - base], rng.random((2, *base.shape)) < 0.4
        if method == "linear":
            mixed = 0.6 * one + 0.4 * two
        elif method == "dare_linear":
            mixed = base + sum(0.5 * d * k / k.mean() for d, k in zip(deltas, keep, strict=True))
        elif method == "ties":
            trimmed = [d * (np.abs(d) >= np.quantile(np.abs(d), 0.6)) for d in deltas]
            sign = np.where(trimmed[0] + trimmed[1] >= 0, 1, -1)
            agreed = [np.where(np.sign(t) == sign, t, 0.0) for t in trimmed]
            mixed = base + sum(agreed) / np.maximum(sum(np.abs(np.sign(a)) for a in agreed), 1)
        else:
            mixed = np.where(keep[0], one, base)
        weights[name] = round_to(mixed, BF16)
    return weights


def scored(told: Told, weights: Weights) -> Score:
    """Score a suspect against a recipe, with a third release for decoys."""
    models = {BASE: base_weights(), RELEASE: release_weights(1), "quarry/Other": release_weights(2)}
    names = [*([BASE] if told.based else []), *list(models)[1 : 1 + len(told.weights)]]
    references = [known(name, part(models[name])) for name in names]
    aligned = align(sketch(SUSPECT, part(weights)), [*references, known(THIRD, part(release_weights(3)))])
    assert aligned is not None
    return score(told, aligned, len(names))


def test_every_method_of_the_benchmark_has_values() -> None:
    """No merge is left out of the oracle's table."""
    assert set(VALUES) == {method for methods in FAMILIES.values() for method in methods}


@pytest.mark.parametrize("method", MERGES)
def test_bits_decide(method: str) -> None:
    """A true recipe allows next to all decisive weights; to honest training it gives no more than chance does."""
    told = MERGES[method]
    found = scored(told, made(method))
    assert found.decisive > 200
    assert found.allowed > 0.98
    assert found.beyond > 0.9
    honest = scored(told, trained(base_weights(), Delta.draw(np.random.default_rng(9), 0.03)))
    assert honest.beyond < 0.2 < DECIDED
    assert honest.allowed < 0.3


def test_a_recipe_with_a_wrong_parent_allows_no_more_than_its_decoys() -> None:
    """Weights of another release are chance: they carry none of what the named one would have left."""
    told = MERGES["dare_linear"]
    wrong = {n: round_to(0.5 * widen(release_weights(3)[n]) + 0.5 * widen(w), BF16) for n, w in base_weights().items()}
    assert scored(told, wrong).beyond < 0.2
