"""The rules, one by one, and what counts as disclosed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analyzers import explain
from analyzers.compare.case import Case
from analyzers.records import Finding, Mention, Reference, Verdict
from analyzers.verdict.rules import judge
from demo.models import Weights, fresh, mixed, trained
from tests.analyzers.makers import (
    BASE,
    OTHER,
    RELEASE,
    SUSPECT,
    base_weights,
    case,
    delta,
    family,
    known,
    noisy,
    release_weights,
)


def verdict(found: Case, maker: str = "newcomer") -> Verdict:
    """Explain a case and judge it."""
    return judge(found, explain(found), maker)


def blended() -> Weights:
    """A mix of a release and its base."""
    return mixed([release_weights(1), base_weights()], [0.6, 0.4])


def undated() -> list[Reference]:
    """The same known models, of which nobody knows when their weights came."""
    return [replace(r, weights_at=None) for r in family()]


def test_an_undisclosed_blend_alerts() -> None:
    """A blend of a stranger's release that its card does not name is told, at full strength."""
    found = verdict(case(blended(), family()))
    assert (found.alert, found.disclosure, found.strength) == (True, "undisclosed", "exact")
    assert found.why.endswith("are not declared on the card")
    assert RELEASE in found.why


def test_an_undisclosed_copy_alerts() -> None:
    """A renamed copy that names nobody is told."""
    found = verdict(case(release_weights(1), family()))
    assert (found.alert, found.disclosure, found.strength) == (True, "undisclosed", "exact")


def test_bits_decide() -> None:
    """Rule 1: a blend whose bits are half gone is inconclusive, however clear its coefficients, and never alerts."""
    found = verdict(case(noisy(blended(), 6e-3), family()))
    assert found.finding.kind in ("inconclusive", "derivative")
    assert not found.alert


def test_parents_come_first_in_time() -> None:
    """Rule 2: where the order of undeclared weights is unknown the finding stays and nobody is alerted about."""
    for found in (verdict(case(blended(), undated())), verdict(case(blended(), family(), at=None))):
        assert (found.finding.kind, found.alert, found.disclosure) == ("blend", False, "undisclosed")
        assert "first is not known" in found.why
        assert not found.order_known


def test_weights_of_the_same_moment_have_no_order() -> None:
    """Rule 2: weights published at the same time as the suspect's accuse nobody."""
    same = [known(BASE, base_weights(), "base"), known(RELEASE, release_weights(1), days=0)]
    assert not verdict(case(blended(), same, [BASE])).alert


def test_a_declared_parent_needs_no_date() -> None:
    """Rule 2: only undeclared parents have to be known as earlier."""
    references = [replace(r, weights_at=None) if r.repo_id == BASE else r for r in family()]
    assert verdict(case(blended(), references, [BASE])).alert


def test_nobody_answers_for_an_ancestor() -> None:
    """Rule 3: an honest fine-tune of an undisclosed blend is a derivative of it, and is not alerted about."""
    blend = known("someone/Blend", blended(), None, days=2)
    for declared in (["someone/Blend"], []):
        found = verdict(case(trained(blended(), delta(9, 0.01)), [*family(), blend], declared))
        assert (found.finding.kind, found.alert) == ("derivative", False)


def test_a_copy_of_a_blend_is_of_the_blend() -> None:
    """Rule 3: a declared re-upload of an undisclosed blend is a disclosed copy."""
    blend = known("someone/Blend", blended(), None, days=2)
    found = verdict(case(blended(), [*family(), blend], ["someone/Blend"]))
    assert (found.finding.kind, found.disclosure, found.alert) == ("copy", "disclosed", False)


@pytest.mark.parametrize("maker", ["tidepool", "Tidepool"])
def test_own_weights_are_no_secret(maker: str) -> None:
    """Rule 4: who mixes an own release with a declared base, under any name of theirs, is not alerted about."""
    found = verdict(case(blended(), family(), [BASE]), maker)
    assert (found.disclosure, found.alert) == ("partial", False)
    assert "own organisation" in found.why


