"""blendwatch notify: does an alert arrive where alerts are to arrive?"""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

import typer

from bot import build
from bot.commands.common import one_line_errors, out, settings_from
from bot.settings import SettingsError

TITLE: Final = "Test message from Blendwatch"
TEXT: Final = "An alert would arrive here. This one was asked for by an operator; it is about no upload."


def notify(test: Annotated[bool, typer.Option("--test", help="send one test message")] = False) -> None:
    """Send one clearly marked test message to where alerts go, and say where that is or why it did not arrive."""
    with one_line_errors():
        if not test:
            raise SettingsError("notify sends a test message with --test, and nothing without it")
        settings = settings_from(None, None)
        destination = build.destination(settings)
        sink = build.sinks(settings)[destination]
        payload = {"notice": TITLE, "text": TEXT, "checked_at": build.utc_now().isoformat(timespec="seconds")}
        message_id = asyncio.run(sink.send(payload))
    if destination == "console":
        out.print("sent to the console: no Discord webhook is set", soft_wrap=True)
    else:
        out.print(f"sent to {sink} as message {message_id}", soft_wrap=True)
