"""Events of repositories over time, and conditions of the service for the operator: each once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from analyzers.records import HubEvent
from state.records import Condition, OutboxMessage, RepoEvent
from state.store import Settlement, Store
from state.uploads.sights import NO_WEIGHTS, Sighting
from tests.state.events import FOUND, MINUTE, NOW, event

ID = "6a1563f96ea5882878c82ed4"
HOUR = timedelta(hours=1)


def kinds(store: Store, name: str) -> list[str]:
    """Return the events of a repository, in order."""
    return [h.kind for h in store.repo_events(name)]


def list_(store: Store, *listed: HubEvent, seen_to: timedelta | None = None) -> int:
    """Let the feed of new repositories show these, having begun two hours ago."""
    seen = NOW + seen_to if seen_to is not None else None
    return store.record("created_at", listed, NOW, NOW, began_at=NOW - 2 * HOUR, seen_to=seen)


def test_one_life(store: Store) -> None:
    """Made, filled, committed to, renamed, deleted and back: a row each, once, however often it is listed."""
    made = event("org/a", hub_id=ID, parameters=None)
    filled = event("org/a", hub_id=ID, parameters=7)
    more = event("org/a", hub_id=ID, revision="b" * 40, parameters=7)
    moved = event("org/b", hub_id=ID, revision="b" * 40, parameters=7)
    for listed in (made, made, filled, filled, more, more, moved, moved):
        list_(store, listed)
    gone = RepoEvent(ID, "org/b", "deleted", "not there", NOW)
    assert store.record_events([gone]) == 1
    assert store.record_events([replace(gone, seen_at=NOW + HOUR)]) == 0
    list_(store, moved)
    list_(store, moved)
    assert kinds(store, "org/a") == ["created", "weights", "revision", "renamed", "deleted", "returned"]
    assert kinds(store, "ORG/B") == kinds(store, "org/a")
    assert [u.revision for u in store.history("org/b")] == ["b" * 40, "a" * 40]


def test_first_sight(store: Store) -> None:
    """One that is older than what was read before was private or missed; one from before the watch is only changed."""
    list_(store)
    list_(store, event("o/new", created_at=NOW), seen_to=-HOUR)
    list_(store, event("o/flipped", created_at=NOW - 1.5 * HOUR), seen_to=-HOUR)
    list_(store, event("o/old", created_at=NOW - 3 * HOUR), seen_to=-HOUR)
    assert [kinds(store, n) for n in ("o/new", "o/flipped", "o/old")] == [["created"], ["public"], ["changed"]]


def test_weights_that_are_counted_end_the_wait(store: Store) -> None:
    """An upload that failed for lack of weights is due at once when the Hub has counted them."""
    list_(store, event("o/late", parameters=None))
    (upload,) = store.due(NOW, 10)
    store.settle(upload.id, Settlement("failed", "no weights yet", retry_at=NOW + 6 * HOUR), [], NOW)
    assert store.due(NOW, 10) == []
    assert list_(store, event("o/late", parameters=9)) == 0
    (again,) = store.due(NOW, 10)
    assert (again.id, again.parameters) == (upload.id, 9)


@pytest.mark.parametrize(("closed", "opened"), [("deleted", "returned"), ("gated", "opened")])
def test_what_opens_ends_the_wait_even_after_it_was_given_up(store: Store, closed: str, opened: str) -> None:
    """Once for each time that it was closed; while it is listed as gated it is not open."""
    list_(store, event(hub_id=ID, gated=True))
    (upload,) = store.due(NOW, 10)
    for times in (1, 2):
        store.settle(upload.id, Settlement("failed", "nobody is let in"), [], NOW)
        assert store.record_events([RepoEvent(ID, "org/name", closed, "", NOW + times * HOUR)]) == 1
        assert store.record_events([RepoEvent(ID, "org/name", closed, "", NOW + times * 2 * HOUR)]) == 0
        if closed == "gated":
            list_(store, event(hub_id=ID, gated=True))
            assert store.due(NOW, 10) == []
        store.record("created_at", [event(hub_id=ID)], None, NOW + times * HOUR)
        (again,) = store.due(NOW + times * HOUR, 10)
        assert (again.id, again.attempts) == (upload.id, 0)
        store.settle(upload.id, FOUND, [], NOW)
        store.record("created_at", [event(hub_id=ID)], None, NOW + times * HOUR)
        assert store.due(NOW + times * HOUR, 10) == []
    assert kinds(store, "org/name") == ["created", *[closed, opened] * 2]


def test_how_far_feeds_are(store: Store) -> None:
    """Read so far, and settled so far: what waits for its first judgement holds the second one back."""
    assert store.feeds() == []
    list_(store, event("o/a", created_at=NOW - MINUTE), event("o/b", created_at=NOW - 2 * MINUTE))
    (state,) = store.feeds()
    assert (state.read_to, state.settled_to, state.began_at) == (NOW, NOW - 2 * MINUTE, NOW - 2 * HOUR)
    for upload in store.due(NOW, 10):
        store.settle(upload.id, FOUND, [], NOW)
    (state,) = store.feeds()
    assert (state.settled_to, state.read_at) == (NOW, NOW)
    store.record("created_at", [], NOW - HOUR, NOW + HOUR, began_at=NOW)
    (state,) = store.feeds()
    assert (state.read_to, state.began_at, state.read_at) == (NOW, NOW - 2 * HOUR, NOW + HOUR)


def told(condition: Condition) -> OutboxMessage:
    """Return the operator's messages."""
    key = f"{condition.name}:{condition.began_at.isoformat()}:{condition.ended_at}"
    return OutboxMessage(key, "operator", {"text": condition.text})


