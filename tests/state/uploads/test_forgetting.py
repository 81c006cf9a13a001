"""Small uploads are forgotten after a while, a few at a time; whatever anything relies on stays."""

from __future__ import annotations

from datetime import timedelta

from state.records import KeptFile
from state.store import Settlement, Store
from tests.state.events import FOUND, NOW, event, message

DAY = timedelta(days=1)
SMALL = Settlement("skipped", "small")


def skipped(store: Store, name: str, parameters: int | None, reason: str = "small") -> int:
    """Record a skipped upload; return its id."""
    store.record("feed", [event(name, parameters=parameters)], None, NOW)
    (upload,) = store.history(name)
    store.settle(upload.id, Settlement("skipped", reason), [], NOW)
    return upload.id


def test_what_is_small_goes_and_all_else_stays(store: Store) -> None:
    """The first upload dates the watch; judged ones, evidence, messages and large ones are needed."""
    first = skipped(store, "org/first", 5)
    small, pickle = (
        skipped(store, "org/small", 5),
        skipped(store, "org/pickle", None, "no safetensors weights, only .bin"),
    )
    large, kept, said = skipped(store, "org/large", 9_000), skipped(store, "org/kept", 5), skipped(store, "org/said", 5)
    store.cases.keep(kept, [KeptFile("card", "a" * 64, 7, False, NOW)])
    store.post([message("k", said)], NOW)
    store.record("feed", [event("org/found", parameters=5)], None, NOW)
    store.settle(7, FOUND, [], NOW)
    assert store.forget_small(1_000, NOW, NOW + 40 * DAY) == 0
    assert store.forget_small(1_000, NOW + DAY, NOW + 40 * DAY) == 2
    left = {
        u.id
        for name in ("first", "small", "pickle", "large", "kept", "said", "found")
        for u in store.history(f"org/{name}")
    }
    assert left == {first, large, kept, said, 7} == {1, 2, 3, 4, 5, 6, 7} - {small, pickle}
    assert (store.repo_events("org/small"), len(store.repo_events("org/large"))) == ([], 1)
    assert store.counts()["uploads.skipped"] == 4
    assert store.began_at() == NOW


def test_it_goes_on_where_it_ended(store: Store) -> None:
    """At each call so many rows are looked at, also where none of them goes."""
    for number in range(6):
        skipped(store, f"org/{number}", 5 if number % 2 else 9_000)
        store.settle(number + 1, Settlement("skipped", f"{number}"), [], NOW + number * DAY)
    assert [store.forget_small(1_000, NOW + 30 * DAY, NOW, 3) for _ in range(4)] == [1, 1, 1, 0]


def test_a_repository_keeps_its_events_while_another_upload_is_there(store: Store) -> None:
    """Events belong to all revisions of a repository."""
    skipped(store, "org/first", 5)
    skipped(store, "org/name", 5)
    store.record("feed", [event("org/name", revision="b" * 40)], None, NOW + DAY)
    assert store.forget_small(1_000, NOW + DAY, NOW) == 1
    assert [e.kind for e in store.repo_events("org/name")] == ["created", "revision"]
