"""Plays of the bot: review, what members say, subscriptions, a trial, and what becomes of a case meanwhile."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Final
from unittest import mock

from bot.chat.build import PUBLISHER
from bot.chat.publisher import Policy
from bot.hub import Hub
from demo.discord import members as loopback_members
from demo.discord.members import Person
from demo.discord.world import Channel, Json
from demo.hub.server import LoopbackHub
from state.cases.publications import Publications
from state.cases.subscriptions import Subscriptions
from state.store import Store
from tests.bot.chat.stage import OPEN, WAIT_SECONDS, Theatre, found, labels, theatre, utc_now
from tests.bot.chat.test_cases import ALICE, AUTHOR, BOB, CASE
from tests.bot.chat.test_notices import CARD, repo
from tests.bot.watch.kills import Killed, Life, Play, Scenario, Steps

STEP: Final = timedelta(hours=2)
SECOND: Final = "ffff00000000"
Act = Callable[[], object]


class Unanswered(Exception):
    """The process died before it answered a member."""


class Rooms:
    """A bot and its members. What a member does and gets no answer to, he does again at the next process."""

    steps: ClassVar[int] = 1

    def __init__(self, at: Theatre, folder: Path) -> None:
        self.at, self.database = at, folder / "state.db"
        self.began = self.now = utc_now()
        self.at.clock = lambda: self.now
        self.at.discord.world.nonce_seconds = 0.0  # so that the bot itself has to find what it has posted
        self.answered: set[str] = set()
        self.life = Life()

    def before(self, step: int) -> None:
        """See Play."""

    def live(self, steps: Steps, life: Life) -> None:
        """See Play."""
        self.life = life
        with Store.open(self.at.url) as store, mock.patch.object(loopback_members, "_until", self._until):
            self.at.store = store
            self.at.cases, self.at.subscriptions = Publications(store.engine), Subscriptions(store.engine)
            self.at.cases.adopt_earlier_cases(PUBLISHER)
            for step, late in steps:
                self.now = self.began + step * STEP + late
                with suppress(Unanswered), self._bot():
                    self.idle()
                    self.work(step)
                    self.idle()
                if life.dead:
                    raise Killed

    def work(self, step: int) -> None:
        """Do what people do in one step."""
        raise NotImplementedError

    def once(self, name: str, act: Act) -> None:
        """Let a member do something until there is an answer to it, and never again."""
        self.now += timedelta(seconds=1)  # what is said is shown by its time
        if name not in self.answered:
            act()
            self.answered.add(name)
        self.idle()

    def press(self, message: Json, label: str, channel: Channel, who: Person, **texts: str) -> None:
        """Press a button that is there, and send the form that it opens, if any."""
        if label not in labels(message):  # it was answered when the process died
            return
        reply = self.at.discord.members.click(message, label, channel, who)
        if texts:
            self.at.discord.members.submit(reply, texts, channel, who)

    def of(self, case_id: str, channel: Channel) -> list[Json]:
        """Return the messages of a channel that are about a case, the oldest first."""
        return [m for m in channel.messages if case_id in str(m["embeds"][0]["footer"])]

    def idle(self) -> None:
        """Wait until nothing waits to be sent."""
        self._wait(self._is_idle)

    def _is_idle(self) -> bool:
        counts = self.at.store.counts()
        if counts["alerts.pending"] and not counts["alerts.sending"]:
            self.now += timedelta(seconds=1)  # a message that another one went before is tried again a minute later
        return not any(counts[name] for name in OPEN)

    def messages(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """See Play."""
        return {channel.name: channel.messages for channel in self.at.discord.world.channels.values()}

    def names(self) -> Mapping[str, str]:
        """See Play."""
        world = self.at.discord.world
        return {self.at.guild: "guild"} | {channel.id: f"#{channel.name}" for channel in world.channels.values()}

    @contextmanager
    def _bot(self) -> Iterator[None]:
        """Run a bot in a thread of its own, until the block ends or the process dies."""
        stop = threading.Event()
        up = threading.Event()

        async def live() -> None:
            chat = self.at.chat()
            chat.idle_seconds = 0.02
            async with chat.running():
                up.set()
                await asyncio.to_thread(stop.wait)

        def run() -> None:
            with suppress(Killed):
                asyncio.run(live())

        thread = threading.Thread(target=run, name="bot")
        thread.start()
        try:
            self._wait(lambda: up.is_set() and self.at.discord.gateway.ready.is_set())
            yield
        finally:
            stop.set()
            thread.join(WAIT_SECONDS)
            assert not thread.is_alive()

    def _wait(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + WAIT_SECONDS
        while not condition():
            if self.life.dead:
                raise Unanswered
            assert time.monotonic() < end
            time.sleep(0.005)

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            while not condition():
                if self.life.dead:
                    raise Unanswered
                await asyncio.sleep(0.005)


class Review(Rooms):
    """Two reviewers publish, an author answers, a reviewer accepts and retracts; another case is rejected."""

    steps: ClassVar[int] = 1

    def before(self, step: int) -> None:
        """See Play."""
        self.at.policy = Policy(self.at.reviewers.id, "all", reviewers=2)
        self.at.subscribe(self.at.channel)
        self.at.find(found())

    def work(self, step: int) -> None:
        """See Rooms."""
        at = self.at
        asked = at.reviewers.messages[0]
        self.once("publish", lambda: self.press(asked, "Publish", at.reviewers, ALICE))
        self.once("agree", lambda: self.press(asked, "Publish", at.reviewers, BOB))
        told = at.channel.messages[0]
        self.once("answer", lambda: self.press(told, "I am its author", at.channel, AUTHOR, text="We say so."))
        self.once("accept", lambda: self.press(at.reviewers.messages[1], "Accept", at.reviewers, ALICE))
        self.once("retract", lambda: self.press(asked, "Retract", at.reviewers, ALICE, reason="we were wrong"))

    def messages(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """See Play. A retraction edits the reviewers' message twice, in either order: only that it did counts."""
        said = super().messages()
        retracted = {"embeds": [{"title": "retracted"}]}
        short = [{"id": m["id"], **retracted} if "Retracted" in str(m) else m for m in said["reviewers"]]
        return {**said, "reviewers": short}


