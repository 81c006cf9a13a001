"""A webhook that is gone loses nothing for good: the operator hears of what it did not take, and can send it again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.alerts.delivery import LONGEST_DELAY_SECONDS, Delivered, deliver
from bot.alerts.operator import News
from bot.alerts.replaced_webhook import send_again
from bot.alerts.sinks import WebhookSink
from bot.build import utc_now
from bot.cases.rendering import as_they_stand
from bot.config.settings import Settings
from bot.health.watchdog import CANARY, Watchdog
from bot.hub import Hub
from demo.discord.server import LoopbackDiscord
from state.store import OutboxMessage, Store
from tests.bot.alerts.test_delivery import Clock
from tests.bot.alerts.test_rate_cap import WHERE, alert, states
from tests.bot.stage import stage

AWAY = timedelta(minutes=10)
SIX_HOURS = timedelta(seconds=LONGEST_DELAY_SECONDS)


@dataclass
class Stage:
    """A store, its webhook, and what tells the operator."""

    discord: LoopbackDiscord
    store: Store
    dog: Watchdog
    clock: Clock
    posted: int = field(default=0)

    def post(self, number: int) -> None:
        """Let so many alerts be sent, of no case."""
        numbers = range(self.posted, self.posted + number)
        self.posted += number
        self.store.post([OutboxMessage(f"alert {n}", WHERE, alert(n)) for n in numbers], self.clock())

    def go(self, later: timedelta = AWAY) -> Delivered:
        """Send what is due by then, and look after what was given up."""
        self.clock.now += later
        self.store.record(CANARY, [], self.clock(), self.clock())  # it sang just now
        where = as_they_stand({WHERE: WebhookSink(self.discord.webhook_url, self.discord.api_base)}, self.store)
        done = asyncio.run(deliver(self.store, where, self.clock, chance=lambda: 0.0, limit=200))
        self.dog.look()
        return done

    @property
    def embeds(self) -> list[dict[str, Any]]:
        """What Discord has."""
        return [message["embeds"][0] for message in self.discord.messages]


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Stage]:
    """Everything on loopback."""
    url = f"sqlite:///{tmp_path / 'blendwatch.sqlite'}"
    with LoopbackDiscord() as discord, Store.open(url) as store, Hub("http://127.0.0.1:9") as hub:
        clock = Clock()
        dog = Watchdog(store, News(store, clock, WHERE), Settings(data=tmp_path, min_free_bytes=0), hub)
        yield Stage(discord, store, dog, clock)


def test_what_was_given_up_is_told_in_one_message_once_a_webhook_works(at: Stage) -> None:
    """Thirty, then one more; and the news that the webhook did not take."""
    at.discord.faults.unknown_webhook = True
    at.post(30)
    at.dog.news.set("disk nearly full", "1 MB left")
    assert at.go() == Delivered(dead=30, failed=1)
    at.post(1)
    assert at.go() == Delivered(dead=1, failed=2)  # that it has ended, and the thirty
    for _ in range(40):
        assert at.go(SIX_HOURS).dead == 0
    assert states(at.store) == {"dead": 31, "pending": 4}
    at.discord.faults.unknown_webhook = False
    at.go(SIX_HOURS)
    at.go(SIX_HOURS)
    assert sorted(embed["title"] for embed in at.embeds) == [
        "Operator: 1 alert was not delivered",
        "Operator: 30 alerts were not delivered",
        "Operator: disk nearly full",
        "Operator: disk nearly full, ended",
    ]
    told = next(embed["description"] for embed in at.embeds if "30 alerts" in embed["title"])
    assert "the webhook was deleted, so a new one is needed. Once that is mended, blendwatch alerts retry" in told
    assert told.endswith("alert 9 to discord, … and 20 more")


def test_what_was_given_up_is_sent_again_when_the_operator_says_so(at: Stage) -> None:
    """Each once; what has arrived is not sent, and what is given up again is told again."""
    at.post(1)
    at.go()
    at.discord.faults.unknown_webhook = True
    at.post(3)
    at.go()
    assert at.store.retry_dead(at.clock()) == 3
    assert at.go().dead == 3
    at.discord.faults.unknown_webhook = False
    assert at.store.retry_dead(at.clock()) == 3
    assert at.go().sent == 5
    assert at.store.retry_dead(at.clock()) == 0
    at.go()
    titles = [embed["title"] for embed in at.embeds]
    assert sorted(titles) == [
        *["Operator: 3 alerts were not delivered"] * 2,
        *(f"Partly declared blend: org/m{n}" for n in range(4)),
    ]


def test_another_webhook_gets_what_the_one_before_it_refused(at: Stage) -> None:
    """By itself, at the start; not what was given up for another reason, and nothing where nothing is new."""
    assert send_again(at.store, WHERE, "Discord webhook 1", at.clock()) == 0
    at.post(1)
    (row,) = at.store.claim(at.clock(), 1, 1)
    at.store.mark_failed(row.id, "Discord answered 400: no such embed.", None, at.clock())
    at.discord.faults.unknown_webhook = True
    at.post(2)
    at.go()
    assert send_again(at.store, WHERE, "Discord webhook 1", at.clock()) == 0
    assert [send_again(at.store, WHERE, "Discord webhook 2", at.clock()) for _ in range(2)] == [2, 0]
    at.discord.faults.unknown_webhook = False
    assert at.go(timedelta()).sent == 2 + 1  # and what the operator is told of all three


def test_the_command_says_how_many_are_sent_again(tmp_path: Path) -> None:
    """While a watch runs or not."""
    with stage(tmp_path, {}) as at:
        with at.store() as store:
            store.post([OutboxMessage("alert", WHERE, alert(1))], utc_now())
            (row,) = store.claim(utc_now(), 1, 1)
            store.mark_failed(row.id, "no", None, utc_now())
        told = [at.run("alerts", "retry").stdout for _ in range(2)]
    assert told[0].startswith("1 alerts are due again")
    assert told[1].startswith("no alert was given up")
