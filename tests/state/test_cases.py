"""Cases: a decision and what follows from it are stored together, and nothing has its effect twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from state.case_outbox import guild_and_channel, head_row, review_row, room
from state.case_records import NewNote
from state.cases import Cases
from state.errors import StateError
from state.store import OutboxMessage, Store
from tests.state.uploads import MINUTE, NOW

CASE = "0123456789ab"
REPORT = {"case": CASE, "suspect": {"repo_id": "Org/Name"}, "alert": True}
HERE, THERE = room("1", "10"), room("2", "20")
REVIEW = room("9", "90")


def keys(store: Store) -> list[str]:
    """The keys of everything that waits to be sent; afterwards it is sent."""
    rows = store.claim(NOW + timedelta(days=9), 60, 1000)
    for row in rows:
        store.mark_sent(row.id, f"m{row.id}", NOW)
    return [row.dedupe_key for row in rows]


def test_a_case_opened_twice_is_told_once(store: Store) -> None:
    """The second time only what is missing is added, and a case that went on is not set back."""
    cases = Cases(store.engine)
    assert cases.open(REPORT, "published", [head_row(CASE, HERE)], NOW)
    assert not cases.open(REPORT, "published", [head_row(CASE, HERE), head_row(CASE, THERE)], NOW)
    assert not cases.open(REPORT, "review", [review_row(CASE, REVIEW)], NOW)
    assert keys(store) == [f"case:{CASE}>room:1:10", f"case:{CASE}>room:2:20"]
    assert [guild_and_channel(head.destination) for head in cases.heads(CASE)] == [("1", "10"), ("2", "20")]


def test_a_case_is_found_by_the_start_of_its_id_and_by_its_repository(store: Store) -> None:
    """A beginning that fits two cases fits none, and signs that a database reads as wildcards are signs."""
    cases = Cases(store.engine)
    cases.open(REPORT, "published", [], NOW)
    cases.open(REPORT | {"case": "0123ffffffff"}, "kept", [], NOW + MINUTE)
    found = cases.get("01234")
    assert found is not None
    assert (found.case_id, found.report) == (CASE, REPORT)
    assert [cases.get(text) for text in ("0123", "", "%", "0_234")] == [None] * 4
    assert [case.case_id for case in cases.of_repo("org/NAME")] == ["0123ffffffff", CASE]
    assert [case.case_id for case in cases.search("NAM", 9)] == [CASE]
    assert [case.case_id for case in cases.search("", 9, ("published", "kept"))] == ["0123ffffffff", CASE]
    assert [case.case_id for case in cases.published_since(NOW)] == [CASE]
    assert cases.published_since(NOW + MINUTE) == []


def test_two_reviewers_publish_and_one_cannot_count_twice(store: Store) -> None:
    """The messages are posted with the vote that decides, and a decided case takes no further vote."""
    cases, rows = Cases(store.engine), [head_row(CASE, HERE)]
    cases.open(REPORT, "review", [review_row(CASE, REVIEW)], NOW)
    assert keys(store) == [f"review:{CASE}#0>room:9:90"]
    first = NewNote(CASE, "publish", "alice")
    for _ in range(2):
        case, votes = cases.decide(first, 2, rows, NOW)
        assert (case.state, votes, keys(store)) == ("review", 1, [])
    case, votes = cases.decide(NewNote(CASE, "publish", "bob"), 2, rows, NOW)
    assert (case.state, votes, keys(store)) == ("published", 2, [f"case:{CASE}>room:1:10"])
    with pytest.raises(StateError, match=f"case {CASE} is published already"):
        cases.decide(NewNote(CASE, "reject", "carol"), 1, [], NOW)
    with pytest.raises(StateError, match="there is no case nosuch"):
        cases.decide(NewNote("nosuch", "reject", "carol"), 1, [], NOW)


def test_a_rejected_case_is_told_to_nobody(store: Store) -> None:
    """Its reason is kept."""
    cases = Cases(store.engine)
    cases.open(REPORT, "review", [], NOW, NOW)
    case, _ = cases.decide(NewNote(CASE, "reject", "alice", "a known house merge"), 1, [], NOW)
    assert (case.state, case.reason, keys(store)) == ("rejected", "a known house merge", [])
    assert cases.remind(NOW, REVIEW, NOW) == 0


def test_reviewers_are_told_again_until_they_decide(store: Store) -> None:
    """Each time is one message, whatever is done twice."""
    cases = Cases(store.engine)
    cases.open(REPORT, "review", [], NOW, NOW + MINUTE)
    assert cases.remind(NOW, REVIEW, NOW) == 0
    assert [cases.remind(NOW + MINUTE, REVIEW, NOW + 2 * MINUTE) for _ in range(2)] == [1, 0]
    assert cases.remind(NOW + 2 * MINUTE, REVIEW, NOW + 3 * MINUTE) == 1
    assert keys(store) == [f"review:{CASE}#1>room:9:90", f"review:{CASE}#2>room:9:90"]
    assert cases.waiting() == 1


def test_a_moderators_note_is_told_in_that_server_alone(store: Store) -> None:
    """A retraction is told in every one. A webhook's message has no thread and is left alone."""
    cases = Cases(store.engine)
    webhook = OutboxMessage(f"case:{CASE}>discord", "discord", REPORT)
    cases.open(REPORT, "published", [head_row(CASE, HERE), head_row(CASE, THERE), webhook], NOW)
    keys(store)
    dismissed = NewNote(CASE, "dismiss", "mod", "our own test", "1")
    assert [cases.add(dismissed, NOW) for _ in range(2)] == [True, False]
    assert keys(store) == ["note:1:done>room:1:10"]
    assert [note.text for note in cases.notes(CASE, "1")] == ["our own test"]
    assert cases.notes(CASE, "2") == []
    cases.decide(NewNote(CASE, "retract", "alice", "we were wrong"), 1, [], NOW)
    assert keys(store) == ["note:2:done>room:1:10", "note:2:done>room:2:20"]


def test_an_answer_is_told_once_a_reviewer_accepts_it(store: Store) -> None:
    """One answer a person; settled once."""
    cases = Cases(store.engine)
    cases.open(REPORT, "published", [head_row(CASE, HERE)], NOW)
    keys(store)
    answer = NewNote(CASE, "answer", "author", "We name it in the paper.")
    assert [cases.answer(answer, REVIEW, NOW) for _ in range(2)] == [True, False]
    assert keys(store) == ["answer:1>room:9:90"]
    note = cases.settle_answer(1, "accepted", "alice", NOW)
    assert (note.state, note.decided_by, note.text) == ("accepted", "alice", "We name it in the paper.")
    assert keys(store) == ["note:1:accepted>room:1:10"]
    with pytest.raises(StateError, match="answer 1 is settled already"):
        cases.settle_answer(1, "refused", "bob", NOW)
    with pytest.raises(StateError, match="no such answer"):
        cases.settle_answer(7, "refused", "bob", NOW)
