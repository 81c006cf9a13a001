"""The numbers that an operator watches are those of what is stored."""

from __future__ import annotations

from datetime import timedelta

from state.store import OutboxMessage, Settlement, Store
from tests.state.events import FOUND, MINUTE, NOW, RETRY, event


def test_an_empty_store_counts_zeros(store: Store) -> None:
    """Every state is there, so that a graph begins at zero and not with nothing."""
    found = store.tally(NOW)
    assert (found.feeds, found.due, found.due_since, found.waiting, found.alerts_since) == ((), 0, None, 0, None)
    assert found.uploads == {"pending": 0, "found": 0, "skipped": 0, "failed": 0}
    assert found.alerts == {"pending": 0, "sending": 0, "sent": 0, "dead": 0}
    assert found.findings == {}


def test_uploads_are_counted_by_what_became_of_them(store: Store) -> None:
    """Waiting uploads, the oldest wait, recent findings, and blends among them."""
    store.record("feed", [event(f"org/m{i}") for i in range(5)], NOW, NOW)
    first, second, third, fourth, _ = store.due(NOW, 10)
    store.settle(first.id, FOUND, [OutboxMessage("k", "console", {})], NOW - timedelta(days=2))
    store.settle(second.id, FOUND, [], NOW)
    store.settle(third.id, Settlement("skipped", "small"), [], NOW)
    store.settle(fourth.id, RETRY, [], NOW)
    found = store.tally(NOW)
    assert found.uploads == {"pending": 1, "found": 2, "skipped": 1, "failed": 1}
    assert (found.findings, found.due, found.waiting, found.due_since) == ({"blend": 2}, 1, 1, NOW)
    assert (found.alerts["pending"], found.alerts_since) == (1, NOW - timedelta(days=2))
    lately = store.tally(NOW + MINUTE, NOW - MINUTE)
    assert (lately.uploads["found"], lately.uploads["pending"], lately.findings) == (1, 1, {"blend": 1})
    assert (lately.due, lately.waiting) == (2, 0)
    (pending,) = [u for u in store.due(NOW + MINUTE, 10) if u.state == "pending"]
    store.settle(pending.id, FOUND, [], NOW)
    assert store.tally(NOW + 2 * MINUTE).due_since == NOW + MINUTE  # when it was to be tried again, not first seen


def test_a_feed_tells_when_it_was_last_read_whole_even_if_nothing_was_new(store: Store) -> None:
    """The cursor never goes back, and the time of reading goes on."""
    store.record("feed", [], NOW, NOW)
    store.record("feed", [], NOW - MINUTE, NOW + MINUTE)
    (feed,) = store.tally(NOW).feeds
    assert (feed.name, feed.read_to, feed.read_at) == ("feed", NOW, NOW + MINUTE)
    store.record("feed", [], None, NOW + 2 * MINUTE)
    assert store.tally(NOW).feeds == (feed,)
