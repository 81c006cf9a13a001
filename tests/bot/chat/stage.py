"""A bot on the loopback Discord: the real client over real sockets, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analyzers.errors import BlendwatchError
from bot.alerts.channels import Channels
from bot.alerts.delivery import Delivered, Sink, deliver
from bot.cases.casework import Casework
from bot.cases.followup import Followups
from bot.cases.rendering import as_they_stand
from bot.chat.build import PUBLISHER
from bot.chat.channel_sink import ChannelSink
from bot.chat.context import Cards, Desk, KnownModel
from bot.chat.messages import Drafts
from bot.chat.notices import Notices
from bot.chat.publisher import Policy, Publisher
from bot.chat.service import Chat
from bot.hub import Hub
from demo.discord.server import BOT_TOKEN, LoopbackDiscord
from demo.discord.world import ANNOUNCEMENT, PUBLIC_THREAD, Channel, Json
from state.case_records import Subscription
from state.cases.publications import Publications
from state.cases.subscriptions import Subscriptions
from state.evidence.blobs import Blobs
from state.records import KeptFile
from state.store import OutboxMessage, Store
from tests.bot.alerts.test_embeds import A, B, report
from tests.state.events import case_of

WAIT_SECONDS = 30.0
ADDRESS = "https://huggingface.co"  # of the Hub, as it is shown
WRITES = "hf_write"  # a token that may
MODELS = (KnownModel(A, "release", "Borealis Coder"), KnownModel(B, "base", "Borealis 1"))


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


def found(case: str = "0123456789ab", **changes: Any) -> dict[str, Any]:
    """A report of a finding, with a case id."""
    return report(case=case, **changes)


def no_check(repo: str, progress: Callable[[str], None]) -> Mapping[str, Any]:
    """A check that finds a blend in whatever it is given, after saying how far it is."""
    progress(f"reading {repo}")
    if repo.startswith("gone/"):
        raise BlendwatchError(f"{repo} is not on the Hub")
    return found(suspect=report()["suspect"] | {"repo_id": repo})


def no_compare(first: str, second: str) -> dict[str, float]:
    """A comparison of two models that share everything, unless one is unknown."""
    if "gone" in first + second:
        raise BlendwatchError("gone/model was never read; /check reads it")
    return {"weights": 1000.0, "equal": 0.25, "apart": 0.125}


@dataclass
class Theatre:
    """A server with channels, and everything that the bot needs."""

    discord: LoopbackDiscord
    store: Store
    folder: Path
    policy: Policy = field(default_factory=Policy)
    clock: Callable[[], datetime] = utc_now
    check: Callable[[str, Callable[[str], None]], Mapping[str, Any]] = no_check
    token: str = BOT_TOKEN
    sinks: Mapping[str, Sink] = field(default_factory=dict)
    channels: Channels = field(default_factory=Channels)
    hub: Hub | None = None  # where authors are asked

    def __post_init__(self) -> None:
        self.guild = self.discord.world.guild("Watchers", {"900000000000000001": "alarmed"})
        self.channel = self.discord.world.channel(self.guild, "alerts")
        self.other = self.discord.world.channel(self.guild, "general")
        self.news = self.discord.world.channel(self.guild, "news", ANNOUNCEMENT)
        self.thread = Channel("900000000000000002", self.guild, "a thread", PUBLIC_THREAD, self.channel.id)
        self.discord.world.channels[self.thread.id] = self.thread
        self.reviewers = self.discord.world.channel(self.guild, "reviewers")
        self.cases, self.subscriptions = Publications(self.store.engine), Subscriptions(self.store.engine)

    @property
    def url(self) -> str:
        """Of the database."""
        return f"sqlite:///{self.folder / 'state.db'}"

    def chat(self) -> Chat:
        """A new bot over the same store."""
        publisher = Publisher(
            self.cases,
            self.subscriptions,
            self.casework,
            self.policy,
            self.clock,
            "discord" in self.sinks,
            self.channels,
        )
        drafts = Drafts(self.cases, self.subscriptions, self.policy)
        desk = Desk(
            self.store,
            self.cases,
            self.subscriptions,
            publisher,
            drafts,
            Cards(self.store, self.casework.blobs),
            MODELS,
            self.check,
            no_compare,
            self.clock,
        )
        chat = Chat(desk, self.token, self.discord.api_base, idle_seconds=0.05)
        if self.hub is not None:
            followups = Followups(self.hub, self.store, self.casework, dict, self.clock)
            chat.notices = Notices(publisher, followups, self.hub.discussions(WRITES), ADDRESS)
        sink = ChannelSink(chat.logged_in, drafts, self.subscriptions)
        where = as_they_stand(self.sinks, self.store) | {PUBLISHER: publisher, "room": sink}

        async def send() -> Delivered:
            return await deliver(self.store, where, self.clock, chance=lambda: 0.0)

        chat.send = send
        return chat

    @contextmanager
    def bot(self) -> Iterator[Chat]:
        """A bot that runs, in a thread of its own, connected to the gateway."""
        started, stop = threading.Event(), threading.Event()
        held: list[Any] = []

        async def live() -> None:
            chat = self.chat()
            async with chat.running():
                held.append(chat)
                loop = asyncio.get_running_loop()
                held.append(loop)
                started.set()
                await asyncio.to_thread(stop.wait)

        thread = threading.Thread(target=lambda: asyncio.run(live()), name="bot")
        thread.start()
        try:
            assert started.wait(WAIT_SECONDS)
            self.discord.members.wait_ready()
            yield held[0]
        finally:
            stop.set()
            thread.join(WAIT_SECONDS)
            assert not thread.is_alive()

    def subscribe(self, *channels: Channel, **changes: Any) -> None:
        """Subscribe channels without the bot."""
        for channel in channels:
            announce = channel.kind == ANNOUNCEMENT
            wish = Subscription(channel.guild_id, channel.id, announce=announce, created_by="1", **changes)
            self.subscriptions.put(wish, self.clock())

    @property
    def casework(self) -> Casework:
        """Our own side of the cases."""
        return Casework(self.store, Blobs(self.folder / "evidence"), self.clock)

    def find(self, *reports: Mapping[str, Any], card: bytes = b"", gated: bool = False) -> None:
        """Let the watch find something, and keep the card."""
        for one in reports:
            row = OutboxMessage(f"found:{one['case']}", PUBLISHER, one)
            upload_id = case_of(self.store, one, self.clock(), [row])
            if card:
                kept = KeptFile("card", self.casework.blobs.put(card), len(card), gated, self.clock())
                self.store.cases.keep(upload_id, [kept])

    def wait(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so."""

        async def until() -> None:
            async with asyncio.timeout(WAIT_SECONDS):
                while not condition():
                    await asyncio.sleep(0.01)

        asyncio.run(until())

    def posted(self, channel: Channel, count: int) -> bool:
        """Has the channel so many messages?"""
        return len(channel.messages) == count

    def idle(self) -> None:
        """Wait until nothing waits to be sent."""
        self.wait(lambda: not {k: v for k, v in self.store.counts().items() if k in OPEN and v})


OPEN = ("alerts.pending", "alerts.sending")


def labels(message: Json) -> list[str]:
    """What the buttons under a message say."""
    return [button["label"] for row in message["components"] for button in row["components"]]


@contextmanager
def theatre(folder: Path, **changes: Any) -> Iterator[Theatre]:
    """Everything on loopback."""
    with LoopbackDiscord() as discord, Store.open(f"sqlite:///{folder / 'state.db'}") as store:
        yield Theatre(discord, store, folder, **changes)
