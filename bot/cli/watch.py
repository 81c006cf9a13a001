"""blendwatch watch: judge what is new and large on the Hub, and send alerts."""

from __future__ import annotations

import asyncio
import errno
import logging
from typing import Annotated, Final

import typer
from filelock import FileLock, Timeout

from bot import build
from bot.alerts.replaced_webhook import send_again
from bot.cli.common import Data, Registry, one_line_errors, out, progress_shown, settings_from
from bot.config.settings import SettingsError
from bot.watch.schedule import leave, run_every
from state.database.engine import only_watch
from state.uploads.counts import Tally

log = logging.getLogger(__name__)

UNUSABLE: Final = frozenset({errno.EEXIST, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.EROFS})  # data folders


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
                only_watch(store.engine),
                build.service(settings, automatic=settings.automatic_references, seen=store) as service,
                build.destinations(settings, store, where) as destinations,
                progress_shown(lines=False) as progress,
            ):
                if "discord" in where:
                    send_again(store, "discord", str(where["discord"]), build.utc_now())
                _warn(service)
                monitoring = build.monitoring(service, store)
                turn = build.one_pass(service, store, destinations.sinks, monitoring)

                async def one_pass() -> None:
                    with monitoring.heartbeat.one_pass():
                        await turn.run(monitoring.watching(progress))
                        if once:
                            await turn.rest()

                async def go_on() -> None:
                    async with (
                        monitoring.endpoint.served(settings),
                        build.site(settings, store).served(settings),
                        monitoring.heartbeat.written_to(settings.data),
                        destinations.running(),
                    ):
                        await run_every(settings.poll_minutes, one_pass, monitoring.early)

                async def just_once() -> None:
                    began, before = build.utc_now(), store.tally(build.utc_now())
                    async with destinations.running():
                        await one_pass()
                    out.print(_summary(before, store.tally(build.utc_now(), began)), soft_wrap=True)

                try:
                    asyncio.run(just_once() if once else go_on())
                finally:
                    turn.asking.stop()
                if turn.asking.busy:  # it may take minutes, and is due again at the next start
                    leave()
        except Timeout:
            raise SettingsError(f"another watch is running on {settings.data}") from None
        except OSError as error:
            if error.errno not in UNUSABLE:
                raise
            raise SettingsError(f"BLENDWATCH_DATA: {error.filename} cannot be used: {error.strerror}") from None


def _warn(service: build.Service) -> None:
    """Log that uploads are compared with earlier ones alone, if so."""
    if not service.checker.known.registry.models:
        log.warning("there are no known models in %s", service.settings.registry)


def _summary(before: Tally, after: Tally) -> str:
    """Say what one pass did; `after` counts the uploads that it settled."""
    settled = {state: after.uploads[state] for state in ("found", "skipped", "failed")}
    kinds = ", ".join(f"{number:,} {kind}" for kind, number in sorted(after.findings.items()))
    outcomes = ", ".join(f"{number:,} {state}" for state, number in settled.items())
    sent = after.alerts["sent"] - before.alerts["sent"]
    left = f"{after.due:,} still due, {after.waiting:,} tried again later"
    said = f"{sum(settled.values()):,} uploads settled ({outcomes}{f'; {kinds}' if kinds else ''})"
    return f"one pass: {said}; {sent:,} messages sent; {left}"
