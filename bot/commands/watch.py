"""blendwatch watch: judge what is new and large on the Hub, and send alerts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Annotated

import typer
from filelock import FileLock, Timeout

from analyzers.records import CheckResult
from bot import build
from bot.commands.common import Data, Registry, one_line_errors, progress_shown, settings_from
from bot.deliver import Sink
from bot.known import Progress
from bot.schedule import run_every
from bot.settings import SettingsError
from bot.text import visible
from bot.watch import Settled, Watcher
from state.store import Store

log = logging.getLogger("blendwatch")


def watch(
    once: Annotated[bool, typer.Option("--once", help="one pass, then stop")] = False,
    registry: Registry = None,
    data: Data = None,
) -> None:
    """Watch the Hub: judge what is new and large, and send alerts."""
    with one_line_errors():
        settings = settings_from(registry, data)
        where = build.sinks(settings)
        try:
            settings.data.mkdir(parents=True, exist_ok=True)
            with (
                FileLock(settings.data / "watch.lock", timeout=0),
                build.store(settings) as store,
                build.service(settings) as service,
                progress_shown() as progress,
            ):
                watcher, overseer = build.watcher(service, store), build.overseer(service, store)

                async def one_pass() -> None:
                    with overseer.pulse.one_pass():
                        await _pass(watcher, store, where, overseer.watching(progress), overseer)

                async def go_on() -> None:
                    async with overseer.endpoint.served(settings), overseer.pulse.written_to(settings.data):
                        await run_every(settings.poll_minutes, one_pass)

                asyncio.run(one_pass() if once else go_on())
        except Timeout:
            raise SettingsError(f"another watch is running on {settings.data}") from None
        except (FileExistsError, NotADirectoryError, PermissionError) as error:
            raise SettingsError(f"BLENDWATCH_DATA: {error.filename} cannot be used: {error.strerror}") from None


async def _pass(
    watcher: Watcher, store: Store, where: Mapping[str, Sink], progress: Progress, overseer: build.Overseer
) -> None:
    """Send what a killed pass left, look at the Hub and settle what is due; an alert goes out once it is stored."""
    await _send(store, where)
    new = await asyncio.to_thread(watcher.poll, progress)
    log.info("%d new uploads", new, extra={"new": new})
    work = watcher.work(progress)
    while (settled := await asyncio.to_thread(next, work, None)) is not None:
        overseer.settled(settled.outcome)
        log.info("%s", settled_line(settled), extra=_fields(settled))
        if isinstance(settled.outcome, CheckResult) and settled.outcome.verdict.alert:
            await _send(store, where)


async def _send(store: Store, where: Mapping[str, Sink]) -> None:
    sent = await build.send(store, where)
    if sent.failed or sent.dead:
        log.warning("alerts: %d to be tried again, %d undeliverable", sent.failed, sent.dead)


def _fields(settled: Settled) -> dict[str, object]:
    """What became of an upload, for those who read the log with a program."""
    fields: dict[str, object] = {"upload": settled.upload.repo_id, "outcome": type(settled.outcome).__name__.lower()}
    if isinstance(settled.outcome, CheckResult):
        cost, verdict = settled.outcome.cost, settled.outcome.verdict
        told = {"finding": verdict.finding.kind, "disclosure": verdict.disclosure, "alert": verdict.alert}
        spent = {"requests": cost.requests, "bytes_read": cost.bytes_read, "seconds": cost.seconds}
        return {**fields, "outcome": "found", **told, **spent}
    return fields


def settled_line(settled: Settled) -> str:
    """Say in one harmless line what became of an upload."""
    match settled.outcome:
        case CheckResult(verdict=verdict):
            what = f"{verdict.finding.kind}, {verdict.disclosure}{', ALERT' if verdict.alert else ''}: {verdict.why}"
        case other:
            what = f"{type(other).__name__.lower()}: {other.reason}"
    return f"{visible(settled.upload.repo_id, 200)}: {visible(what, 500)}"
