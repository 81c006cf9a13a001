"""Subscriptions, mutes and values: the last word counts."""

from __future__ import annotations

from dataclasses import replace

from state.case_records import Mute, Subscription
from state.cases.subscriptions import Subscriptions
from state.store import Store
from tests.state.events import MINUTE, NOW

WISH = Subscription("1", "10", {"kinds": ["blend"]}, "77", "pt-BR", announce=True, created_by="5")


def test_a_channel_has_one_subscription(store: Store) -> None:
    """A second one replaces the first, in its place."""
    subscriptions = Subscriptions(store.engine)
    subscriptions.put(WISH, NOW)
    subscriptions.put(Subscription("1", "11"), NOW)
    assert subscriptions.of_guild("1") == [WISH, Subscription("1", "11")]
    changed = replace(WISH, filters={}, role_id=None)
    subscriptions.put(changed, NOW)
    assert subscriptions.all() == [changed, Subscription("1", "11")]
    assert subscriptions.of_channel("10") == changed
    assert [subscriptions.drop("10") for _ in range(2)] == [True, False]
    assert subscriptions.of_channel("10") is None


def test_a_mute_ends_at_its_date(store: Store) -> None:
    """It holds for one server and one organisation, in upper or lower case."""
    subscriptions = Subscriptions(store.engine)
    subscriptions.mute(Mute("1", "Org", NOW, "mod", ""), NOW)
    subscriptions.mute(Mute("1", "org", NOW + MINUTE, "mod", "noisy"), NOW)
    assert subscriptions.muted("ORG", NOW) == {"1"}
    assert subscriptions.muted("org", NOW + MINUTE) == set()
    assert subscriptions.muted("other", NOW) == set()


def test_a_mark_is_what_was_last_written(store: Store) -> None:
    """None before."""
    subscriptions = Subscriptions(store.engine)
    assert subscriptions.value("digest") is None
    for value in ("a", "b"):
        subscriptions.set_value("digest", value, NOW)
    assert subscriptions.value("digest") == "b"
