"""Connections to our own port that end, whatever their clients do: a slow or idle one keeps nothing from the watch."""

from __future__ import annotations

import asyncio
from typing import Final

SECONDS: Final = 30.0  # that one connection may last; a scrape or a webhook takes a fraction of one
MOST: Final = 64  # connections at a time; one more is closed at once


class Brief(asyncio.Protocol):
    """One connection of `inner`, an HTTP server's protocol. `held`: the connections that are open."""

    def __init__(self, inner: asyncio.Protocol, held: set[Brief]) -> None:
        self._inner, self._held = inner, held
        self._end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless there are too many."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # what a stream server makes
        self._inner.connection_made(transport)
        if len(self._held) >= MOST:
            transport.abort()
        else:
            self._held.add(self)
            self._end = asyncio.get_running_loop().call_later(SECONDS, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._held.discard(self)
        if self._end is not None:
            self._end.cancel()
        self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Hand on what came."""
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Hand on that nothing more comes."""
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        """Hand on that the client reads too slowly."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Hand on that the client reads again."""
        self._inner.resume_writing()
