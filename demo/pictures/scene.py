"""Scene of the docs' pictures: the watch and its bot at work on loopback, and their messages in Discord.

The real watch judges the demo's uploads, and a reviewer publishes a blend and a copy. Hours later the author corrects
the blend's card, a moderator dismisses the case, and a member asks for it and for /status. Then the card hides the
parent again. The copy is declared, then not any more, gets other weights, and is retracted. Of two equal uploads
that came at the same time, reviewers see that nobody knows which was first.
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
from bot.config.settings import Settings
from bot.watch.one_pass import OnePass
from demo.discord.members import Person
from demo.discord.server import BOT_TOKEN, LoopbackDiscord
from demo.discord.world import Channel, Json
from demo.founding import ManualClock
from demo.hub.repository import BytesBlob, LoopbackRepo
from demo.hub.server import LoopbackHub
from demo.models import card, fresh, repo
from demo.scene import BASE, HIDDEN, RELEASE, scene

MODERATOR: Final = Person("100200300400500911", "marisol")
REVIEWER: Final = Person("100200300400500912", "ruth")
READER: Final = Person("100200300400500913", "teo", permissions=0)
REASON: Final = "They told us beforehand; the card was late."
RETRACTED: Final = "The first weights were a mirror by agreement."
COPY: Final = "rebrand/Phoenix"
TWINS: Final = ("heath/Rowan-1", "willow/Alder-1")  # of equal weights, uploaded at the same time
HOURS: Final = 4  # start of the watch's clock in the past, so that hours pass at once
WAIT_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Part:
    """Messages of one place. `asked`: the member who used a command there, and the command."""

    place: str
    messages: Sequence[Json]
    asked: tuple[str, str] | None = None
    thread: bool = False


@dataclass(frozen=True, slots=True)
class Shots:
    """Pictures by name; files by their addresses; members' names by their ids."""

    parts: Mapping[str, Sequence[Part]]
    files: Mapping[str, bytes]
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Stage:
    """A server with its members, and the channels that the bot knows of."""

    discord: LoopbackDiscord
    hub: LoopbackHub
    hand: ManualClock
    alerts: Channel
    reviewers: Channel

    async def play(self, watch_pass: OnePass, reason: str) -> dict[str, list[Part]]:
        """Let it all happen, and take each message as it stands at its moment."""
        members = self.discord.members
        await asyncio.to_thread(members.wait_ready)
        await asyncio.to_thread(members.slash, "subscribe", self.alerts, MODERATOR)
        await watch_pass.run(lambda _: None)
        asked = {name: await _shown(self.reviewers, name) for name in (HIDDEN, COPY)}
        found = {"review": [Part("reviewers", [deepcopy(asked[HIDDEN])])]}
        for each in asked.values():
            await asyncio.to_thread(members.click, each, "Publish", self.reviewers, REVIEWER)
        blend, copy = [await _shown(self.alerts, name) for name in asked]
        states = [_now(blend)]
        found["alert"] = states[:1]
        blended, copied = self.hub.repos[HIDDEN], self.hub.repos[COPY]
        for upload in _others(self.hand.now() + timedelta(hours=HOURS)):
            self.hub.add(upload)
        states.append(await self._after(watch_pass, blend, _carded(blended, [RELEASE, BASE]), "Now declared"))
        await until(lambda: len(self._thread(blend)) == 1)
        await self._form(blend, "Dismiss", self.alerts, MODERATOR, reason)
        await until(lambda: len(self._thread(blend)) == 2)
        case = blend["components"][0]["components"][0]["custom_id"].rpartition(":")[2]
        thread = Part(HIDDEN, deepcopy(self._thread(blend)), thread=True)
        found["case"] = [await self._answer("case", case=case), thread]
        found["status"] = [await self._answer("status")]
        await self._after(watch_pass, copy, _carded(copied, [RELEASE]), "Now declared")
        states.append(await self._after(watch_pass, copy, _carded(copied, []), "Not declared any more"))
        states.append(await self._after(watch_pass, copy, _replaced(copied), "Weights replaced since"))
        states.append(await self._after(watch_pass, blend, _carded(blended, [BASE]), "Dismissed here"))
        await self._form(asked[COPY], "Retract", self.reviewers, REVIEWER, RETRACTED)
        await until(lambda: copy["embeds"][0]["title"].startswith("Retracted"))
        alike = await _shown(self.reviewers, "Alike, unknown which came first")
        found["states"] = [*states, Part("reviewers", [_alone(alike)]), _now(copy)]
        return found

    async def _after(self, watch_pass: OnePass, message: Json, repo: LoopbackRepo, title: str) -> Part:
        """Let hours pass and a repository change; return the message once its title says so."""
        self.hand.sleep(HOURS * 3600)
        self.hub.add(replace(repo, last_modified=self.hand.now()))
        await watch_pass.run(lambda _: None)
        await until(lambda: message["embeds"][0]["title"].startswith(title))
        return _now(message)

    async def _form(self, message: Json, label: str, channel: Channel, who: Person, reason: str) -> None:
        """Let a member press a button and give a reason."""
        form = await asyncio.to_thread(self.discord.members.click, message, label, channel, who)
        await asyncio.to_thread(self.discord.members.submit, form, {"reason": reason}, channel, who)

    def _thread(self, message: Json) -> list[Json]:
        thread = self.discord.world.channels.get(message["id"])
        return thread.messages if thread else []

    async def _answer(self, command: str, **options: str) -> Part:
        reply = await asyncio.to_thread(lambda: self.discord.members.slash(command, self.alerts, READER, **options))
        message = reply.followups[0] if reply.followups else reply.message
        return Part("alerts", [deepcopy(message or {})], (READER.name, " ".join([f"/{command}", *options.values()])))


