"""What the measurement says of claims: contradicted only where it excludes them."""

from __future__ import annotations

from typing import Any

import pytest

from analyzers.card.claim_check import RULES, assess
from analyzers.card.reader import read_card
from analyzers.records import Finding, Parent, RepoRef, Verdict
from analyzers.records.claims import Assessed, Claim, ClaimKind

X, Y = "aurora/Base-7B", "tidepool/Release-7B"


def parent(repo_id: str, *, declared: bool = False) -> Parent:
    """A parent as found."""
    return Parent(RepoRef(repo_id, "a" * 40), 0.5, None, "declared" if declared else "absent")


def found(kind: str = "blend", *parents: Parent, **changes: Any) -> Verdict:
    """A verdict; by default an exact linear blend of two parents, neither declared, with nothing left over."""
    facts: dict[str, Any] = {"family": "linear", "exact": True, "further_training": False} if kind == "blend" else {}
    facts |= {"measured": {"worst_tensor": 1.0}} | changes
    two = parents or (parent(X), parent(Y))
    finding = Finding("test", kind, f"found {kind}", two, **facts)  # type: ignore[arg-type]
    told = sum(p.declared for p in two)
    level = "disclosed" if told == len(two) else "partial" if told else "undisclosed"
    return Verdict(finding, level, "none", strength=None, why="")  # type: ignore[arg-type]


def status(kind: ClaimKind, verdict: Verdict, *others: Claim, subject: str = "", after_merge: bool = False) -> str:
    """What one claim comes to, beside others."""
    claim = Claim(kind, "quote", "prose", subject, after_merge)
    return assess([claim, *others], verdict)[0].status


MERGE = Claim("merge", "a merge", "prose")


def test_the_founding_case() -> None:
    """A card that names one parent, hides the other and claims on-policy distillation, over an exact mix."""
    card = f"---\nbase_model: {X}\n---\nPost-trained from {X} with on-policy distillation, on our own cluster."
    verdict = found("blend", parent(X, declared=True), parent(Y))
    by = {(a.claim.kind, a.claim.subject): a for a in assess(read_card(card).claims, verdict)}
    assert by["post-training", "on-policy distillation"].status == "contradicted"
    assert "rounding floor in every sampled tensor" in by["post-training", "on-policy distillation"].measurement
    assert by["parent", X].status == "supported"
    assert by["own compute", ""].status == "not testable"


def test_the_founding_case_after_its_card_was_changed() -> None:
    """The merge is then declared and measured; the training that is said to have followed it is still excluded."""
    card = f"Built through a merge of {Y} and {X}, followed by on-policy distillation."
    verdict = found("blend", parent(X, declared=True), parent(Y, declared=True))
    by = {a.claim.kind: a.status for a in assess(read_card(card).claims, verdict)}
    assert by == {"parent": "supported", "merge": "supported", "post-training": "contradicted"}


UNTOUCHED_NOT: dict[str, Verdict] = {
    "not exact": found(exact=False),
    "layerwise": found(family="layerwise"),
    "trained further": found(further_training=True),
    "unknown": found(further_training=None),
    "one tensor is left over": found(measured={"worst_tensor": 0.9}),
    "no tensor was counted": found(measured={}),
    "a copy": found("copy", parent(X), exact=True, further_training=False),
    "a derivative": found("derivative", parent(X)),
    "unrelated": found("unrelated", parent(X)),
    "inconclusive": found("inconclusive", parent(X)),
    "all declared": found("blend", parent(X, declared=True), parent(Y, declared=True)),
}


@pytest.mark.parametrize("verdict", UNTOUCHED_NOT.values(), ids=UNTOUCHED_NOT)
@pytest.mark.parametrize("kind", ["post-training", "distillation"])
def test_training_is_contradicted_only_by_an_exact_mix(kind: ClaimKind, verdict: Verdict) -> None:
    """Anything but an exact linear mix with nothing left over does not exclude training."""
    assert status(kind, found()) == "contradicted"
    assert status(kind, verdict) != "contradicted"