def test_one_foreign_parent_is_enough() -> None:
    """Rule 4 holds only where all undeclared parents are the uploader's own."""
    assert verdict(case(blended(), family()), "tidepool").alert


def test_strength_goes_with_the_alert() -> None:
    """Rule 5: what holds but for noise on top is strong, not exact."""
    found = verdict(case(noisy(blended(), 1e-3), family()))
    assert (found.alert, found.strength) == (True, "strong")


def saying(found: Case, *named: Mention) -> Case:
    """Return a case whose card names models."""
    return replace(found, disclosure=replace(found.disclosure, named=named))


def named(repo_id: str, relation: str = "named", where: str = "prose") -> Mention:
    """Return a place that names a model."""
    return Mention(repo_id, where, relation, f"It beats {repo_id}.")


def test_a_parent_that_is_named_is_for_reviewers() -> None:
    """Rule 7: where the missing parents are named, a person sees the finding first, with the quote."""
    found = verdict(saying(case(blended(), family(), [BASE]), named(RELEASE)))
    assert (found.alert, found.audience, found.disclosure, found.strength) == (False, "reviewers", "partial", "exact")
    assert f"{RELEASE} is named on the card, but not as a parent" in found.why
    said = {p.ref.repo_id: (p.said, p.quote) for p in found.finding.parents}
    assert said == {BASE: ("declared", ""), RELEASE: ("named", f"It beats {RELEASE}.")}


def test_one_absent_parent_is_enough() -> None:
    """Rule 7: an alert needs one parent that the author's text does not name."""
    found = verdict(saying(case(blended(), family()), named(RELEASE)))
    assert (found.alert, found.audience) == (True, "public")


@pytest.mark.parametrize("relation", ["denied", "hidden comment"])
def test_a_denial_names_nobody(relation: str) -> None:
    """Rule 7: who denies a parent, or hides its name in a comment, is quoted with the alert."""
    found = verdict(saying(case(blended(), family(), [BASE]), named(RELEASE, relation)))
    assert found.audience == "public"
    assert [(p.said, p.quote) for p in found.finding.parents if not p.declared] == [("absent", f"It beats {RELEASE}.")]


def test_a_named_parent_of_the_own_maker_is_for_nobody_and_one_of_unknown_age_for_reviewers() -> None:
    """Rule 4 comes before rule 7."""
    assert verdict(saying(case(blended(), family(), [BASE]), named(RELEASE)), "tidepool").audience == "none"
    undated_case = saying(case(blended(), undated(), [BASE]), named(RELEASE))
    assert verdict(undated_case).audience == "reviewers"


def test_an_own_parent_that_nobody_names_leaves_the_rest_named() -> None:
    """Rules 4 and 7: own weights carry no alert, and neither does a stranger's that the card names."""
    found = verdict(saying(case(blended(), family()), named(RELEASE)), BASE.partition("/")[0])
    assert {p.ref.repo_id: p.said for p in found.finding.parents} == {BASE: "absent", RELEASE: "named"}
    assert found.audience == "reviewers"


@pytest.mark.parametrize("form", ["gone/Release-7B-bnb-4bit", "gone/release-7b", "x/Release-7B-Q4_K_M-GGUF"])
def test_a_declared_form_declares_its_model(form: str) -> None:
    """Rule 7: a quantization, mirror or conversion of a model, read or not, declares the model by its name."""
    references = [
        known(BASE, base_weights(), "base", days=90),
        known("tidepool/Release-7B", release_weights(1), days=30),
    ]
    found = verdict(case(blended(), references, [BASE, form]))
    assert (found.disclosure, found.audience) == ("disclosed", "none")