class Moderated(Rooms):
    """A channel subscribes and another ends that; a case is acknowledged, dismissed, followed, and its maker muted."""

    steps: ClassVar[int] = 2

    def before(self, step: int) -> None:
        """See Play."""
        if step == 0:
            self.at.subscribe(self.at.news, self.at.other)
            gone = self.at.discord.world.channel(self.at.guild, "gone")
            self.at.subscribe(gone)
            del self.at.discord.world.channels[gone.id]
        else:
            self.at.find(found(SECOND))

    def work(self, step: int) -> None:
        """See Rooms."""
        at, members = self.at, self.at.discord.members
        if step == 1:  # no message shows the second case: its maker is muted
            return
        self.once("subscribe", lambda: members.slash("subscribe", at.channel, ALICE, kind="blend"))
        self.once("unsubscribe", lambda: members.slash("unsubscribe", at.other, ALICE))
        with self.life.aside():
            at.find(found())
        self.idle()
        told = at.channel.messages[0]
        self.once("acknowledge", lambda: self.press(told, "Acknowledge", at.channel, ALICE))
        self.once("dismiss", lambda: self.press(told, "Dismiss", at.channel, BOB, reason="our own test"))
        until = f"{self.began + timedelta(days=30):%Y-%m-%d}"
        self.once("mute", lambda: self.press(told, "Mute the organisation", at.channel, ALICE, until=until))
        case = at.store.cases.get(CASE)
        assert case is not None
        self.now += timedelta(seconds=1)
        at.casework.note(case, "declared", "declared since revision bbb: a/B", "a/B")


class TrialWeek(Rooms):
    """One case is right and is published after the trial; another is wrong."""

    steps: ClassVar[int] = 2

    def before(self, step: int) -> None:
        """See Play."""
        end = self.began + STEP
        self.at.policy = Policy(self.at.reviewers.id, "inexact", trial=lambda: end if self.now < end else None)
        if step == 0:
            self.at.subscribe(self.at.channel)
            self.at.find(found(), found(SECOND))

    def work(self, step: int) -> None:
        """See Rooms."""
        at = self.at
        first, second = (self.of(name, at.reviewers)[0] for name in (CASE, SECOND))
        if step == 0:
            self.once("right", lambda: self.press(first, "Right", at.reviewers, ALICE, reason="both are there"))
            self.once("wrong", lambda: self.press(second, "Wrong", at.reviewers, BOB, reason="it was renamed"))
            return
        self._wait(lambda: len(self.of(CASE, at.reviewers)) == 2)
        self.idle()
        shown = self.of(CASE, at.reviewers)[1]
        self.once("publish", lambda: self.press(shown, "Publish", at.reviewers, ALICE))


class AuthorFirst(Rooms):
    """A reviewer lets an author be asked on the Hub; the case is published two hours later."""

    steps: ClassVar[int] = 2

    def __init__(self, at: Theatre, folder: Path, site: LoopbackHub) -> None:
        super().__init__(at, folder)
        self.site = site

    def before(self, step: int) -> None:
        """See Play."""
        if step == 0:
            self.at.policy = Policy(self.at.reviewers.id, notice=timedelta(hours=1))
            self.at.subscribe(self.at.channel)
            self.at.find(found(), card=CARD.encode())

    def work(self, step: int) -> None:
        """See Rooms."""
        at = self.at
        asked = at.reviewers.messages[0]
        if step == 0:
            self.once("ask", lambda: self.press(asked, "Ask its author first", at.reviewers, ALICE))
            self._wait(lambda: "notice_posted" in [note.kind for note in at.store.cases.notes(CASE)])
            self.idle()
        else:
            self._wait(lambda: bool(at.channel.messages))

    def messages(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """See Play. A discussion counts as a message."""
        opened = [d for each in self.site.discussions.values() for d in each]
        return {
            **super().messages(),
            "hub": [{"id": str(d.num), "content": f"{d.title}: {d.comments}"} for d in opened],
        }


@contextmanager
def author_first(folder: Path) -> Iterator[Play]:
    """Open the scenario of an author who is asked."""
    folder.mkdir()
    with LoopbackHub([repo()]) as site, Hub(site.url) as hub, theatre(folder) as at:
        at.hub = hub
        yield AuthorFirst(at, folder, site)


def rooms(kind: type[Rooms]) -> Scenario:
    """Return the scenario of a play of the bot."""

    @contextmanager
    def opened(folder: Path) -> Iterator[Play]:
        folder.mkdir()
        with theatre(folder) as at:
            yield kind(at, folder)

    return opened
