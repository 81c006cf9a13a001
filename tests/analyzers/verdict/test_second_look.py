"""What calls for fresh coordinates, of whom they are read, and what the two looks say together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from analyzers import explain
from analyzers.compare.case import Case
from analyzers.records import Finding, Parent, RepoRef
from analyzers.verdict.rules import judge
from analyzers.verdict.second_look import (
    LOT,
    MAX_MODELS,
    companions,
    moved,
    reason_for,
    stacked,
    together,
    undeclared_noise,
    unread,
)
from demo.models import Weights, fresh, mixed, trained
from tests.analyzers.makers import (
    BASE,
    OTHER,
    RELEASE,
    base_weights,
    case,
    delta,
    family,
    known,
    noisy,
    release_weights,
)
from tests.analyzers.merges import layer_of, taken
from tests.analyzers.merges import moved as with_moved_layers

B, R, O = base_weights(), release_weights(1), release_weights(2)  # noqa: E741 - a base, a release, another
NEVER = 1.0  # a lot that is not drawn


def fine_tune() -> Weights:
    """An honest model of the base."""
    return trained(B, delta(8, 0.01))


def patchwork() -> Weights:
    """A fine-tune with a layer of one release and a layer of another, bit for bit."""
    own = fine_tune()
    return taken(lambda n: {0: R, 1: O}.get(layer_of(n), own), B)


def reason(found: Case, lot: float = NEVER) -> str:
    """Explain and judge a case, and say why it is looked at again."""
    finding = explain(found)
    return reason_for(found, finding, judge(found, finding, "newcomer"), lot)


@pytest.mark.parametrize(
    ("weights", "declared", "expected"),
    [
        (lambda: mixed([R, B], [0.6, 0.4]), [BASE], "before an alert"),
        (lambda: R, [], "before an alert"),
        (lambda: mixed([R, B], [0.6, 0.4]), [BASE, RELEASE], ""),
        (lambda: noisy(mixed([R, B], [0.6, 0.4]), 6e-3), [BASE], "the first look could not say"),
        (patchwork, [BASE], "whole tensors of known models are in it"),
        (fine_tune, [BASE], ""),
        (lambda: fresh(np.random.default_rng(9)), [], ""),
    ],
    ids=["hidden blend", "hidden copy", "declared blend", "in doubt", "patchwork", "fine-tune", "stranger"],
)
def test_what_calls_for_a_second_look(weights: Callable[[], Weights], declared: list[str], expected: str) -> None:
    """Alerts, doubts and whole tensors of others do; what is declared, honest or unrelated does not."""
    assert reason(case(weights(), family(), declared)) == expected


def test_noise_of_a_doubtful_kind_is_looked_at_again() -> None:
    """Below the noise that a first look tells, an undeclared near relative may be a copy; a declared one may not."""
    shaken = noisy(R, 1.5e-3, additive=True)
    assert explain(case(shaken, family())).kind == "derivative"
    assert undeclared_noise(case(shaken, family()))
    assert reason(case(shaken, family())) == "it may be a copy under noise"
    assert not undeclared_noise(case(shaken, family(), [RELEASE]))
    assert not undeclared_noise(case(fine_tune(), family()))


def test_quiet_derivatives_are_drawn_by_lot() -> None:
    """A small share of them, so that painting over the public coordinates is a risk."""
    quiet = case(fine_tune(), family(), [BASE])
    assert [reason(quiet, lot) for lot in (0.0, LOT * 0.99, LOT, 0.5)] == ["drawn by lot"] * 2 + [""] * 2


def test_stacked_and_moved() -> None:
    """Tensors of two models are a patchwork, of one alone not; layers in other places are seen as moved."""
    assert stacked(case(patchwork(), family()))
    assert not stacked(case(R, family()))
    assert not stacked(case(fine_tune(), family()))
    assert moved(case(with_moved_layers(R), family()))
    assert not moved(case(R, family()))
    assert not moved(case(fine_tune(), family()))


def names(found: Case) -> list[str]:
    """Whom a second look reads beside the suspect."""
    return [r.repo_id for r in companions(found, explain(found))]


def test_companions_are_the_parents_first() -> None:
    """The parents that were found, and no one else where that is settled."""
    more = [known(f"wren/Release-{i}", release_weights(10 + i), days=15) for i in range(6)]
    blend = mixed([R, O], [0.6, 0.4])
    assert set(names(case(blend, [*family(), *more]))) == {RELEASE, OTHER}
    copied = names(case(R, [*family(), *more]))
    assert (copied[0], len(copied)) == (RELEASE, 2)


def test_companions_of_a_doubt_are_declared_ones_bases_and_the_nearest() -> None:
    """Where nobody is named yet, four are read; where whole tensors are others', as many as may be."""
    more = [known(f"wren/Release-{i}", release_weights(10 + i), days=15) for i in range(6)]
    doubt = case(fine_tune(), [*family(), *more], [OTHER])
    finding = Finding("blend", "inconclusive", "who knows")
    found = [r.repo_id for r in companions(doubt, finding)]
    assert found[:2] == [OTHER, BASE]
    assert len(found) == 4
    assert len(names(case(patchwork(), [*family(), *more]))) == MAX_MODELS


