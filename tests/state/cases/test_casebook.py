"""Cases are due for a follow-up: young ones often, old ones rarely, and neither keeps the other waiting."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

from state.records import AskAttempts, KeptFile, Note
from state.store import Store
from tests.state.events import NOW, case_of

REPORT = {"suspect": {"repo_id": "Org/Name"}, "alert": True}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def opened(store: Store, number: int, at: datetime) -> str:
    """Open a case of an upload of its own."""
    name = f"{number:012x}"
    case_of(store, REPORT | {"case": name}, at)
    return name


def follow_up(store: Store, case_id: str, now: datetime) -> None:
    """Record a follow-up."""
    case = store.cases.with_id(case_id)
    assert case is not None
    store.cases.mark_followed_up(case, now)


def test_old_cases_do_not_crowd_out_the_young(store: Store) -> None:
    """Sixty old ones looked after two hours ago are not due, however few are asked for."""
    for number in range(60):
        follow_up(store, opened(store, number, NOW - 9 * DAY), NOW - 2 * HOUR)
    young = opened(store, 99, NOW - DAY)
    follow_up(store, young, NOW - HOUR - timedelta(minutes=1))

    def due(now: datetime) -> list[str]:
        return [c.case_id for c in store.cases.due_for_follow_up(now, 50)]

    assert due(NOW) == [young]
    follow_up(store, young, NOW)
    assert due(NOW) == []
    assert len(due(NOW + 22 * HOUR)) == 50


def test_follow_ups_thin_out_and_end(store: Store) -> None:
    """Hourly for three days, daily for a month, weekly for a year, then never; a retracted case is never due."""
    case_id, times, now = opened(store, 1, NOW), list[datetime](), NOW
    for hours in (*range(80), *range(96, 24 * 400, 24)):
        now = NOW + hours * HOUR
        if store.cases.due_for_follow_up(now, 9):
            follow_up(store, case_id, now)
            times.append(now)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert [gaps.count(every) for every in (HOUR, DAY, 7 * DAY)] == [71, 27, 48], gaps
    assert gaps == sorted(gaps)
    assert NOW + 365 * DAY <= times[-1] + 7 * DAY <= NOW + 379 * DAY
    other = opened(store, 2, NOW)
    store.cases.note(Note(other, "retracted", "why", "key", NOW), [], retract=True)
    assert store.cases.due_for_follow_up(NOW + DAY, 9) == []


def test_tries_are_counted_for_each_open_case(store: Store) -> None:
    """Evidence of one kind is counted, with its last time; cases that are too old are left out."""
    old, new = opened(store, 1, NOW - 20 * DAY), opened(store, 2, NOW)
    (of_new,) = [c.upload_id for c in store.cases.all() if c.case_id == new]
    assert store.cases.ask_attempts("identity", NOW - DAY) == [AskAttempts(new, of_new, 0, None)]
    kept = [KeptFile("identity", digit * 64, 1, False, NOW + n * HOUR) for n, digit in enumerate("abc")]
    store.cases.keep(of_new, [*kept, KeptFile("card", "d" * 64, 1, False, NOW + DAY)])
    assert store.cases.ask_attempts("identity", NOW - DAY) == [AskAttempts(new, of_new, 3, NOW + 2 * HOUR)]
    assert [t.case_id for t in store.cases.ask_attempts("identity", NOW - 30 * DAY)] == [old, new]
