"""Cases: a decision and what follows from it are stored together, and nothing has its effect twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from state.case_records import NewRemark
from state.cases.messages import case_row, channel_destination, guild_and_channel, published_row, review_row
from state.cases.publications import Publications
from state.errors import StateError
from state.records import Note
from state.store import OutboxMessage, Store
from tests.state.events import MINUTE, NOW, case_of

CASE = "0123456789ab"
REPORT = {"case": CASE, "suspect": {"repo_id": "Org/Name"}, "alert": True}
HERE, THERE = channel_destination("1", "10"), channel_destination("2", "20")
REVIEW = channel_destination("9", "90")


def opened(store: Store) -> Publications:
    """Return the cases of a store in which the watch has found one."""
    case_of(store, REPORT)
    return Publications(store.engine)


def keys(store: Store) -> list[str]:
    """Return the keys of all unsent messages, and mark these sent."""
    rows = store.claim(NOW + timedelta(days=9), 60, 1000)
    for row in rows:
        store.mark_sent(row.id, f"m{row.id}", NOW)
    return [row.dedupe_key for row in rows]


def test_a_case_opened_twice_is_posted_once(store: Store) -> None:
    """The second time only missing messages are added, and a decided case is not set back."""
    cases = opened(store)
    assert cases.open(CASE, "published", [case_row(CASE, HERE)], NOW)
    assert not cases.open(CASE, "published", [case_row(CASE, HERE), case_row(CASE, THERE)], NOW)
    assert not cases.open(CASE, "review", [review_row(CASE, REVIEW)], NOW)
    assert keys(store) == [f"case:{CASE}>room:1:10", f"case:{CASE}>room:2:20"]
    assert [guild_and_channel(head.destination) for head in cases.case_messages(CASE)] == [("1", "10"), ("2", "20")]


def test_a_case_is_found_by_the_start_of_its_id_and_by_its_repository(store: Store) -> None:
    """A prefix of two cases matches none, and a database's wildcards count as plain characters."""
    cases = opened(store)
    case_of(store, REPORT | {"case": "0123ffffffff"}, NOW + MINUTE)
    cases.open(CASE, "published", [], NOW)
    cases.open("0123ffffffff", "kept", [], NOW + MINUTE)
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
    cases, rows = opened(store), [case_row(CASE, HERE)]
    cases.open(CASE, "review", [review_row(CASE, REVIEW)], NOW)
    assert keys(store) == [f"review:{CASE}#0>room:9:90"]
    first = NewRemark(CASE, "publish", "alice")
    for _ in range(2):
        case, votes = cases.decide(first, 2, rows, NOW)
        assert (case.state, votes, keys(store)) == ("review", 1, [])
    case, votes = cases.decide(NewRemark(CASE, "publish", "bob"), 2, rows, NOW)
    assert (case.state, votes, keys(store)) == ("published", 2, [f"case:{CASE}>room:1:10"])
    with pytest.raises(StateError, match=f"case {CASE} is published already"):
        cases.decide(NewRemark(CASE, "reject", "carol"), 1, [], NOW)
    with pytest.raises(StateError, match="there is no case nosuch"):
        cases.decide(NewRemark("nosuch", "reject", "carol"), 1, [], NOW)


def test_a_rejected_case_is_not_posted(store: Store) -> None:
    """Its reason is kept."""
    cases = opened(store)
    cases.open(CASE, "review", [], NOW, NOW)
    case, _ = cases.decide(NewRemark(CASE, "reject", "alice", "a known house merge"), 1, [], NOW)
    assert (case.state, case.reason, keys(store)) == ("rejected", "a known house merge", [])
    assert cases.remind(NOW, REVIEW, NOW) == 0


def test_reviewers_are_reminded_until_they_decide(store: Store) -> None:
    """Each reminder is one message, even if repeated."""
    cases = opened(store)
    cases.open(CASE, "review", [], NOW, NOW + MINUTE)
    assert cases.remind(NOW, REVIEW, NOW) == 0
    assert [cases.remind(NOW + MINUTE, REVIEW, NOW + 2 * MINUTE) for _ in range(2)] == [1, 0]
    assert cases.remind(NOW + 2 * MINUTE, REVIEW, NOW + 3 * MINUTE) == 1
    assert keys(store) == [f"review:{CASE}#1>room:9:90", f"review:{CASE}#2>room:9:90"]
    assert cases.waiting() == 1