def said(kind: str, *parents: str) -> Finding:
    """A finding of this kind."""
    told = tuple(Parent(RepoRef(p, "0" * 40), None, None) for p in parents)
    return Finding("some", kind, f"{kind} of {parents}", told, measured={"decisive": 7})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("first", "second", "kind", "words"),
    [
        (said("blend", RELEASE, BASE), said("blend", RELEASE, BASE), "blend", "fresh coordinates say the same: "),
        (said("copy", RELEASE), said("copy", RELEASE), "copy", "fresh coordinates say the same: "),
        (said("blend", RELEASE, BASE), said("blend", OTHER, BASE), "blend", "at fresh coordinates: "),
        (said("inconclusive"), said("blend", RELEASE, BASE), "blend", "at fresh coordinates: "),
        (said("blend", RELEASE, BASE), said("derivative", BASE), "inconclusive", "do not bear it out"),
        (said("copy", RELEASE), said("unrelated"), "inconclusive", "do not bear it out"),
        (said("blend", RELEASE, BASE), said("inconclusive"), "inconclusive", "do not bear it out"),
        (said("inconclusive"), said("derivative", BASE), "inconclusive", ""),
        (said("derivative", BASE), said("derivative", BASE), "derivative", ""),
        (said("derivative", BASE), said("inconclusive"), "inconclusive", ""),
    ],
    ids=lambda f: f.kind if isinstance(f, Finding) else str(f)[:12],
)
def test_two_looks_together(first: Finding, second: Finding, kind: str, words: str) -> None:
    """A blend or copy must hold at fresh coordinates; a doubt may be settled there."""
    found = together(first, second)
    assert found.kind == kind
    assert words in found.claim
    if kind in ("blend", "copy"):
        assert found.parents == second.parents
    if "bear" in words:
        assert (found.parents, found.exact) == ((), None)


@pytest.mark.parametrize("second", [said("derivative", BASE), said("unrelated"), said("inconclusive")])
def test_a_parent_that_is_gone_leaves_what_is_exact(second: Finding) -> None:
    """What was exact stands and says what was gone; what was not is a doubt with that reason, and not with another."""
    first = said("blend", RELEASE, BASE)
    exact = together(replace(first, exact=True), second, [RELEASE])
    assert (exact.kind, exact.parents, exact.gone) == ("blend", first.parents, (RELEASE,))
    assert exact.claim.startswith(f"{RELEASE} could not be read at fresh coordinates; at the public ones: ")
    loose = together(first, second, [RELEASE])
    assert (loose.kind, loose.parents) == ("inconclusive", ())
    assert f"{RELEASE} could not be read at fresh coordinates, so it could not be borne out" in loose.claim
    assert unread(second, [RELEASE]) == second


def test_what_the_rest_shows_at_fresh_coordinates_goes_before_what_is_gone() -> None:
    """A copy of one that could be read needs no other."""
    found = together(replace(said("blend", RELEASE, BASE), exact=True), said("copy", BASE), [RELEASE])
    assert found.kind == "copy"
