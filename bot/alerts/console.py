"""Alerts as text on a console. No Discord library is needed here."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, TextIO

from bot.alerts.evidence import plain


class ConsoleSink:
    """Alerts as text, to `stream` or, if none is given, to standard output."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    async def send(self, report: Mapping[str, Any]) -> str:
        """Print the alert; the message's id is always "console"."""
        stream = self._stream or sys.stdout
        encoding = getattr(stream, "encoding", None) or "utf-8"
        # a terminal that cannot show a sign shows "?" in its place, which is better than no alert
        stream.write(plain(report).encode(encoding, "replace").decode(encoding) + "\n\n")
        stream.flush()
        return "console"
