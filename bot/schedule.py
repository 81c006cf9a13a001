"""The clock of a watch that goes on: APScheduler calls the passes, our own tables hold all that must last."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from analyzers.errors import BlendwatchError

log = logging.getLogger("blendwatch")
STOP_SECONDS = 8.0  # less than the ten that a container is given before it is killed


async def run_every(minutes: float, one_pass: Callable[[], Awaitable[None]]) -> None:
    """Run `one_pass` now and then every `minutes`, never twice at once, until SIGTERM or SIGINT.

    A pass that fails is logged and the next one comes all the same. At the end the pass in hand gets STOP_SECONDS;
    what it has not settled by then is due again at the next start.
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
        except BlendwatchError as error:  # it says all there is to say
            log.warning("this pass failed; the next one comes in %s minutes: %s", minutes, error)
        except Exception:
            log.exception("this pass failed; the next one comes in %s minutes", minutes)
        finally:
            idle.set()

    scheduler = AsyncIOScheduler()
    scheduler.add_job(
        guarded,
        "interval",
        minutes=minutes,
        next_run_time=datetime.now(UTC),
        coalesce=True,
        max_instances=1,
        misfire_grace_time=None,
    )
    scheduler.start()
    try:
        await stop.wait()
        scheduler.pause()
        try:
            await asyncio.wait_for(idle.wait(), STOP_SECONDS)
        except TimeoutError:
            log.warning("stopped in the middle of a pass; what it left is due at the next start")
    finally:
        scheduler.shutdown(wait=False)  # cancels a pass that is still under way
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(name)
