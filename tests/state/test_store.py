"""Uploads and cursors: recorded once, settled once, whatever is killed in between."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state.errors import StateError
from state.store import OutboxMessage, Settlement, Store, Upload
from tests.state.events import FOUND, MINUTE, NOW, RETRY, event, message, one_upload


def test_record_twice(store: Store) -> None:
    """The same page read twice brings nothing new, and a page may repeat itself."""
    page = [event(), event("org/other"), event("ORG/Name")]
    assert store.record("feed", page, NOW, NOW) == 2
    assert store.record("feed", page, NOW, NOW + MINUTE) == 0
    assert store.record("feed", [], None, NOW) == 0
    assert [u.repo_id for u in store.due(NOW, 10)] == ["org/name", "org/other"]


def test_identity(store: Store) -> None:
    """A new revision is a new upload, and so is another repository under an old name; a rename is not."""
    store.record("feed", [event(hub_id="1"), event("org/renamed", hub_id="1")], None, NOW)
    assert store.record("feed", [event(hub_id="1", revision="b" * 40)], None, NOW) == 1
    assert store.record("feed", [event(hub_id="2")], None, NOW) == 1
    assert len(store.due(NOW, 10)) == 3


def test_unknown_revision(store: Store) -> None:
    """An event without a revision stays known after its upload was judged at the revision found then."""
    unknown = event(revision=None)
    store.record("feed", [unknown], None, NOW)
    (upload,) = store.due(NOW, 10)
    assert upload.revision is None
    store.settle(upload.id, FOUND, [], NOW)
    assert store.record("feed", [unknown], None, NOW) == 0
    assert [u.revision for u in store.history("org/name")] == ["f" * 40]


def test_upload_as_recorded(store: Store) -> None:
    """A recorded upload comes back equal, with times in UTC."""
    zone = timezone(timedelta(hours=9))
    recorded = event(hub_id="h", gated=True, parameters=2_400_000_000_000, created_at=NOW.astimezone(zone))
    store.record("feed", [recorded], None, NOW)
    (upload,) = store.due(NOW, 1)
    expected = Upload(
        id=upload.id,
        repo_id="org/name",
        hub_id="h",
        revision="a" * 40,
        created_at=NOW,
        parameters=2_400_000_000_000,
        gated=True,
        state="pending",
        reason="",
        attempts=0,
        retry_at=None,
        first_seen=NOW,
        settled_at=None,
        report=None,
        weights_digest=None,
        listed_revision="a" * 40,
    )
    assert upload == expected
    assert upload.created_at.utcoffset() == timedelta(0)


@given(moves=st.lists(st.none() | st.datetimes(timezones=st.just(UTC)), max_size=6))
@settings(max_examples=25, deadline=None)
def test_cursor_never_goes_back(tmp_path_factory: pytest.TempPathFactory, moves: list[datetime | None]) -> None:
    """After any moves the cursor is at the latest of them, and other feeds are where they were."""
    with Store.open(f"sqlite:///{tmp_path_factory.mktemp('store') / 's.db'}") as store:
        for move in moves:
            store.record("feed", [], move, NOW)
        assert store.cursor("feed") == max((m for m in moves if m is not None), default=None)
        assert store.cursor("another feed") is None


def test_record_is_one_transaction(store: Store) -> None:
    """If the cursor cannot move, the events are not kept either, and the other way round."""
    with pytest.raises(StateError, match="no time zone"):
        store.record("feed", [event()], NOW.replace(tzinfo=None), NOW)
    with pytest.raises(StateError, match="no time zone"):
        store.record("feed", [event(), event("org/b", created_at=NOW.replace(tzinfo=None))], NOW, NOW)
    assert store.due(NOW, 10) == []
    assert store.cursor("feed") is None


def test_due_order(store: Store) -> None:
    """The newest come first, and those of unknown size last."""
    events = [
        event("o/unknown", parameters=None),
        event("o/small", parameters=7),
        event("o/big-new", parameters=9, created_at=NOW),
        event("o/big-old", parameters=9, created_at=NOW - MINUTE),
    ]
    store.record("feed", events, None, NOW)
    assert [u.repo_id for u in store.due(NOW, 10)] == ["o/big-new", "o/big-old", "o/small", "o/unknown"]
    assert [u.repo_id for u in store.due(NOW, 1)] == ["o/big-new"]


def test_retry(store: Store) -> None:
    """A failure is due again at its time and not before; without a time it is final."""
    upload = one_upload(store)
    assert store.settle(upload.id, RETRY, [], NOW)
    assert store.due(NOW + MINUTE - timedelta(microseconds=1), 10) == []
    (again,) = store.due(NOW + MINUTE, 10)
    assert (again.state, again.attempts, again.retry_at) == ("failed", 1, NOW + MINUTE)
    store.settle(upload.id, Settlement("failed", "gone"), [], NOW + MINUTE)
    assert store.due(NOW + timedelta(days=9999), 10) == []
    assert [(u.attempts, u.reason) for u in store.history("org/name")] == [(2, "gone")]


def test_settle_twice(store: Store) -> None:
    """Killed after the commit and run again, a settlement changes nothing and alerts nothing twice."""
    upload = one_upload(store)
    assert store.settle(upload.id, FOUND, [message()], NOW) is True
    before = store.history("org/name")
    assert store.settle(upload.id, FOUND, [message()], NOW + MINUTE) is False
    assert store.history("org/name") == before
    assert [(m.dedupe_key, m.upload_id) for m in store.messages_of(upload.id)] == [("k1", upload.id)]
    assert before[0].report == FOUND.report
    assert (before[0].settled_at, before[0].revision, before[0].weights_digest) == (NOW, "f" * 40, "digest")


def test_settle_anew(store: Store) -> None:
    """A verdict that changed replaces the older one, and what it does not say stays known."""
    upload = one_upload(store)
    store.settle(upload.id, FOUND, [message("k1")], NOW)
    assert store.settle(upload.id, Settlement("skipped", "retracted"), [message("k2")], NOW + MINUTE) is True
    (now,) = store.history("org/name")
    assert (now.state, now.attempts, now.report, now.revision) == ("skipped", 2, None, "f" * 40)
    assert [m.dedupe_key for m in store.messages_of(upload.id)] == ["k1", "k2"]


def test_settle_is_one_transaction(store: Store) -> None:
    """If an alert cannot be stored, the upload is not settled."""
    upload = one_upload(store)
    for wrong in (message("k", upload_id=999), OutboxMessage("k", "d", {"x": float("nan")})):
        with pytest.raises(StateError):
            store.settle(upload.id, FOUND, [message("fine"), wrong], NOW)
    assert store.due(NOW, 10) == [upload]
    assert store.messages_of(upload.id) == []


def test_settle_refusals(store: Store) -> None:
    """An invalid settlement is refused by name."""
    upload = one_upload(store)
    with pytest.raises(StateError, match="upload 77 cannot be settled"):
        store.settle(77, FOUND, [], NOW)
    with pytest.raises(StateError, match=r"report on org/name cannot be stored as JSON"):
        store.settle(upload.id, replace(FOUND, report={"x": object()}), [], NOW)
    with pytest.raises(StateError, match="settled as 'pending'"):
        replace(FOUND, state="pending")  # type: ignore[arg-type]
    with pytest.raises(StateError, match="leave out retry_at"):
        replace(FOUND, retry_at=NOW)


def test_long_and_broken_texts(store: Store) -> None:
    """Reasons and errors keep 2,000 characters and no character that a database refuses."""
    upload = one_upload(store)
    reason = "\ud800\0" + "é" * 5_000
    store.settle(upload.id, Settlement("skipped", reason), [message()], NOW)
    assert store.settle(upload.id, Settlement("skipped", reason), [], NOW) is False
    assert store.history("org/name")[0].reason == "?" + "é" * 1_998
    (row,) = store.claim(NOW, 60, 1)
    store.mark_failed(row.id, "x" * 5_000, None, NOW)
    assert store.messages_of(upload.id)[0].last_error == "x" * 2_000


def test_known_weights(store: Store) -> None:
    """Weights count as known if the same repository, by id or name, was judged with them; a skip does not count."""
    store.record("feed", [event(hub_id="H1"), event("org/skipped"), event("org/twin")], None, NOW)
    found, skipped, twin = store.due(NOW, 10)
    assert store.known_weights("H1", "digest") is None
    store.settle(found.id, FOUND, [], NOW)
    store.settle(skipped.id, Settlement("skipped", "too small", weights_digest="digest"), [], NOW)
    for name in ("H1", "org/name", "ORG/NAME"):
        known = store.known_weights(name, "digest")
        assert known is not None
        assert known.id == found.id
    assert store.known_weights("H1", "another digest") is None
    assert store.known_weights("org/skipped", "digest") is None
    assert store.known_weights(twin.repo_id, "digest") is None


def test_history(store: Store) -> None:
    """History is of one name in any case, the newest first."""
    store.record("feed", [event(revision="1"), event("org/else")], None, NOW)
    store.record("feed", [event(revision="2")], None, NOW + MINUTE)
    assert [u.revision for u in store.history("Org/NAME")] == ["2", "1"]
    assert store.history("org/nothing") == []
