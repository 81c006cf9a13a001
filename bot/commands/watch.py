"""blendwatch watch: judge what is new and large on the Hub, and send alerts."""

from __future__ import annotations

import asyncio
import errno
from typing import Annotated, Final

import typer
from filelock import FileLock, Timeout

from bot import build
from bot.another_webhook import send_again
from bot.commands.common import Data, Registry, one_line_errors, progress_shown, settings_from
from bot.schedule import leave, run_every
from bot.settings import SettingsError

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
                build.service(settings, automatic=settings.automatic_references, seen=store) as service,
                build.rooms(settings, store, where) as rooms,
                progress_shown(lines=False) as progress,
            ):
                if "discord" in where:
                    send_again(store, "discord", str(where["discord"]), build.utc_now())
                overseer = build.overseer(service, store)
                turn = build.turn(service, store, rooms.sinks, overseer)

                async def one_pass() -> None:
                    with overseer.pulse.one_pass():
                        await turn.run(overseer.watching(progress))
                        if once:
                            await turn.rest()

                async def go_on() -> None:
                    async with (
                        overseer.endpoint.served(settings),
                        overseer.pulse.written_to(settings.data),
                        rooms.running(),
                    ):
                        await run_every(settings.poll_minutes, one_pass, overseer.early)

                async def just_once() -> None:
                    async with rooms.running():
                        await one_pass()

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
