"""The six rules of an alert, each by its name. What counts as disclosed is in test_verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from analyzers import explain
from analyzers.compare.case import Case, case_of
from analyzers.numbers.rounding import BF16, F16
from analyzers.records import Reference, Sketch, Verdict
from analyzers.thresholds import MIN_DECISIVE
from analyzers.verdict.rules import judge
from analyzers.verdict.second_look import together
from demo.models import Delta, Weights, mixed, trained
from tests.analyzers.makers import (
    BASE,
    NOW,
    OTHER,
    RELEASE,
    SUSPECT,
    base_weights,
    case,
    declaring,
    delta,
    family,
    known,
    noisy,
    release_weights,
    sketch,
    stored_as,
)
from tests.analyzers.merges import by_layer, dare, layer_of, slerp, taken, ties

B, R, O = base_weights(), release_weights(1), release_weights(2)  # noqa: E741 - a base, a release, another
BLEND = "someone/Blend"
FAMILIES: dict[str, Callable[[], Weights]] = {
    "linear": lambda: mixed([R, O], [0.6, 0.4]),
    "layerwise": lambda: slerp(R, O),
    "sparse": lambda: dare(B, [(R, 0.6), (O, 0.6)]),
    "stack": lambda: taken(lambda n: R if layer_of(n) in (0, 2) else O, B),
}


def verdict(found: Case, maker: str = "newcomer") -> Verdict:
    """Explain a case and judge it."""
    return judge(found, explain(found), maker)


def blended() -> Weights:
    """A mix of a release and its base."""
    return mixed([R, B], [0.565, 0.435])


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_alerts_where_it_should(name: str) -> None:
    """What the rules below silence is told where none of them holds."""
    found = verdict(case(FAMILIES[name](), family()))
    assert (found.finding.kind, found.finding.family, found.alert) == ("blend", name, True)
    assert found.strength == ("strong" if name == "sparse" else "exact")


def test_rule_1_bits_decide() -> None:
    """Coefficients of a textbook blend accuse nobody where the bits are another training's."""
    union = {n: 0.565 * delta(1).change[n] for n in delta(1).change}
    own = Delta.draw(np.random.default_rng(6100), 0.01)
    honest = trained(B, Delta({n: union[n] + own.change[n] for n in union}))
    quiet = [honest, noisy(blended(), 6e-3), trained(blended(), delta(8, 0.01))]
    for weights in quiet:
        assert not verdict(case(weights, family(), [BASE])).alert
    exact = verdict(case(blended(), family(), [BASE]))
    assert (exact.alert, exact.strength) == (True, "exact")
    assert float(exact.finding.measured["reproduced"]) >= 0.995


@pytest.mark.parametrize("name", FAMILIES)
def test_rule_2_a_blend_never_makes_its_parents_suspects(name: str) -> None:
    """Each parent is quiet beside its own later blend: excluded where times are known, unalerted where they are not."""
    known_blend = known(BLEND, FAMILIES[name](), days=5)
    for parent, others in ((R, [family()[0], family()[2]]), (O, list(family()[:2]))):
        references = [replace(r, weights_at=NOW - timedelta(days=90)) for r in others]
        earlier = case(parent, [*references, known_blend], at=NOW - timedelta(days=10))
        assert BLEND not in {k.reference.repo_id for k in earlier.kin}
        untimed = case(parent, [*references, _undated(known_blend)], at=NOW if parent is R else None)
        assert BLEND in {k.reference.repo_id for k in untimed.kin}
        assert not verdict(untimed).alert


def _undated(reference: Reference) -> Reference:
    return replace(reference, weights_at=None)


@pytest.mark.parametrize("name", FAMILIES)
def test_rule_2_parents_come_first_in_time(name: str) -> None:
    """Where nobody knows whose weights came first the finding stays, and no one is alerted about."""
    found = verdict(case(FAMILIES[name](), [_undated(r) for r in family()]))
    assert (found.finding.kind, found.alert) == ("blend", False)
    assert "first is not known" in found.why


def derivatives() -> list[Weights]:
    """Twenty honest descendants of a blend: fine-tunes of many sizes, conversions to float16, plain copies."""
    sizes = (0.002, 0.003, 0.004, 0.006, 0.008, 0.01, 0.015, 0.02, 0.03, 0.05)
    tuned = [trained(blended(), Delta.draw(np.random.default_rng(300 + i), s)) for i, s in enumerate(sizes)]
    converted = [stored_as(w, F16) for w in (blended(), *tuned[:4])]
    copies = [blended(), stored_as(blended(), np.dtype(np.float32)), stored_as(converted[0], BF16)]
    return [*tuned, *converted, *copies, stored_as(tuned[0], np.dtype(np.float32)), stored_as(tuned[5], F16)]


def test_rule_3_declared_parents_come_first() -> None:
    """Twenty honest derivatives of one undisclosed blend, and the blend: one alert, for the blend itself."""
    uploads = derivatives()
    assert len(uploads) == 20
    hidden = verdict(case(blended(), family(), [BASE], repo_id=BLEND))
    assert (hidden.finding.kind, hidden.alert) == ("blend", True)
    references = [*family(), known(BLEND, blended(), None, days=2, declares=(BASE,))]
    for number, weights in enumerate(uploads):
        found = verdict(case(weights, references, [BLEND]))
        assert not found.alert, (number, found.why)
        assert found.finding.kind in ("derivative", "copy"), (number, found.why)
        assert [p.ref.repo_id for p in found.finding.parents] == [BLEND], (number, found.why)


