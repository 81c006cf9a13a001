"""Honest models of the family show what a share looks like in a model that was not mixed."""

from __future__ import annotations

import numpy as np

from analyzers.blend import analyze
from analyzers.compare.case import Case
from analyzers.records import Finding
from analyzers.verdict.yardstick import yardsticks
from tests.analyzers.makers import BASE, OTHER, RELEASE, base_weights, case, known, release_weights
from tests.analyzers.test_blend import sibling, two


def found(*more: str) -> tuple[Case, Finding]:
    """A blend of a release and its base beside an honest sibling, and whatever else is known."""
    models = {
        OTHER: known(OTHER, sibling(0.3), declares=[BASE]),
        "child/Of-Release": known("child/Of-Release", release_weights(1), declares=[RELEASE]),
        "house/Blend": known("house/Blend", release_weights(3), declares=[BASE, OTHER]),
    }
    pair = [known(BASE, base_weights(), "base"), known(RELEASE, release_weights(1), declares=[BASE])]
    one = case(two(), [*pair, *(models[name] for name in more)])
    finding = analyze(one)
    assert finding is not None
    assert finding.kind == "blend"
    return one, finding


def test_an_honest_siblings_share_of_the_parent_is_far_from_the_blends() -> None:
    """It was drawn to lean on the release by 0.3 of its own length, and was mixed of nothing."""
    (one,) = yardsticks(*found(OTHER))
    shares = [point.shares[RELEASE][0] for point in one.profile]
    assert one.repo_id == OTHER
    assert len(shares) > 8
    assert 0.1 < np.median(shares) < 0.5
    assert all(point.met < 0.5 for point in one.profile if point.state == "mixed")


def test_what_comes_of_a_parent_or_of_several_models_is_no_yardstick() -> None:
    """Its share would say nothing of honest models."""
    assert yardsticks(*found("child/Of-Release", "house/Blend")) == ()


def test_without_two_parents_there_is_nothing_to_compare() -> None:
    """Nor where the parents are not among the models at hand."""
    one, finding = found(OTHER)
    alone = case(two(), [known(BASE, base_weights(), "base"), known(OTHER, sibling(0.3), declares=[BASE])])
    assert yardsticks(alone, finding) == ()
    assert yardsticks(one, Finding("blend", "derivative", "", finding.parents)) == ()
