"""A blend with something on top: told where the blend still shows, called trained on only where that shows too."""

from __future__ import annotations

import numpy as np
import pytest

from analyzers import explain, perturbed_blend
from analyzers.blend import explain_linear, told
from analyzers.compare.case import Case
from analyzers.records import Reference
from analyzers.thresholds import TOPPED_FAR
from analyzers.verdict.rules import judge
from demo.models import Delta, Weights, mixed, trained
from demo.quantizers import one_quantized
from tests.analyzers.makers import BASE, OTHER, RELEASE, base_weights, case, delta, known, noisy, release_weights
from tests.analyzers.planted import Planted, planted

B = base_weights()
LARGE = 0.1
ONE = Planted("blend", {RELEASE: 0.6, BASE: 0.4}, exact=False)
TWO = Planted("blend", {RELEASE: 0.6, OTHER: 0.4}, exact=False)


def releases(size: float = LARGE) -> list[Reference]:
    """A base and two releases whose deltas have this size."""
    return [
        known(BASE, B, "base", days=90),
        known(RELEASE, release_weights(1, size)),
        known(OTHER, release_weights(2, size), days=20),
    ]


def blend(other: Weights = B) -> Weights:
    """A mix of the release and another model."""
    return mixed([release_weights(1, LARGE), other], [0.6, 0.4])


def on_top(weights: Weights, size: float, seed: int = 8) -> Weights:
    """Train a model on for a little."""
    return trained(weights, delta(seed, size))


def honest(size: float, lean: float) -> Case:
    """A sibling that leans on the release."""
    own = Delta.draw(np.random.default_rng(5000), size).lean(delta(1, size), lean)
    return case(trained(B, own), releases(size))


def test_planted() -> None:
    """A blend under a short training or noise keeps its parents' names; honest models have none to keep."""
    two = blend(release_weights(2, LARGE))
    found = [
        (case(on_top(blend(), 3e-3), releases()), ONE),
        (case(on_top(blend(), 5e-3), releases(), [BASE]), ONE),
        (case(on_top(two, 5e-3), releases()), TWO),
        (case(noisy(blend(), 5e-3, seed=31), releases()), ONE),
        (case(noisy(two, 2e-3, seed=31, additive=True), releases()), TWO),
    ]
    quiet = [honest(size, lean) for size in (0.01, LARGE) for lean in (0.0, 0.8, 0.95)]
    quiet += [case(B, releases()), case(release_weights(1, LARGE), releases())]
    quiet.append(case(on_top(release_weights(1, LARGE), 5e-3), releases()))
    planted(perturbed_blend.analyze, found, quiet)


@pytest.mark.parametrize("size", [3e-3, 5e-3])
@pytest.mark.parametrize("seed", [8, 9])
def test_further_training_is_told_where_it_has_structure(size: float, seed: int) -> None:
    """Rows that moved together were trained on."""
    finding = explain(case(on_top(blend(), size, seed), releases()))
    assert (finding.analyzer, finding.kind, finding.further_training) == ("topped", "blend", True)
    assert "structure of further training" in finding.claim


@pytest.mark.parametrize("additive", [False, True])
@pytest.mark.parametrize("seed", [31, 32])
def test_noise_is_no_further_training(additive: bool, seed: int) -> None:
    """Noise on top of a blend leaves open what it was."""
    finding = explain(case(noisy(blend(), 4e-3, seed, additive=additive), releases()))
    assert (finding.analyzer, finding.kind, finding.further_training) == ("topped", "blend", None)
    assert "came on top" in finding.claim


def test_an_average_of_ones_own_run_is_not_charged() -> None:
    """Where all parents besides the base are the uploader's own it may be an average over an own run: no blend."""
    weights = on_top(blend(), 5e-3)
    own = case(weights, releases()[:2], [BASE], repo_id="tidepool/Next")
    planted(perturbed_blend.analyze, [(case(weights, releases()[:2], [BASE]), ONE)], [own])
    finding = explain(own)
    assert finding.kind in ("derivative", "inconclusive")
    assert not judge(own, finding, "tidepool").alert


def test_too_much_on_top_is_a_derivative() -> None:
    """Where most weights left their cells the blend no longer shows, and is not claimed."""
    assert explain(case(on_top(blend(), 1e-2), releases())).kind == "derivative"


@pytest.mark.parametrize("size", [2e-3, 3e-3])
@pytest.mark.parametrize("seed", range(2))
def test_a_sum_of_two_tiny_deltas_is_no_blend(size: float, seed: int) -> None:
    """Training on two models' data adds up tiny deltas; few weights lie far from all parents, and nobody is named."""
    extra = Delta.draw(np.random.default_rng(50 + seed), 3e-4)
    one, two = delta(1 + 4 * seed, size), delta(2 + 4 * seed, size)
    union = Delta({n: one.change[n] + two.change[n] + extra.change[n] for n in extra.change})
    known_models = [
        known(BASE, B, "base", days=90),
        known(RELEASE, release_weights(1 + 4 * seed, size)),
        known(OTHER, release_weights(2 + 4 * seed, size), days=20),
    ]
    suspect = case(trained(B, union), known_models)
    planted(perturbed_blend.analyze, [], [suspect])
    assert explain(suspect).kind in ("inconclusive", "derivative")
    assert suspect.aligned is not None
    found = explain_linear(suspect.aligned, 0, 4)
    assert found is not None
    mix = told(suspect.aligned, found)
    assert mix.near > 0.4
    assert mix.far < TOPPED_FAR * mix.weights


def test_one_quantized_matrix_hides_nothing() -> None:
    """What came on top of the other tensors is seen as before."""
    finding = explain(case(one_quantized(on_top(blend(), 3e-3)), releases()))
    assert (finding.analyzer, finding.kind) == ("topped", "blend")
    assert "not quantized" in finding.claim