def test_a_moderators_remark_is_posted_in_that_server_alone(store: Store) -> None:
    """A webhook's message has no thread and is left alone."""
    cases = opened(store)
    webhook = published_row(CASE, "discord", REPORT, cases.upload_of(CASE))
    cases.open(CASE, "published", [case_row(CASE, HERE), case_row(CASE, THERE), webhook], NOW)
    keys(store)
    dismissed = NewRemark(CASE, "dismiss", "mod", "our own test", "1")
    assert [cases.add_remark(dismissed, NOW) for _ in range(2)] == [True, False]
    assert keys(store) == ["remark:1:done>room:1:10"]
    assert [remark.text for remark in cases.remarks(CASE, "1")] == ["our own test"]
    assert cases.remarks(CASE, "2") == []


def test_news_is_posted_wherever_the_case_was(store: Store) -> None:
    """In every server; to reviewers while they have not decided; the same news once."""
    cases = opened(store)
    cases.open(CASE, "review", [], NOW)
    for _ in range(2):
        cases.post_news(CASE, f"{CASE}:gone:0", REVIEW, NOW)
    assert keys(store) == [f"{CASE}:gone:0>room:9:90"]
    cases.decide(NewRemark(CASE, "publish", "alice"), 1, [case_row(CASE, HERE), case_row(CASE, THERE)], NOW)
    keys(store)
    cases.post_news(CASE, f"{CASE}:declared:x", REVIEW, NOW)
    assert keys(store) == [f"{CASE}:declared:x>room:1:10", f"{CASE}:declared:x>room:2:20"]


def test_a_retracted_case_says_so_and_why(store: Store) -> None:
    """It no longer waits for reviewers, and takes no decision."""
    cases = opened(store)
    cases.open(CASE, "review", [], NOW, NOW)
    store.cases.note(Note(CASE, "retracted", "we were wrong", f"{CASE}:retracted:", NOW), [], retract=True)
    case = cases.get(CASE)
    assert case is not None
    assert (case.state, case.reason, cases.waiting(), cases.remind(NOW, REVIEW, NOW)) == (
        "retracted",
        "we were wrong",
        0,
        0,
    )
    with pytest.raises(StateError, match=f"case {CASE} is retracted already"):
        cases.decide(NewRemark(CASE, "publish", "alice"), 1, [], NOW)


def test_alerts_from_before_the_bot_count_as_published(store: Store) -> None:
    """A finding that waits for the bot does not."""
    cases = Publications(store.engine)
    waits = REPORT | {"case": "0123ffffffff"}
    case_of(store, REPORT, NOW, [OutboxMessage("a", "discord", REPORT)])
    case_of(store, waits, NOW, [OutboxMessage("b", "rooms", waits)])
    assert [cases.adopt_earlier_cases("rooms") for _ in range(2)] == [1, 0]
    assert [(case.case_id, case.state) for case in cases.of_repo("org/name")] == [(CASE, "published")]


def test_an_answer_is_posted_once_a_reviewer_accepts_it(store: Store) -> None:
    """One answer a person; settled once."""
    cases = opened(store)
    cases.open(CASE, "published", [case_row(CASE, HERE)], NOW)
    keys(store)
    answer = NewRemark(CASE, "answer", "author", "We name it in the paper.")
    assert [cases.answer(answer, REVIEW, NOW) for _ in range(2)] == [True, False]
    assert keys(store) == ["answer:1>room:9:90"]
    note = cases.settle_answer(1, "accepted", "alice", NOW)
    assert (note.state, note.decided_by, note.text) == ("accepted", "alice", "We name it in the paper.")
    assert keys(store) == ["remark:1:accepted>room:1:10"]
    with pytest.raises(StateError, match="answer 1 is settled already"):
        cases.settle_answer(1, "refused", "bob", NOW)
    with pytest.raises(StateError, match="no such answer"):
        cases.settle_answer(7, "refused", "bob", NOW)
