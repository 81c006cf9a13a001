"""Mixes whose coefficients differ from tensor to tensor, and the honest models that they must not be confused with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from analyzers import explain, layerwise
from analyzers.compare.case import Case
from analyzers.fit.arithmetic import ARITHMETICS
from analyzers.fit.tensor_profile import profile, promising
from analyzers.numbers.rounding import BF16, widen
from demo.models import Delta, Weights, fresh, mixed, trained
from demo.quantizers import one_quantized
from tests.analyzers.makers import BASE, OTHER, RELEASE, base_weights, case, delta, family, known, release_weights
from tests.analyzers.merges import by_layer, layer_of, ramp, slerp, stock
from tests.analyzers.planted import Planted, planted

B, R, O = base_weights(), release_weights(1), release_weights(2)  # noqa: E741 - a base, a release, another


def siblings() -> list[Case]:
    """Honest models: the known ones themselves, one that leans on a release, one that leans on two, a stranger."""
    own = Delta.draw(np.random.default_rng(5000), 0.03)
    union = Delta({n: 0.7 * (delta(1).change[n] + delta(2).change[n]) + 0.3 * own.change[n] for n in own.change})
    leaning, stranger = trained(B, own.lean(delta(1), 0.8)), fresh(np.random.default_rng(9))
    models: list[Weights] = [B, R, leaning, trained(B, union), stranger]
    return [case(w, family()) for w in models]


def test_planted() -> None:
    """Shares that grow over depth, spherical means, two parents or three; nothing of honest models."""
    found = [
        (case(by_layer(R, B), family()), Planted("blend", {RELEASE: None, BASE: None}, exact=True)),
        (case(slerp(R, O), family()), Planted("blend", {RELEASE: None, OTHER: None}, exact=True)),
        (case(by_layer(R, B), family(), [RELEASE]), Planted("blend", {RELEASE: None, BASE: None}, exact=True)),
    ]
    planted(layerwise.analyze, found, siblings())


@pytest.mark.parametrize("weights", [lambda: by_layer(R, B), lambda: slerp(R, O)], ids=["shares over depth", "slerp"])
def test_it_is_what_is_told(weights: Callable[[], Weights]) -> None:
    """No set of coefficients for the whole model explains such a blend better, and the family is named."""
    finding = explain(case(weights(), family()))
    assert (finding.analyzer, finding.kind, finding.family, finding.further_training) == (
        "layerwise",
        "blend",
        "layerwise",
        False,
    )


def test_slerp_sums_to_more_than_one() -> None:
    """What the profile finds of each tensor is what was planted there, a little over one in all."""
    apart = trained(B, Delta.draw(np.random.default_rng(3), 0.5))
    aligned = case(slerp(apart, B), [known(BASE, B, "base"), known(OTHER, apart)]).aligned
    assert aligned is not None
    other = next(i for i, r in enumerate(aligned.references) if r.repo_id == OTHER)
    for tensor in profile(aligned):
        assert tensor.mixed is not None
        shares = dict(zip(tensor.mixed.parents, tensor.mixed.coefficients.tolist(), strict=True))
        planned = ramp(f"layers.{tensor.key.layer}." if tensor.key.layer >= 0 else "")
        assert 1.0 < sum(shares.values()) < 1.1
        assert shares[other] == pytest.approx(planned, abs=0.05)


def test_one_arithmetic_holds_for_all_tensors() -> None:
    """Made in the storage type throughout, a layerwise mix is replayed in it, and in no other."""
    stepwise = next(a for a in ARITHMETICS if a.name == "storage type throughout")
    made = {n: stepwise.mix([widen(R[n]), widen(B[n])], [ramp(n), 1 - ramp(n)], BF16) for n in B}
    finding = layerwise.analyze(case(made, family()))
    assert finding is not None
    assert finding.exact
    named = next(a for a in ARITHMETICS if a.name == finding.measured["arithmetic"])
    assert named.in_storage


def test_two_arithmetics_are_not_exact() -> None:
    """Where half of the tensors were made another way, the blend is told without one arithmetic to replay it."""
    stepwise = next(a for a in ARITHMETICS if a.name == "storage type throughout")
    other = {n: stepwise.mix([widen(R[n]), widen(B[n])], [ramp(n), 1 - ramp(n)], BF16) for n in B}
    made = {n: w if layer_of(n) % 2 else other[n] for n, w in by_layer(R, B).items()}
    finding = layerwise.analyze(case(made, family()))
    assert finding is not None
    assert (finding.kind, finding.exact) == ("blend", False)


def test_a_model_stock_in_the_storage_type() -> None:
    """An average rounded at every step, then drawn towards the base by another share in each tensor."""
    planted(
        layerwise.analyze,
        [(case(stock(B, R, O), family()), Planted("blend", {BASE: None, RELEASE: None, OTHER: None}, exact=False))],
        [],
    )


def test_one_tensor_of_a_third_model_makes_no_parent() -> None:
    """A stray tensor is not enough for a model to be named."""
    name = "model.layers.1.mlp.up_proj.weight"
    made = dict(by_layer(R, B)) | {name: O[name]}
    finding = layerwise.analyze(case(made, family()))
    assert finding is not None
    assert {p.ref.repo_id for p in finding.parents} == {RELEASE, BASE}


def test_a_model_trained_over_is_not_promising() -> None:
    """The cheap look at a few tensors turns honest models away, and lets a mix through."""
    kept = case(by_layer(R, B), family()).aligned
    assert kept is not None
    assert promising(kept)
    for honest in siblings()[2:4]:
        assert honest.aligned is not None
        assert not promising(honest.aligned)


def test_a_tensor_that_its_parents_share_is_silent() -> None:
    """What was frozen in both parents says nothing, and costs nothing: the rest is told all the same."""
    frozen = {n: B[n] if "q_proj" in n or "embed" in n else w for n, w in R.items()}
    in_storage = next(a for a in ARITHMETICS if a.name == "storage type, one sum")
    made = {n: in_storage.mix([widen(B[n]), widen(frozen[n])], [0.43, 0.57], BF16) for n in B}
    references = [known(BASE, B, "base"), known(RELEASE, frozen)]
    finding = explain(case(made, references))
    assert (finding.kind, finding.exact) == ("blend", True)
    told = layerwise.analyze(case(made, references))
    assert told is not None
    assert int(told.measured["tensors"]) < 28


def test_a_known_average_is_enough() -> None:
    """Where one known model explains the upload as well, nothing is charged to the upload."""
    average = mixed([R, O], [0.5, 0.5])
    references = [*family(), known("wren/Average", by_layer(average, B), days=5)]
    copied = case(by_layer(average, B), references)
    assert layerwise.analyze(copied) is None


def test_ones_own_run_is_not_charged_unless_bits_say_so() -> None:
    """A mix of one's own models that no arithmetic replays may be of one's own run; an exact one is told."""
    own = [replace(r, maker="newcomer") if r.role != "base" else r for r in family()]
    assert layerwise.analyze(case(stock(B, R, O), own)) is None
    exact = layerwise.analyze(case(by_layer(R, B), own))
    assert exact is not None
    assert exact.exact


def test_one_quantized_matrix_hides_nothing() -> None:
    """The other tensors are mixed as before; of the whole nothing is exact."""
    finding = explain(case(one_quantized(by_layer(R, O)), family()))
    assert (finding.kind, finding.family, finding.exact) == ("blend", "layerwise", False)
    assert "not quantized" in finding.claim
