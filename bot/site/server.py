"""Serve the public pages, read-only: what was made is looked up by its path, and no file of the disk is opened."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import inf
from typing import Final

from aiohttp import web

from analyzers.errors import BlendwatchError
from bot.config.settings import Settings
from bot.health.short_connections import listening
from bot.site.pages import policy

REFRESH_SECONDS: Final = 300.0  # for which pages are served as they were made
LARGEST_BODY: Final = 1024  # bytes of a request, which needs none
TYPES: Final = {"html": "text/html; charset=utf-8", "json": "application/json"}
log = logging.getLogger("blendwatch")


@dataclass(slots=True)
class PublicSite:
    """Answers GET and HEAD with the pages that `make` returns, made anew when they are old.

    `mount`: adds further addresses, which go before the pages.
    """

    make: Callable[[], Iterable[tuple[str, bytes]]]
    mount: Callable[[web.Application], None] = lambda _: None
    _pages: Mapping[str, bytes] = field(default_factory=dict)
    _made_at: float = -inf
    _making: asyncio.Task[None] | None = None

    async def page(self, request: web.Request) -> web.Response:
        """Answer with one page, or 404."""
        old = time.monotonic() - self._made_at > REFRESH_SECONDS
        if old and (self._making is None or self._making.done()):
            self._making = asyncio.create_task(self._refresh())
        if not self._pages and self._making is not None:  # else the earlier pages are served meanwhile
            await asyncio.shield(self._making)
        path = request.match_info["path"] or "index.html"
        content = self._pages.get(path)
        kind = TYPES["html" if content is None else path.rpartition(".")[2]]
        body = b"<!doctype html><title>Not found</title><p>There is no such page." if content is None else content
        return web.Response(body=body, status=404 if content is None else 200, headers=_headers(kind))

    async def _refresh(self) -> None:
        """Make the pages; those made before stay where that fails."""
        try:
            self._pages = await asyncio.to_thread(lambda: dict(self.make()))
        except BlendwatchError as error:
            log.warning("the public pages could not be made: %s", error)
        self._made_at = time.monotonic()

    @asynccontextmanager
    async def served(self, settings: Settings) -> AsyncIterator[None]:
        """Answer while inside, where a port is set; SettingsError if the port is not available."""
        if not settings.site_port:
            yield
            return
        app = web.Application(client_max_size=LARGEST_BODY)
        self.mount(app)
        app.router.add_get("/{path:.*}", self.page)  # HEAD, too; every other method is refused
        try:
            async with listening(app, settings.site_host, settings.site_port, "SITE"):
                yield
        finally:
            if self._making is not None:
                self._making.cancel()


def _headers(kind: str) -> dict[str, str]:
    return {
        "Content-Type": kind,
        "Content-Security-Policy": f"{policy()}; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "public, max-age=300",
    }
