"""blendwatch watch: judge what is new and large on the Hub, and send alerts."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Mapping
from typing import Annotated

import typer
from filelock import FileLock, Timeout

from analyzers.records import CheckResult
from bot import build
from bot.commands.common import Data, Registry, one_line_errors, progress_shown, settings_from
from bot.deliver import Room, Sink
from bot.known import Progress
from bot.schedule import run_every
from bot.settings import SettingsError
from bot.text import harmless
from bot.watch import Settled, Watcher
from state.store import Store

log = logging.getLogger("blendwatch")


def watch(
    once: Annotated[bool, typer.Option("--once", help="one pass, then stop")] = False,
    registry: Registry = None,
    data: Data = None,
) -> None:
    """Watch the Hub: judge what is new and large, and send alerts."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # it logs every address, signatures and all
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    with one_line_errors():
        settings = settings_from(registry, data)
        where = build.sinks(settings)
        settings.data.mkdir(parents=True, exist_ok=True)
        try:
            with (
                FileLock(settings.data / "watch.lock", timeout=0),
                build.store(settings) as store,
                build.service(settings) as service,
                build.rooms(settings, store, where) as rooms,
                progress_shown() as progress,
            ):
                watcher = build.watcher(service, store)

                async def one_pass() -> None:
                    await _pass(watcher, store, rooms.sinks, progress)

                async def go_on() -> None:
                    async with rooms.running():
                        await (one_pass() if once else run_every(settings.poll_minutes, one_pass))

                asyncio.run(go_on())
        except Timeout:
            raise SettingsError(f"another watch is running on {settings.data}") from None


async def _pass(watcher: Watcher, store: Store, where: Mapping[str, Sink | Room], progress: Progress) -> None:
    """Send what a killed pass left, look at the Hub and settle what is due; an alert goes out once it is stored."""
    await _send(store, where)
    new = await asyncio.to_thread(watcher.poll, progress)
    log.info("%d new uploads", new)
    work = watcher.work(progress)
    while (settled := await asyncio.to_thread(next, work, None)) is not None:
        log.info("%s", settled_line(settled))
        if isinstance(settled.outcome, CheckResult) and settled.outcome.verdict.alert:
            await _send(store, where)


async def _send(store: Store, where: Mapping[str, Sink | Room]) -> None:
    sent = await build.send(store, where)
    if sent.failed or sent.dead:
        log.warning("alerts: %d to be tried again, %d undeliverable", sent.failed, sent.dead)


def settled_line(settled: Settled) -> str:
    """Say in one harmless line what became of an upload."""
    match settled.outcome:
        case CheckResult(verdict=verdict):
            what = f"{verdict.finding.kind}, {verdict.disclosure}{', ALERT' if verdict.alert else ''}: {verdict.why}"
        case other:
            what = f"{type(other).__name__.lower()}: {other.reason}"
    return f"{harmless(settled.upload.repo_id, 200)}: {harmless(what, 500)}"
