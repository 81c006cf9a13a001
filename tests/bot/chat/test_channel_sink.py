"""Each subscribed channel has each case once, in its present state."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bench import discord_kill
from bot.alerts.channels import Channels, destination_of
from bot.alerts.delivery import LEASE_SECONDS
from bot.alerts.evidence import plain
from bot.alerts.filters import Filters
from bot.alerts.sinks import WebhookSink, point_at
from bot.chat.client import ChatClient
from bot.chat.service import BadToken
from demo.discord.world import CROSSPOSTED
from state.store import OutboxRow, Store
from tests.bot.chat.stage import OPEN, found, labels, theatre, utc_now


def test_a_finding_is_told_in_every_channel_that_asked(tmp_path: Path) -> None:
    """With its picture, its buttons, and a ping only where a role was asked for; an announcement is handed on."""
    with theatre(tmp_path) as at:
        at.subscribe(at.channel, role_id="900000000000000001")
        at.subscribe(at.news, at.thread)
        profile = [{"layer": 0, "module": "q", "shares": {"a/x": [0.5, 0.4, 0.6], "b/y": [0.5, 0.4, 0.6]}}]
        at.find(found(profile=profile))
        with at.bot():
            at.wait(lambda: all(c.messages for c in (at.channel, at.news, at.thread)))
            at.idle()
        assert not at.other.messages
        (message,) = at.channel.messages
        assert message["content"] == "<@&900000000000000001>"
        assert message["allowed_mentions"] == {"parse": [], "roles": [900000000000000001]}
        (embed,) = message["embeds"]
        assert embed["title"] == "Partly declared blend: quick-fox/Aurora\\_Turbo"
        assert embed["image"] == {"url": "attachment://mix.png"}
        (picture,) = message["attachments"]
        assert "a/x between 0.500 and 0.500" in picture["description"]
        assert labels(message) == [
            "Evidence",
            "Acknowledge",
            "Dismiss",
            "Mute the organisation",
        ]
        assert at.news.messages[0]["flags"] & CROSSPOSTED
        assert at.news.messages[0]["content"] == ""
        assert not at.thread.messages[0]["flags"] & CROSSPOSTED


def test_a_channel_hears_only_what_it_asked_for(tmp_path: Path) -> None:
    """Filters are applied when a case is published."""
    with theatre(tmp_path) as at:
        at.subscribe(at.channel, filters={"kind": "copy"})
        at.subscribe(at.other, filters={"organisation": "Quick-Fox", "billions": 7.0, "base": "borealis-1"})
        at.find(found())
        with at.bot():
            at.wait(lambda: bool(at.other.messages))
            at.idle()
        assert not at.channel.messages


def test_an_alert_is_told_in_the_channels_language(tmp_path: Path) -> None:
    """A subscription keeps its server's language."""
    with theatre(tmp_path) as at:
        at.subscribe(at.channel, locale="pt-BR")
        at.find(found())
        with at.bot():
            at.wait(lambda: bool(at.channel.messages))
            at.idle()
        (embed,) = at.channel.messages[0]["embeds"]
        assert embed["title"].startswith("Mistura em parte declarada: ")
        assert "Misturar é legítimo" in embed["description"]


def test_a_webhook_beside_the_bot_is_told_what_is_published(tmp_path: Path) -> None:
    """Once, and nothing of what is only kept."""
    with theatre(tmp_path) as at:
        at.sinks = {"discord": WebhookSink(at.discord.webhook_url, at.discord.api_base)}
        at.subscribe(at.channel)
        at.find(found(), found("ffff00000000", strength="strong"))
        with at.bot():
            at.wait(lambda: bool(at.channel.messages and at.discord.messages))
            at.idle()
        assert [m["embeds"][0]["title"] for m in at.discord.messages] == [at.channel.messages[0]["embeds"][0]["title"]]


def test_other_channels_beside_the_bot_get_what_they_ask_for(tmp_path: Path) -> None:
    """What is published, by organisation, once each; the retraction follows there."""
    heard: dict[str, list[str]] = {"mine": [], "other": []}

    class Heard:
        def __init__(self, name: str) -> None:
            self.name = name

        async def send(self, payload: Mapping[str, Any]) -> str:
            heard[self.name].append(plain(payload).partition("\n")[0])
            return "sent"

    wishes = {"mine": Filters(organisation="quick-fox"), "other": Filters(organisation="tidepool-ai")}
    with theatre(tmp_path) as at:
        at.sinks = {destination_of(name): Heard(name) for name in heard}
        at.channels = Channels({destination_of(name): wish for name, wish in wishes.items()})
        at.find(found(), found("ffff00000000", strength="strong"))
        with at.bot():
            at.wait(lambda: bool(heard["mine"]))
            at.idle()
            case = at.store.cases.get("0123456789ab")
            assert case is not None
            assert at.casework.retract(case, "we were wrong")
            at.wait(lambda: len(heard["mine"]) == 2)
            at.idle()
    name = "quick-fox/Aurora_Turbo"
    assert heard == {"mine": [f"Partly declared blend: {name}", f"Retracted: {name}"], "other": []}


@pytest.mark.parametrize("nonce_seconds", [0.0, 300.0])
def test_an_answer_that_nobody_saw(tmp_path: Path, nonce_seconds: float) -> None:
    """The message is there although the connection broke: it is found, by its nonce or its marker, and sent no more."""
    ahead = [timedelta(0)]
    with theatre(tmp_path, clock=lambda: utc_now() + ahead[0]) as at:
        at.discord.world.nonce_seconds = nonce_seconds
        at.subscribe(at.channel, at.news)
        at.discord.faults.drops = 2
        at.find(found())
        with at.bot():
            at.wait(lambda: at.store.counts()["alerts.pending"] == 2 and at.discord.faults.drops == 0)
            at.discord.world.keep(at.channel, {"content": "somebody else's word", "embeds": []})
            ahead[0] = timedelta(hours=1)
            at.idle()
        assert [len(at.channel.messages), len(at.news.messages)] == [2, 1]
        assert at.news.messages[0]["flags"] & CROSSPOSTED
        heads = {head.destination: head.message_id for head in at.cases.case_messages("0123456789ab")}
        assert heads[f"room:{at.guild}:{at.channel.id}"] == at.channel.messages[0]["id"]


