"""blendwatch watch: judge what is new and large on the Hub, and send alerts."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import typer
from filelock import FileLock, Timeout
from pydantic import SecretStr

from analyzers.records import CheckResult
from bot import build
from bot.build import Memory
from bot.commands.common import Data, Registry, one_line_errors, progress_shown, settings_from
from bot.deliver import Sink
from bot.feeds import Feeds
from bot.known import Progress
from bot.ping import ping
from bot.schedule import run_every
from bot.settings import SettingsError
from bot.text import harmless
from bot.watch import Settled, Watcher
from bot.watchdog import Watchdog
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
                build.service(settings, automatic=settings.automatic_references) as service,
                progress_shown() as progress,
            ):
                turn = Turn(
                    build.feeds(service, store),
                    build.watcher(service, store),
                    build.watchdog(service, store),
                    build.memory(service, store),
                    store,
                    where,
                    settings.ping_url,
                )

                async def one_pass() -> None:
                    await turn.run(progress)

                asyncio.run(one_pass() if once else run_every(settings.poll_minutes, one_pass))
        except Timeout:
            raise SettingsError(f"another watch is running on {settings.data}") from None


@dataclass(frozen=True, slots=True)
class Turn:
    """One pass: send what a killed pass left, read the Hub's listings, settle what is due, look after itself."""

    feeds: Feeds
    watcher: Watcher
    watchdog: Watchdog
    memory: Memory
    store: Store
    where: Mapping[str, Sink]
    ping_url: SecretStr | None

    async def run(self, progress: Progress) -> None:
        """Run it; an alert goes out as soon as it is stored. Raises SourceError where the Hub cannot be read at all."""
        await _send(self.store, self.where)
        try:
            new = await asyncio.to_thread(self.feeds.poll, progress)
            log.info("%d new uploads", new)
            await self._work(progress)
            if await asyncio.to_thread(self.memory.reconsider.look, progress):
                await self._work(progress)
        finally:
            await asyncio.to_thread(self.watchdog.look)
            await _send(self.store, self.where)
        await ping(self.ping_url)

    async def _work(self, progress: Progress) -> None:
        """Settle what is due; what a derivative may be made of is read, too."""
        work = self.watcher.work(progress)
        while (settled := await asyncio.to_thread(next, work, None)) is not None:
            log.info("%s", settled_line(settled))
            if not isinstance(settled.outcome, CheckResult):
                continue
            if settled.outcome.verdict.alert:
                await _send(self.store, self.where)
            await asyncio.to_thread(self.memory.relatives.learn, settled.outcome, progress)


async def _send(store: Store, where: Mapping[str, Sink]) -> None:
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
