"""Limit connections to our own port in time and number, so that slow or idle clients cannot exhaust it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from bot.config.settings import SettingsError

SECONDS: Final = 30.0  # for one connection; a scrape or a webhook takes under a second
MOST: Final = 64  # connections at a time; one more is closed at once


class ShortConnection(asyncio.Protocol):
    """One connection of `inner`, an HTTP server's protocol. `held`: the connections that are open."""

    def __init__(self, inner: asyncio.Protocol, held: set[ShortConnection]) -> None:
        self._inner, self._held = inner, held
        self._end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the connection; close it at once if MOST are open."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # what a stream server makes
        self._inner.connection_made(transport)
        if len(self._held) >= MOST:
            transport.abort()
        else:
            self._held.add(self)
            self._end = asyncio.get_running_loop().call_later(SECONDS, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the connection."""
        self._held.discard(self)
        if self._end is not None:
            self._end.cancel()
        self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass on the received bytes."""
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass on the end of the input."""
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        """Pass on that the client reads too slowly."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that the client reads again."""
        self._inner.resume_writing()


@asynccontextmanager
async def listening(app: web.Application, host: str, port: int, setting: str) -> AsyncIterator[None]:
    """Let an application answer while inside; SettingsError, which names BLENDWATCH_`setting`_PORT, if it cannot."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    serve, held = runner.server, set[ShortConnection]()
    assert serve is not None  # noqa: S101  # set up
    server = None
    try:
        try:
            loop = asyncio.get_running_loop()
            server = await loop.create_server(lambda: ShortConnection(serve(), held), host, port)
        except OSError as error:
            why = error.strerror or type(error).__name__
            names = f"BLENDWATCH_{setting}_HOST, BLENDWATCH_{setting}_PORT"
            raise SettingsError(f"{names}: {host} port {port}: {why}") from None
        yield
    finally:
        if server is not None:
            server.close()
        await runner.cleanup()
