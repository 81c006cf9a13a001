"""What is in the pictures of the docs: the watch and its bot at work on loopback, and what Discord got from them.

The demo's uploads are judged by the real watch. A reviewer publishes one finding, its card is corrected hours later, a
moderator dismisses it, and somebody asks for the case and for /status.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import SecretStr

from bot import build
from bot.settings import Settings
from bot.turn import Turn
from demo.founding import Hand
from demo.loopback_discord import BOT_TOKEN, LoopbackDiscord
from demo.loopback_hub import LoopbackHub
from demo.loopback_members import Person
from demo.loopback_repo import BytesBlob, LoopbackRepo
from demo.loopback_world import Channel, Json
from demo.models import card, fresh, repo
from demo.scene import BASE, HIDDEN, RELEASE, scene

MODERATOR: Final = Person("100200300400500911", "marisol")
REVIEWER: Final = Person("100200300400500912", "ruth")
READER: Final = Person("100200300400500913", "teo", permissions=0)
REASON: Final = "They told us beforehand; the card was late."
HOURS: Final = 4  # that the watch's clock begins in the past, so that hours pass at once
WAIT_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Part:
    """Messages of one place. `asked`: who used a command there, and which."""

    place: str
    messages: Sequence[Json]
    asked: tuple[str, str] | None = None
    thread: bool = False


@dataclass(frozen=True, slots=True)
class Shots:
    """What is drawn, by the pictures' names; files by their addresses; members' names by their ids."""

    parts: Mapping[str, Sequence[Part]]
    files: Mapping[str, bytes]
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Stage:
    """A server with its members, and the channels that the bot knows of."""

    discord: LoopbackDiscord
    hub: LoopbackHub
    hand: Hand
    alerts: Channel
    reviewers: Channel

    async def play(self, turn: Turn, reason: str) -> dict[str, list[Part]]:
        """Let it all happen, and take each message as it stands at its moment."""
        members = self.discord.members
        await asyncio.to_thread(members.wait_ready)
        await asyncio.to_thread(members.slash, "subscribe", self.alerts, MODERATOR)
        await turn.run(lambda _: None)
        asked = await _told(self.reviewers)
        found = {"review": [Part("reviewers", [deepcopy(asked)])]}
        await asyncio.to_thread(members.click, asked, "Publish", self.reviewers, REVIEWER)
        message = await _told(self.alerts)
        found["alert"] = [Part("alerts", [deepcopy(message)])]
        self.hand.sleep(HOURS * 3600)
        self.hub.add(_corrected(self.hub.repos[HIDDEN], self.hand.now()))
        self.hub.add(_another(self.hand.now()))
        await turn.run(lambda _: None)
        await until(lambda: len(self._thread(message)) == 1)
        form = await asyncio.to_thread(members.click, message, "Dismiss", self.alerts, MODERATOR)
        await asyncio.to_thread(members.submit, form, {"reason": reason}, self.alerts, MODERATOR)
        await until(lambda: len(self._thread(message)) == 2)
        case = message["components"][0]["components"][0]["custom_id"].rpartition(":")[2]
        found["case"] = [
            await self._answer("case", case=case),
            Part(HIDDEN, deepcopy(self._thread(message)), thread=True),
        ]
        found["status"] = [await self._answer("status")]
        return found

    def _thread(self, message: Json) -> list[Json]:
        thread = self.discord.world.channels.get(message["id"])
        return thread.messages if thread else []

    async def _answer(self, command: str, **options: str) -> Part:
        reply = await asyncio.to_thread(lambda: self.discord.members.slash(command, self.alerts, READER, **options))
        message = reply.followups[0] if reply.followups else reply.message
        return Part("alerts", [deepcopy(message or {})], (READER.name, " ".join([f"/{command}", *options.values()])))


def capture(folder: Path, reason: str = REASON) -> Shots:
    """Play it in an empty folder; `reason` is the moderator's. Raises TimeoutError if a message does not come."""
    hand = Hand(datetime.now(UTC) - timedelta(hours=HOURS))
    cast = scene(hand.at)
    (folder / "registry.yaml").write_text(cast.registry)
    with LoopbackHub(cast.repos) as hub, LoopbackDiscord() as discord:
        guild = discord.world.guild("Watchers")
        stage = Stage(
            discord, hub, hand, discord.world.channel(guild, "alerts"), discord.world.channel(guild, "reviewers")
        )
        settings = Settings(
            data=folder / "data",
            registry=str(folder / "registry.yaml"),
            hf_endpoint=hub.url,
            hf_token=None,
            discord_token=SecretStr(BOT_TOKEN),
            discord_api_base=discord.api_base,
            review_channel=int(stage.reviewers.id),
            min_parameters=0,
            min_bytes=0,
            min_free_bytes=0,
            shadow_days=0,
        )
        parts = _watched(stage, settings, reason)
        names = {who.id: who.name for who in (MODERATOR, REVIEWER, READER)}
        return Shots(parts, dict(discord.world.files), names)


def _watched(stage: Stage, settings: Settings, reason: str) -> dict[str, list[Part]]:
    settings.data.mkdir()
    with (
        build.store(settings) as store,
        build.service(settings, clock=stage.hand.clock) as service,
        build.rooms(settings, store, {}) as rooms,
    ):
        turn = build.turn(service, store, rooms.sinks, build.overseer(service, store))

        async def live() -> dict[str, list[Part]]:
            async with rooms.running():
                return await stage.play(turn, reason)

        try:
            return asyncio.run(live())
        finally:
            turn.asking.stop()


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so; TimeoutError after WAIT_SECONDS."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():
            await asyncio.sleep(0.02)


async def _told(channel: Channel) -> Json:
    """The message about the hidden blend, once it is there."""
    found: list[Json] = []

    def there() -> bool:
        found.extend(m for m in channel.messages if HIDDEN in m["embeds"][0]["title"])
        return bool(found)

    await until(there)
    return found[0]


def _another(now: datetime) -> LoopbackRepo:
    """An honest upload that came meanwhile."""
    weights = fresh(np.random.default_rng(23))
    return repo("driftwood/Zephyr-1", weights, card("Zephyr 1", "Trained from scratch."), now - timedelta(minutes=4))


def _corrected(before: LoopbackRepo, now: datetime) -> LoopbackRepo:
    """The upload after its card names both parents."""
    text = card("Guanabara 1", "A merge.", [RELEASE, BASE], "merge")
    files = {**before.files, "README.md": BytesBlob(text.encode())}
    return replace(before, files=files, revision="", last_modified=now, title="Update README.md", earlier=before)
