"""Messages are sent once, even if the process is killed in between."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from state.errors import StateError
from state.store import OutboxRow, Store
from tests.state.events import FOUND, MINUTE, NOW, event, message, one_upload


def test_deliver(store: Store) -> None:
    """A message is claimed once, sent, and kept with its id; the same key is never sent again."""
    assert store.post([message("b"), message("a"), message("b")], NOW) == 2
    rows = store.claim(NOW, 60, 10)
    assert [(r.dedupe_key, r.state, r.attempts) for r in rows] == [("b", "sending", 1), ("a", "sending", 1)]
    assert rows[0].payload == {"title": "about b"}
    assert store.claim(NOW, 60, 10) == []
    store.mark_sent(rows[0].id, "message-1", NOW)
    store.mark_sent(rows[0].id, None, NOW + MINUTE)
    assert store.post([message("b")], NOW + MINUTE) == 0
    assert [r.dedupe_key for r in store.claim(NOW + 2 * MINUTE, 60, 10)] == ["a"]


def test_sender_killed(store: Store) -> None:
    """A sender killed between claim and mark leaves its message to the next one, when the lease has run out."""
    upload = one_upload(store)
    store.settle(upload.id, FOUND, [message()], NOW)
    (first,) = store.claim(NOW, 60, 1)
    assert store.claim(NOW + timedelta(seconds=59), 60, 1) == []
    (second,) = store.claim(NOW + timedelta(seconds=60), 60, 1)
    assert (second.id, second.attempts) == (first.id, 2)
    store.mark_sent(second.id, "m", NOW + MINUTE)
    store.mark_failed(first.id, "a late error of the first sender", NOW + MINUTE, NOW + MINUTE)
    assert store.claim(NOW + timedelta(days=9), 60, 1) == []
    (row,) = store.messages_of(upload.id)
    assert (row.state, row.message_id, row.sent_at, row.last_error) == ("sent", "m", NOW + MINUTE, None)


def test_failed_delivery(store: Store) -> None:
    """A failed message waits for its time; without a time it is a dead letter and kept."""
    store.post([message()], NOW)
    (row,) = store.claim(NOW, 60, 1)
    store.mark_failed(row.id, "503", NOW + MINUTE, NOW)
    assert store.claim(NOW, 60, 1) == []
    (again,) = store.claim(NOW + MINUTE, 60, 1)
    assert (again.last_error, again.next_at) == ("503", NOW + MINUTE)
    store.mark_failed(row.id, "404", None, NOW + MINUTE)
    assert store.claim(NOW + timedelta(days=99), 60, 1) == []
    assert store.counts()["alerts.dead"] == 1
    with pytest.raises(StateError, match="message 99 cannot be marked"):
        store.mark_sent(99, None, NOW)


def test_counts(store: Store) -> None:
    """Counts name every state, zeros included."""
    assert set(store.counts().values()) == {0}
    upload = one_upload(store)
    store.settle(upload.id, FOUND, [message()], NOW)
    expected = dict.fromkeys(store.counts(), 0) | {"uploads.found": 1, "alerts.pending": 1}
    assert store.counts() == expected
    assert sorted(expected) == [
        "alerts.dead",
        "alerts.pending",
        "alerts.sending",
        "alerts.sent",
        "uploads.failed",
        "uploads.found",
        "uploads.pending",
        "uploads.skipped",
    ]


@pytest.mark.parametrize("stores", [1, 2])
def test_many_senders(url: str, stores: int) -> None:
    """Threads, on one store or on two with the same file, never claim the same message."""
    claimed: list[OutboxRow] = []
    start = threading.Barrier(4)

    def send(opened: Store) -> None:
        start.wait()
        while rows := opened.claim(NOW, 600, 3):
            claimed.extend(rows)
            for row in rows:
                opened.mark_sent(row.id, None, NOW)

    with Store.open(url) as first, Store.open(url) as second:
        first.post([message(f"k{i}") for i in range(60)], NOW)
        opened = [first, second] if stores == 2 else [first]
        threads = [threading.Thread(target=send, args=(opened[i % stores],)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(r.id for r in claimed) == sorted({r.id for r in claimed})
        assert first.counts()["alerts.sent"] == 60


def test_many_recorders(url: str) -> None:
    """Two processes that read the same page keep each upload once, and neither gets "database is busy"."""
    new: list[int] = []
    events = [event(f"org/m{i}") for i in range(20)]

    def read() -> None:
        with Store.open(url) as opened:  # the first process makes a fresh database
            new.extend(opened.record("feed", [e], NOW, NOW) for e in events)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(new) == 20
    assert len(new) == 80
