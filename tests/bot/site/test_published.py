"""Only what an alert made public is public, and of gated repositories nothing but what was measured."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from state.case_records import NewRemark
from state.cases.messages import case_row, review_row
from state.cases.publications import Publications
from state.records import KeptFile, Note
from state.store import Store
from tests.bot.site.makers import CASE, NAMES, ROOM, alerted, arrive, public, report_of, told
from tests.state.events import MINUTE, NOW, case_of, event

SECRET = "words of theirs"


def note(store: Store, kind: str, text: str, *, retract: bool = False) -> None:
    """Note an event of the case."""
    store.cases.note(Note(CASE, kind, text, f"{CASE}:{kind}:{text}", NOW + MINUTE), [], retract=retract)


def test_a_published_case_tells_what_its_alert_told(store: Store) -> None:
    """Its values are typed, and a family comes from the registry."""
    told(store, report_of())
    note(store, "notice_asked", "not for subscribers")
    note(store, "declared", "the card names it now")
    (found,) = public(store)
    assert (found.id, found.state, found.finding, found.strength) == (CASE, "declared", "blend", "exact")
    assert (found.upload.repo_id, found.upload.organisation) == ("drift/Mixed-7B", "drift")
    assert (found.declared, found.not_declared, found.families) == ((NAMES[0],), (NAMES[1],), ("Austral",))
    assert found.parents[0].interval == pytest.approx((0.599, 0.601))
    assert [(c.kind, c.text) for c in found.changes] == [("declared", "the card names it now")]
    assert (found.withdrawn, found.gated, found.updated_at) == (False, False, NOW + MINUTE)


def test_what_reviewers_have_or_refused_is_not_public(store: Store) -> None:
    """Neither in review, nor rejected, nor published and not arrived, nor dismissed later."""
    cases = Publications(store.engine)
    case_of(store, report_of())
    cases.open(CASE, "review", [review_row(CASE, ROOM)], NOW)
    arrive(store)
    assert public(store) == []
    cases.decide(NewRemark(CASE, "publish", "alice"), 1, [case_row(CASE, ROOM)], NOW)
    assert public(store) == []
    arrive(store)
    assert [c.id for c in public(store)] == [CASE]
    cases.add_remark(NewRemark(CASE, "dismiss", "bob", "a mistake", "1"), NOW)
    assert public(store) == []


def test_a_rejected_or_kept_case_is_not_public(store: Store) -> None:
    """A kept one was never alerted."""
    cases = Publications(store.engine)
    for case_id, standing in ((CASE, "review"), ("f" * 12, "kept")):
        case_of(store, report_of(case_id))
        cases.open(case_id, standing, [], NOW)  # type: ignore[arg-type]
    cases.decide(NewRemark(CASE, "reject", "alice", "no"), 1, [], NOW)
    arrive(store)
    assert public(store) == []


def test_a_retracted_case_stays_and_says_why(store: Store) -> None:
    """One that was retracted before anyone saw it does not appear."""
    told(store, report_of())
    case_of(store, report_of("f" * 12, "other/Name"))
    Publications(store.engine).open("f" * 12, "review", [], NOW)
    note(store, "retracted", "we were wrong", retract=True)
    (found,) = public(store)
    assert (found.state, found.withdrawn, found.reason) == ("retracted", True, "we were wrong")


@pytest.mark.parametrize(("destination", "count"), [("discord", 1), ("console", 0), ("rooms", 0)])
def test_without_a_bot_only_a_webhook_is_public(store: Store, destination: str, count: int) -> None:
    """A console is the operator's own."""
    alerted(store, report_of(), destination)
    assert len(public(store)) == count


def test_an_alert_of_the_trial_waits_for_a_person(store: Store) -> None:
    """It went out marked as unconfirmed."""
    alerted(store, report_of())
    assert public(store, shadow_days=7) == []
    note(store, "confirmed", "right")
    assert len(public(store, shadow_days=7)) == 1


def test_an_accepted_answer_is_shown_and_an_open_one_is_not(store: Store) -> None:
    """Reviewers see an answer first."""
    told(store, report_of())
    cases = Publications(store.engine)
    for who in ("carol", "dave"):
        cases.answer(NewRemark(CASE, "answer", who, f"an answer of {who}"), ROOM, NOW)
    (first, _) = [r.id for r in cases.remarks(CASE)]
    cases.settle_answer(first, "accepted", "alice", NOW)
    (found,) = public(store)
    assert [a.text for a in found.answers] == ["an answer of carol"]
    assert "carol" not in json.dumps(asdict(replace(found, answers=())), default=str)


@pytest.mark.parametrize("how", ["evidence", "listing"])
def test_nothing_of_a_gated_repository_is_left(store: Store, how: str) -> None:
    """Names of models, numbers and our own words stay; it counts if any state of it was ever gated."""
    report = report_of(why=SECRET)
    report["parents"][1] |= {"quote": SECRET, "where": SECRET}
    report["claims"][0]["quote"] = report["components"][0]["name"] = SECRET
    report["traces"] = [{"claim": SECRET}]
    report["problems"] = [SECRET]
    report["declared"]["relation"] = SECRET
    report["measured"]["arithmetic"] = SECRET
    report["profile"][0]["module"] = report["scale"][0]["profile"][0]["module"] = SECRET
    kept = KeptFile("card", "d" * 64, 9, how == "evidence", NOW)
    told(store, report, [kept])
    if how == "listing":
        store.record("feed", [event("drift/Mixed-7B", hub_id=CASE * 2, revision="e" * 40, gated=True)], None, NOW)
    note(store, "card", SECRET)
    note(store, "retracted", f"by the method of today it does not hold: {SECRET}", retract=True)
    (found,) = public(store)
    assert found.gated
    assert SECRET not in json.dumps(asdict(found), default=str)
    assert (found.files, found.reason) == ((), "by the method of today it does not hold")
    assert [p.coefficient for p in found.parents] == [0.6, 0.4]