def test_another_model_of_a_like_name_declares_nothing() -> None:
    """Rule 7: a sibling is no form."""
    references = [
        known(BASE, base_weights(), "base", days=90),
        known("tidepool/Release-7B", release_weights(1), days=30),
    ]
    for other in ("tidepool/Release-70B", "tidepool/Release-7B-Coder", "tidepool/Release", "x/7B-GGUF"):
        assert verdict(case(blended(), references, [BASE, other])).alert


def test_a_later_reading_corrects_a_verdict() -> None:
    """Rule 6: the same evidence with a corrected card or date gives the corrected verdict."""
    wrong, right = case(blended(), family()), case(blended(), family(), [RELEASE, BASE])
    finding = explain(wrong)
    assert judge(wrong, finding, "newcomer").alert
    assert not judge(right, finding, "newcomer").alert


@pytest.mark.parametrize(
    ("declared", "level", "alert"),
    [
        ([], "undisclosed", True),
        (["nobody/Else"], "undisclosed", True),
        ([OTHER], "partial", True),
        ([BASE], "partial", True),
        ([RELEASE, BASE], "disclosed", False),
        ([RELEASE.upper(), BASE.lower()], "disclosed", False),
        (["Release", "base"], "disclosed", False),
        ([RELEASE], "disclosed", False),
    ],
    ids=str,
)
def test_disclosure_levels(declared: list[str], level: str, alert: bool) -> None:
    """All, some or none of the parents are declared; a declared release brings its own declared base along."""
    found = verdict(case(blended(), family(), declared))
    assert (found.disclosure, found.alert) == (level, alert)


def test_a_base_is_reached_through_a_chain() -> None:
    """A base counts as declared where a declared parent's parent declares it."""
    middle = known("heron/Middle", release_weights(2), days=20, declares=(BASE,))
    release = known(RELEASE, release_weights(1), declares=("heron/Middle",))
    base = known(BASE, base_weights(), "base", days=90)
    assert verdict(case(blended(), [base, middle, release], [RELEASE])).disclosure == "disclosed"
    circle = replace(middle, declares=(RELEASE,))
    assert verdict(case(blended(), [base, circle, release], [RELEASE])).disclosure == "partial"


def test_a_release_is_not_reached_through_a_chain() -> None:
    """Only a base is covered by a chain: another release that went in has to be named itself."""
    references = [replace(r, declares=(OTHER,)) if r.repo_id == RELEASE else r for r in family()]
    weights = mixed([release_weights(1), release_weights(2)], [0.6, 0.4])
    found = verdict(case(weights, references, [RELEASE]))
    assert (found.disclosure, found.alert) == ("partial", True)


@pytest.mark.parametrize("declared", [[], [BASE], [OTHER], ["nobody/Else"]], ids=str)
def test_a_derivative_never_alerts(declared: list[str]) -> None:
    """Whatever the card of a fine-tune says or hides, it is reported and never alerted about."""
    found = verdict(case(trained(release_weights(1), delta(9, 0.01)), family(), declared))
    assert (found.finding.kind, found.alert, found.strength) == ("derivative", False, None)


def test_the_unrelated_have_nothing_to_declare() -> None:
    """An unrelated model needs no disclosure."""
    found = verdict(case(fresh(np.random.default_rng(3)), family(), [BASE]))
    assert (found.finding.kind, found.disclosure, found.alert) == ("unrelated", "none-needed", False)


def test_an_inconclusive_finding_alerts_nobody() -> None:
    """Where nothing could be said, nothing is."""
    found = judge(case(blended(), family()), Finding("lineage", "inconclusive", f"{SUSPECT} was not read"), "newcomer")
    assert (found.disclosure, found.alert, found.why) == ("none-needed", False, f"{SUSPECT} was not read")


def test_parents_of_a_known_blend_are_not_accused() -> None:
    """A release looks like a blend of its own later blend and its base, and no alert comes of it."""
    references = [known(BASE, base_weights(), "base", days=90), known("someone/Blend", blended(), days=5)]
    for at in (None, family()[1].weights_at):
        assert not verdict(case(release_weights(1), references, [BASE], at=at)).alert