@pytest.mark.parametrize("name", FAMILIES)
def test_rule_3_holds_for_blends_of_every_family(name: str) -> None:
    """A fine-tune, conversion or copy of a known blend of whatever kind is no blend of that blend's parents."""
    weights = FAMILIES[name]()
    references = [*family(), known(BLEND, weights, None, days=2, declares=(BASE,))]
    for upload in (
        weights,
        stored_as(weights, F16),
        trained(weights, delta(9, 0.003)),
        trained(weights, delta(9, 0.02)),
    ):
        found = verdict(case(upload, references, [BLEND]))
        assert not found.alert, found.why
        assert [p.ref.repo_id for p in found.finding.parents] == [BLEND]


@pytest.mark.parametrize("name", ["linear", "layerwise", "stack"])
def test_rule_3_two_people_may_run_one_recipe(name: str) -> None:
    """The second one declares what the first one did, and is no copy. One that declares less is told all the same."""
    weights, first = FAMILIES[name](), "someone/First"
    references = [*family(), known(first, weights, None, days=2, declares=(BASE, RELEASE, OTHER))]
    honest = verdict(case(weights, references, [BASE, RELEASE, OTHER]))
    assert (honest.disclosure, honest.audience) == ("disclosed", "none"), honest.why
    assert first not in {p.ref.repo_id for p in honest.finding.parents}
    silent = verdict(case(weights, references, [BASE]))
    assert (silent.finding.kind, silent.alert) == ("copy", True), silent.why


def test_rule_3_what_a_merge_of_the_same_parents_helps_to_explain_needs_it_not() -> None:
    """An earlier merge stands between the base and the parents. Hidden beside declared ones, it is told."""
    earlier = "someone/Earlier"
    merge = mixed([B, R, O], [0.3, 0.4, 0.3])
    references = [*family(), known(earlier, merge, None, days=2, declares=(BASE, RELEASE, OTHER))]
    weights = mixed([B, R, O], [0.5, 0.3, 0.2])
    honest = verdict(case(weights, references, [BASE, RELEASE, OTHER]))
    assert (honest.finding.kind, honest.audience) == ("blend", "none"), honest.why
    hidden = verdict(case(mixed([merge, R], [0.5, 0.5]), references, [RELEASE]))
    assert (hidden.finding.kind, hidden.alert) == ("blend", True), hidden.why


@pytest.mark.parametrize("name", FAMILIES)
def test_rule_4_own_weights_are_no_secret(name: str) -> None:
    """Whoever made all undeclared parents is not alerted about; beside a stranger's they are, where bits are exact.

    Without exact bits an own run is not excluded, and nothing is claimed.
    """
    weights = FAMILIES[name]()
    own = [replace(r, maker="newcomer") if r.role != "base" else r for r in family()]
    assert not verdict(case(weights, own, [BASE])).alert
    one = [replace(r, maker="newcomer") if r.repo_id == RELEASE else r for r in family()]
    assert verdict(case(weights, one, [BASE])).alert is (name != "sparse")


def test_rule_5_too_few_decisive_weights_accuse_nobody() -> None:
    """However well a recipe fits, a few weights or a few tensors carry no verdict."""
    whole = sketch(SUSPECT, blended())
    for tensors in (1, 2, 3):
        few = Sketch(whole.ref, whole.spec, {k: whole.samples[k] for k in sorted(whole.samples)[:tensors]})
        assert not verdict(case_of(few, family(), declaring(BASE), NOW)).alert
    sparse = {n: np.where(np.arange(w.size).reshape(w.shape) % 97 == 0, 2 * w, w).astype(BF16) for n, w in B.items()}
    references = [known(BASE, B, "base"), known(RELEASE, sparse)]
    found = verdict(case(mixed([sparse, B], [0.7, 0.3]), references, [BASE]))
    assert int(found.finding.measured.get("decisive", 0)) < MIN_DECISIVE
    assert not found.alert


def test_rule_5_strength_goes_with_the_alert() -> None:
    """Exact where one arithmetic gives every bit, strong where something came on top or no single one does."""
    assert verdict(case(blended(), family())).strength == "exact"
    assert verdict(case(noisy(blended(), 1e-3), family())).strength == "strong"
    assert verdict(case(ties(B, R, O), family())).strength == "strong"
    assert verdict(case(trained(blended(), delta(8, 0.03)), family())).strength is None


def test_rule_6_we_can_be_wrong() -> None:
    """The same evidence with a corrected card is no alert; nor is a finding that fresh coordinates do not bear out."""
    found = case(by_layer(R, B), family(), [BASE])
    finding = explain(found)
    assert judge(found, finding, "newcomer").alert
    corrected = case(by_layer(R, B), family(), [BASE, RELEASE])
    assert not judge(corrected, finding, "newcomer").alert
    fresh = explain(case(trained(B, delta(8, 0.01)), family(), [BASE]))
    both = judge(found, together(finding, fresh), "newcomer")
    assert (both.finding.kind, both.alert) == ("inconclusive", False)
    assert "do not bear it out" in both.why


def test_a_later_release_is_no_parent_of_an_earlier_stack() -> None:
    """Rule 2, the other way round: what came after the upload is left out, whatever was copied from whom."""
    references = [family()[0], replace(family()[1], weights_at=NOW + timedelta(days=1)), family()[2]]
    found = verdict(case(FAMILIES["stack"](), references, [BASE]))
    assert RELEASE not in {p.ref.repo_id for p in found.finding.parents}
    assert OTHER in {k.reference.repo_id for k in case(FAMILIES["stack"](), references).kin}
