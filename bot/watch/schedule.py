"""Schedule the passes of a watch: APScheduler calls them, our own tables hold all durable state."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from analyzers.errors import BlendwatchError

log = logging.getLogger("blendwatch")
STOP_SECONDS = 8.0  # less than the ten seconds that a container gets before it is killed


@dataclass(frozen=True, slots=True)
class EarlyPass:
    """Requests of early passes; `min_seconds` lie between two, however many are requested."""

    min_seconds: float
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _asked: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    def ask(self) -> None:
        """Request an early pass; call it in the event loop of the passes."""
        self._asked.set()

    async def run(self, idle: asyncio.Event, begin: Callable[[], object]) -> None:
        """Call `begin` for each request, without end, once no pass runs: a running one may have read too early."""
        while True:
            await self._asked.wait()
            await idle.wait()
            self._asked.clear()
            begin()
            await self.sleep(self.min_seconds)


def leave() -> None:
    """End the process as a kill would, but with status 0: no durable state is in memory alone.

    A thread that waits for the network cannot be interrupted, and Python waits for every thread before it ends.
    """
    logging.shutdown()
    os._exit(0)


async def run_every(minutes: float, one_pass: Callable[[], Awaitable[None]], early: EarlyPass | None = None) -> None:
    """Run `one_pass` now and then every `minutes`, never twice at once, until SIGTERM or SIGINT.

    After an early pass, the next one comes in `minutes`.

    A pass that fails is logged, and the next one follows. At the end a running pass gets STOP_SECONDS. Uploads that it
    has not settled by then are due again at the next start, and the process ends here with status 0.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    idle = asyncio.Event()
    idle.set()

    async def guarded() -> None:
        idle.clear()
        try:
            await one_pass()
        except BlendwatchError as error:  # its text is enough
            log.warning("this pass failed; the next one comes in %s minutes: %s", minutes, error)
        except Exception:
            log.exception("this pass failed; the next one comes in %s minutes", minutes)
        finally:
            idle.set()

    scheduler = AsyncIOScheduler()
    job = scheduler.add_job(
        guarded,
        "interval",
        minutes=minutes,
        next_run_time=datetime.now(UTC),
        coalesce=True,
        max_instances=1,
        misfire_grace_time=None,
    )
    scheduler.start()
    granting = loop.create_task(early.run(idle, lambda: job.modify(next_run_time=datetime.now(UTC)))) if early else None
    try:
        await stop.wait()
        scheduler.pause()
        try:
            await asyncio.wait_for(idle.wait(), STOP_SECONDS)
        except TimeoutError:
            log.warning("stopped in the middle of a pass; what it left is due at the next start")
            leave()
    finally:
        if granting is not None:
            granting.cancel()
        scheduler.shutdown(wait=False)  # cancels a pass that is still under way
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(name)