def test_a_condition_is_a_message_when_it_begins_and_when_it_ends(store: Store) -> None:
    """Once each, whatever its text does meanwhile; it may begin again."""
    changes = [
        store.condition("disk", text, NOW + i * HOUR, told)
        for i, text in enumerate([None, "1 MB left", "0 MB left", None, None, "2 MB left"])
    ]
    assert changes == [False, True, False, True, False, True]
    assert [(c.name, c.text, c.began_at) for c in store.conditions()] == [("disk", "2 MB left", NOW + 5 * HOUR)]
    texts = [m.payload["text"] for m in store.claim(NOW + 9 * HOUR, 1.0, 10)]
    assert texts == ["1 MB left", "1 MB left", "2 MB left"]


def test_silent_uploads_say_so(store: Store) -> None:
    """Uploads remembered from before the watch are marked; listed again they stay so."""
    store.record("f", [event("o/seed")], None, NOW, silent=True)
    store.record("f", [event("o/seed"), event("o/new")], None, NOW)
    assert {u.repo_id: u.silent for u in store.due(NOW, 10)} == {"o/seed": True, "o/new": False}


def test_what_was_seen_of_a_repository(store: Store) -> None:
    """Since when the Hub is watched, when the repository had no weights last, and when this revision was listed."""
    assert store.sighting("org/a", ID, "b" * 40) == Sighting()
    list_(store, event("org/a", hub_id=ID, parameters=None), event("org/b", hub_id=ID[::-1]))
    for upload in store.due(NOW, 10):
        reason = NO_WEIGHTS if upload.hub_id == ID else "the Hub did not answer"
        store.settle(upload.id, Settlement("failed", f"{reason} (asked 7 times)"), [], NOW + HOUR)
    store.record("changed", [event("org/new", hub_id=ID, revision="b" * 40)], None, NOW + 2 * HOUR)
    began = NOW - 2 * HOUR
    assert store.sighting("org/new", ID, "b" * 40) == Sighting(began, NOW + HOUR, NOW + 2 * HOUR)
    assert store.sighting("org/new", ID, "c" * 40) == Sighting(began, NOW + HOUR, None)
    assert store.sighting("org/b", ID[::-1], "a" * 40) == Sighting(began, None, NOW)