def capture(folder: Path, reason: str = REASON) -> Shots:
    """Play it in an empty folder; `reason` is the moderator's. Raises TimeoutError if a message does not come."""
    hand = ManualClock(datetime.now(UTC) - timedelta(hours=HOURS))
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
            author_notice_hours=48,
            author_notice_token=SecretStr("hf_write"),
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
        build.service(settings, automatic=True, clock=stage.hand.clock, seen=store) as service,
        build.destinations(settings, store, {}) as destinations,
    ):
        watch_pass = build.one_pass(service, store, destinations.sinks, build.monitoring(service, store))

        async def live() -> dict[str, list[Part]]:
            async with destinations.running():
                return await stage.play(watch_pass, reason)

        try:
            return asyncio.run(live())
        finally:
            watch_pass.asking.stop()


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; TimeoutError after WAIT_SECONDS."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():
            await asyncio.sleep(0.02)


def _now(message: Json) -> Part:
    """Return the message in its present state in the channel."""
    return Part("alerts", [deepcopy(message)])


async def _shown(channel: Channel, title: str) -> Json:
    """Return the message with this in its title, once it is there."""
    found: list[Json] = []

    def there() -> bool:
        found.extend(m for m in channel.messages if title in m["embeds"][0]["title"])
        return bool(found)

    await until(there)
    return found[0]


def _others(now: datetime) -> list[LoopbackRepo]:
    """Return what came meanwhile: an honest upload, and the twins."""
    weights, alike = (fresh(np.random.default_rng(seed)) for seed in (23, 31))
    at = now - timedelta(minutes=4)
    others = [repo(name, alike, card(name.partition("/")[2], "A language model."), at) for name in TWINS]
    return [repo("driftwood/Zephyr-1", weights, card("Zephyr 1", "Trained from scratch."), at), *others]


def _alone(message: Json) -> Json:
    """Return a message with its first embed alone, which is the alert."""
    return {**deepcopy(message), "embeds": deepcopy(message["embeds"][:1])}


def _carded(first: LoopbackRepo, parents: Sequence[str]) -> LoopbackRepo:
    """Return an upload after its card declares these parents."""
    text = card(first.repo_id.partition("/")[2], "What it is made of.", parents)
    return _with(first, {"README.md": text.encode()})


def _replaced(first: LoopbackRepo) -> LoopbackRepo:
    """Return an upload with other weights under its first card."""
    other = repo(first.repo_id, fresh(np.random.default_rng(29)), "", first.created_at)
    return _with(first, {path: blob.read(0, blob.size) for path, blob in other.files.items() if path != "README.md"})


def _with(first: LoopbackRepo, files: Mapping[str, bytes]) -> LoopbackRepo:
    blobs = {path: BytesBlob(data) for path, data in files.items()}
    return replace(first, files={**first.files, **blobs}, revision="", title="Update", earlier=first)
