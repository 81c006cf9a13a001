"""The bot beside the watch, in one event loop: it connects, posts what waits, and stops with nothing lost.

If Discord is down the watch goes on: messages wait in the outbox, and the connection is tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Final

import aiohttp
import discord

from bot.alerts.delivery import Delivered
from bot.alerts.sinks import point_at
from bot.chat.client import ChatClient
from bot.chat.context import Desk
from bot.chat.notices import Notices
from bot.config.settings import SettingsError
from state.errors import StateError

LOGIN_SECONDS: Final = 20.0  # that a start waits for the bot to be logged in
STOP_SECONDS: Final = 1.5  # that a stop waits for what is in hand; a container gives the whole watch ten
AGAIN_SECONDS: Final = (5.0, 15.0, 60.0, 300.0)  # between attempts to connect
IDLE_SECONDS: Final = 5.0  # between two looks at the outbox when nobody says that something waits
REMIND_SECONDS: Final = 60.0
HANDS: Final = 4  # rows that are sent at the same time
log = logging.getLogger("blendwatch")


class BadToken(SettingsError):
    """Discord does not take the bot's token."""


@dataclass(slots=True)
class Chat:
    """The bot. `send` makes one pass over the outbox; `api_base` is another Discord, for tests and the demo."""

    desk: Desk
    token: str = field(repr=False)
    api_base: str | None = None
    send: Callable[[], Awaitable[Delivered]] | None = None
    client: ChatClient | None = None
    notices: Notices | None = None  # None: nobody is asked before an alert
    notify: Callable[[str | None], object] = lambda _: None  # the operator of a refused token; None: it is taken
    idle_seconds: float = IDLE_SECONDS
    _waiting: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)  # something may be due for reviewers or an author
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _settled: asyncio.Event = field(default_factory=asyncio.Event)  # logged in, or refused
    _refused: str = ""

    def logged_in(self) -> discord.Client | None:
        """The connection, once it can be used."""
        return self.client if self.client is not None and self.client.user is not None else None

    def kick(self) -> None:
        """Something waits to be sent."""
        self._waiting.set()
        self._changed.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Be connected, and post what waits, until the block ends. Raises BadToken if Discord refuses the token."""
        point_at(self.api_base)
        self._waiting, self._changed = asyncio.Event(), asyncio.Event()
        self._stopping, self._settled = asyncio.Event(), asyncio.Event()
        self.desk = replace(self.desk, kick=self.kick)
        connected = asyncio.create_task(self._stay_connected())
        tasks = [asyncio.create_task(self._post_what_waits()), asyncio.create_task(self._go_on_with_cases())]
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._settled.wait(), LOGIN_SECONDS)
            if self._refused:
                raise BadToken(self._refused)
            yield
        finally:
            await self._stop(connected, tasks)

    async def _stay_connected(self) -> None:
        attempt = 0
        while not self._stopping.is_set():
            try:
                await self._connect()
            except discord.LoginFailure:
                self._refused = "BLENDWATCH_DISCORD_TOKEN: Discord does not take this token"
                log.error("Discord does not take the bot's token; nothing is posted there")  # noqa: TRY400
                await self._notify("Discord does not take the bot's token: set a new one, and start the watch again")
            except (discord.DiscordException, aiohttp.ClientError, OSError, ValueError, TypeError, KeyError) as error:
                # the last three: what answered in Discord's place does not speak its language
                log.warning("no connection to Discord, trying again: %s", type(error).__name__)
                log.debug("where it broke off", exc_info=True)
            except StateError as error:
                log.warning("the bot could not begin: %s", error)
            finally:
                self._settled.set()
                client, self.client = self.client, None
                if client is not None:
                    await client.close()
            wait = AGAIN_SECONDS[min(attempt, len(AGAIN_SECONDS) - 1)]
            attempt += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), wait)

    async def _connect(self) -> None:
        self.client = ChatClient(self.desk)
        await self.client.login(self.token)
        self._settled.set()
        await self._notify(None)
        self.kick()
        await self.client.connect()

    async def _notify(self, text: str | None) -> None:
        try:
            await asyncio.to_thread(self.notify, text)
        except StateError as error:
            log.warning("the outbox could not be read: %s", error)

    async def _post_what_waits(self) -> None:
        while not self._stopping.is_set():
            self._waiting.clear()
            if self.logged_in() is not None and self.send is not None and await self._pass():
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self._waiting.wait(), self.idle_seconds)

    async def _pass(self) -> bool:
        """Send what is due; True if that was anything."""
        assert self.send is not None  # noqa: S101
        try:
            done = await asyncio.gather(*(self.send() for _ in range(HANDS)))
        except StateError as error:
            log.warning("the outbox could not be read: %s", error)
            return False
        return any(one.sent + one.failed + one.dead for one in done)

    async def _go_on_with_cases(self) -> None:
        """Remind reviewers, and go on with the cases that wait for their authors."""
        while not self._stopping.is_set():
            self._changed.clear()
            try:
                if await asyncio.to_thread(self._went_on):
                    self.kick()
            except StateError as error:
                log.warning("what is due for reviewers could not be read: %s", error)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), REMIND_SECONDS)

    def _went_on(self) -> bool:
        """Tell whether reviewers were reminded, or an author was asked or heard of."""
        reminded = self.desk.publisher.remind() > 0
        return (self.notices is not None and self.notices.work()) or reminded

    async def _stop(self, connected: asyncio.Task[None], tasks: list[asyncio.Task[None]]) -> None:
        """Finish what is in hand, within STOP_SECONDS; what is not finished keeps its lease and is done later."""
        self._stopping.set()
        self.kick()
        in_hand = [*tasks, *(self.client.busy if self.client is not None else ())]
        _, late = await asyncio.wait(in_hand, timeout=STOP_SECONDS)
        for task in late:
            task.cancel()
        if self.client is not None:
            await self.client.close()
        connected.cancel()
        await asyncio.gather(connected, *late, return_exceptions=True)