def test_a_declared_merge_may_tell_how_its_parents_were_trained() -> None:
    """Beside a claim to be a merge, a sentence about training is left alone unless it says what came after."""
    assert status("post-training", found(), MERGE) == "not testable"
    assert status("post-training", found(), MERGE, after_merge=True) == "contradicted"


def test_training_is_supported_by_a_derivative_and_by_structure_over_a_mix() -> None:
    """Where weights moved as training moves them, the claim that they were trained holds."""
    assert status("post-training", found("derivative", parent(X))) == "supported"
    assert status("post-training", found(further_training=True, exact=False)) == "supported"


@pytest.mark.parametrize("kind", ["blend", "copy", "derivative"])
def test_from_scratch_is_contradicted_by_a_stranger_alone(kind: str) -> None:
    """A stranger's weights exclude it; the maker's own and a declared parent's do not."""
    claim = [Claim("from scratch", "from scratch", "prose")]
    assert assess(claim, found(kind, parent(X)))[0].status == "contradicted"
    assert assess(claim, found(kind, parent(X)), own={X.lower()})[0].status == "not testable"
    assert assess(claim, found(kind, parent(X, declared=True)))[0].status == "not testable"


@pytest.mark.parametrize("kind", ["unrelated", "inconclusive"])
def test_from_scratch_is_not_proven(kind: str) -> None:
    """That no known model was found does not prove that there is none."""
    assert status("from scratch", found(kind)) == "not testable"


def test_a_merge_is_supported_by_a_mix_of_what_it_names() -> None:
    """Of others, or where no mix was found, nothing is said against it."""
    named, other = (Claim("parent", "", "prose", p) for p in (X, "heron/Other-7B"))
    assert status("merge", found()) == "supported"
    assert status("merge", found(), named) == "supported"
    assert status("merge", found(), other) == "not testable"
    assert status("merge", found("derivative", parent(X))) == "not testable"


def test_a_parent_is_supported_where_it_was_found() -> None:
    """By its repo id in any case or by its bare name; one that was not found may lie further back."""
    assert status("parent", found(), subject=X.upper()) == "supported"
    assert status("parent", found(), subject="base-7b") == "supported"
    assert status("parent", found(), subject="heron/Other-7B") == "not testable"
    assert status("parent", found("inconclusive"), subject=X) == "not testable"


def licence(name: str, verdict: Verdict, **parents: str) -> Assessed:
    """What a licence comes to, held against those of X and Y."""
    known = {repo_id.lower(): parents.get(key, "") for key, repo_id in (("x", X), ("y", Y))}
    return assess([Claim("licence", "", "front matter", name)], verdict, known)[0]


def test_a_licence_is_held_against_the_parents_found() -> None:
    """One clash decides, one unknown leaves it open, and without parents there is nothing to hold it against."""
    clash = licence("apache-2.0", found(), x="mit", y="cc-by-nc-4.0")
    assert (clash.status, Y in clash.measurement, X in clash.measurement) == ("contradicted", True, False)
    assert licence("apache-2.0", found(), x="mit", y="apache-2.0").status == "supported"
    assert licence("apache-2.0", found(), x="mit").status == "not testable"
    assert licence("apache-2.0", found("unrelated"), x="cc-by-nc-4.0").status == "not testable"
    assert licence("apache-2.0", found("derivative", parent(Y)), y="cc-by-nc-4.0").status == "not testable"


@pytest.mark.parametrize("kind", RULES)
@pytest.mark.parametrize("finding", ["blend", "copy", "derivative", "unrelated", "inconclusive"])
def test_every_claim_gets_a_sentence(kind: ClaimKind, finding: str) -> None:
    """Whatever was claimed and whatever was found, there is a status and a measurement."""
    one = assess([Claim(kind, "quote", "prose", "x")], found(finding))[0]
    assert one.status in ("supported", "contradicted", "not testable")
    assert one.measurement
