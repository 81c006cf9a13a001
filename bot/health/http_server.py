"""The watch's own port: is it alive, is it ready, and its numbers; and the Hub's webhooks.

Nothing here changes what is stored or shows a secret.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from bot.config.settings import Settings, SettingsError
from bot.health.heartbeat import Pulse
from bot.health.metrics import Metrics
from bot.health.short_connections import Brief
from bot.hub.webhook import LARGEST_BODY, PATH, Hook
from state.errors import StateError


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Answers `/healthz`, `/readyz` and `/metrics`, and the Hub's webhooks where there is a `hook`.

    `database` asks it something; `models`: how many are known.
    """

    pulse: Pulse
    metrics: Metrics
    database: Callable[[], object]
    models: Callable[[], int]
    hook: Hook | None = None

    async def healthz(self, _: web.Request) -> web.Response:
        """Alive: the loop turns, or nobody would answer, and there was progress lately."""
        trouble = self.pulse.beat().trouble(time.time())
        return web.json_response({"alive": not trouble, "trouble": trouble}, status=503 if trouble else 200)

    async def readyz(self, _: web.Request) -> web.Response:
        """Ready: the known models are loaded, the database answers, the first pass was made."""
        try:
            await asyncio.to_thread(self.database)
            database = ""
        except StateError as error:
            database = str(error)
        passed = self.pulse.last().succeeded_at is not None
        troubles = {
            "registry": "" if self.models() else "it names no models",
            "database": database,
            "first pass": "" if passed else "none has ended well yet",
        }
        ready = not any(troubles.values())
        checks = {name: trouble or "ok" for name, trouble in troubles.items()}
        return web.json_response({"ready": ready, "checks": checks}, status=200 if ready else 503)

    async def numbers(self, _: web.Request) -> web.Response:
        """The metrics, counted anew."""
        try:
            text = await asyncio.to_thread(self.metrics.text)
        except StateError as error:
            return web.Response(text=f"{error}\n", status=503)
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    @asynccontextmanager
    async def served(self, settings: Settings) -> AsyncIterator[None]:
        """Answer while inside, where a port is set; SettingsError if it cannot be had."""
        if not settings.http_port:
            if self.hook is not None:
                raise SettingsError("BLENDWATCH_HUB_WEBHOOK_SECRET needs a port to listen on: BLENDWATCH_HTTP_PORT")
            yield
            return
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_get("/healthz", self.healthz)
        app.router.add_get("/readyz", self.readyz)
        app.router.add_get("/metrics", self.numbers)
        if self.hook is not None:
            app.router.add_post(PATH, self.hook.take)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        held: set[Brief] = set()
        server = None
        try:
            try:
                loop, serve = asyncio.get_running_loop(), _server_of(runner)
                server = await loop.create_server(lambda: Brief(serve(), held), settings.http_host, settings.http_port)
            except OSError as error:
                where = f"{settings.http_host} port {settings.http_port}"
                why = error.strerror or type(error).__name__
                raise SettingsError(f"BLENDWATCH_HTTP_HOST, BLENDWATCH_HTTP_PORT: {where}: {why}") from None
            yield
        finally:
            if server is not None:
                server.close()
            await runner.cleanup()


def _server_of(runner: web.AppRunner) -> web.Server:
    assert runner.server is not None  # noqa: S101  # set up
    return runner.server