def test_rate_limits_and_server_errors_are_waited_for(tmp_path: Path) -> None:
    """Discord's client waits by itself, and the message is there once."""
    with theatre(tmp_path) as at:
        at.subscribe(at.channel)
        at.find(found())
        with at.bot() as chat:
            at.idle()
            at.discord.faults.rate_limits, at.discord.faults.server_errors = 2, 1
            at.find(found("ffff00000000"))
            chat.kick()
            at.wait(lambda: len(at.channel.messages) == 2)
            at.idle()
        assert (at.discord.faults.rate_limits, at.discord.faults.server_errors) == (0, 0)
        assert len(at.channel.messages) == 2


def test_where_the_bot_may_not_post_is_given_up(tmp_path: Path) -> None:
    """A refusal and a channel that is gone are dead letters with a reason; the gone one is subscribed no more."""
    with theatre(tmp_path) as at:
        gone = at.discord.world.channel(at.guild, "gone")
        at.subscribe(at.channel, gone, at.other)
        del at.discord.world.channels[gone.id]
        at.channel.forbidden = True
        at.find(found())
        with at.bot():
            at.wait(lambda: bool(at.other.messages))
            at.idle()
        assert at.store.counts()["alerts.dead"] == 2
        assert [wish.channel_id for wish in at.subscriptions.all()] == [at.channel.id, at.other.id]


def test_the_watch_goes_on_without_discord(tmp_path: Path) -> None:
    """Nothing listens: the bot waits, and what is to be told waits in the outbox."""
    with theatre(tmp_path) as at:
        at.subscribe(at.channel)
        at.find(found())
        at.discord.api_base = "http://127.0.0.1:9/api/v10"

        async def live() -> bool:
            async with at.chat().running():
                return True

        assert asyncio.run(live())
        assert at.store.counts()["alerts.pending"] == 1


def test_a_token_that_discord_refuses(tmp_path: Path) -> None:
    """A start says so in one sentence, without the token, and the operator is told; with another one that ends."""
    said: list[str | None] = []
    with theatre(tmp_path, token="a-secret-token") as at:
        chat = at.chat()
        chat.notify = said.append

        async def live() -> None:
            async with chat.running():
                raise AssertionError("it began")

        with pytest.raises(BadToken, match="BLENDWATCH_DISCORD_TOKEN: Discord does not take this token") as caught:
            asyncio.run(live())
        assert "a-secret-token" not in str(caught.value) + repr(at.chat())
        assert said == ["Discord does not take the bot's token: set a new one, and start the watch again"]
    with theatre(tmp_path / "again") as at:
        chat = at.chat()
        chat.notify = said.append

        async def live_again() -> None:
            async with chat.running():
                pass

        asyncio.run(live_again())
        assert said[1:] == [None]


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


class Mortal(Store):
    """A store whose process dies at random before or after the calls of a delivery."""

    chance: Callable[[], float] = staticmethod(lambda: 1.0)

    def _maybe(self) -> None:
        if self.chance() < 0.06:
            raise Killed

    def claim(self, now: datetime, lease_seconds: float, limit: int) -> list[OutboxRow]:
        """See Store."""
        self._maybe()
        rows = super().claim(now, lease_seconds, limit)
        self._maybe()
        return rows

    def mark_sent(self, row_id: int, message_id: str | None, now: datetime) -> None:
        """See Store."""
        self._maybe()
        super().mark_sent(row_id, message_id, now)
        self._maybe()


def test_a_delivery_that_dies_anywhere(tmp_path: Path) -> None:
    """Killed again and again between any two steps, each channel still has each case exactly once."""
    chance, ahead, deaths = random.Random(5), [timedelta(0)], 0
    with theatre(tmp_path, clock=lambda: utc_now() + ahead[0]) as at, Mortal.open(at.url) as mortal:
        rooms = [at.discord.world.channel(at.guild, f"room-{i}") for i in range(6)]
        at.subscribe(*rooms)
        at.find(*(found(f"{i:012x}") for i in range(6)))
        mortal.chance = chance.random
        at.store = mortal

        async def live() -> None:
            chat = at.chat()
            chat.client = ChatClient(chat.desk)
            point_at(at.discord.api_base)
            await chat.client.login(at.token)
            try:
                while (await chat.send()).sent if chat.send else False:
                    pass
            finally:
                await chat.client.close()

        while any(at.store.counts()[state] for state in OPEN):
            at.discord.world.nonce_seconds = chance.choice([0.0, 300.0])
            try:
                asyncio.run(live())
            except Killed:
                deaths += 1
            ahead[0] += timedelta(seconds=LEASE_SECONDS + 1)
        assert deaths >= 3
        for room in rooms:
            assert len({m["embeds"][0]["footer"]["text"] for m in room.messages}) == len(room.messages) == 6


@pytest.mark.timeout(400)
def test_a_process_that_is_killed() -> None:
    """A small part of the bench: SIGKILL at random moments, and no alert is missing or doubled."""
    outcome = discord_kill.run(40, 15, 5, seed=2)
    assert (outcome.arrived, outcome.missing, outcome.doubled, outcome.kills) == (600, 0, 0, 5)
