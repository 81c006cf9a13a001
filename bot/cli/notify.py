"""blendwatch notify: does an alert arrive where alerts are to arrive?"""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

import typer

from bot import build
from bot.alerts.channels import destination_of
from bot.cli.common import AsJson, answer, one_line_errors, settings_from
from bot.config.settings import SettingsError

TITLE: Final = "a test message"
TEXT: Final = "This is a test that was asked for: an alert would arrive here. It is about no upload."


def notify(
    test: Annotated[bool, typer.Option("--test", help="send one test message")] = False,
    channel: Annotated[str, typer.Option("--channel", help="to this channel of the settings")] = "",
    as_json: AsJson = False,
) -> None:
    """Send one clearly marked test message to where alerts go, and say where that is or why it did not arrive."""
    with one_line_errors():
        if not test:
            raise SettingsError("notify sends a test message with --test, and nothing without it")
        settings = settings_from(None, None)
        destination = destination_of(channel) if channel else build.destination(settings)
        sink = build.sinks(settings).get(destination)
        if sink is None:
            raise SettingsError(f"BLENDWATCH_CHANNELS names no channel {channel!r}")
        began_at = build.utc_now().isoformat(timespec="seconds")
        message_id = asyncio.run(sink.send({"operator": {"title": TITLE, "text": TEXT, "began_at": began_at}}))
    console = destination == "console"
    said = "sent to the console: no Discord webhook is set" if console else f"sent to {sink} as message {message_id}"
    answer({"sent_to": str(destination if console else sink), "message": message_id}, said, as_json=as_json)
