"""Serve the watch's own port: liveness, readiness, metrics, and the Hub's webhooks.

No request changes the store or shows a secret.
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
from bot.health.heartbeat import Heartbeat
from bot.health.metrics import Metrics
from bot.health.short_connections import listening
from bot.hub.webhook import LARGEST_BODY, PATH, HubWebhook
from state.errors import StateError


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Answers `/healthz`, `/readyz` and `/metrics`, and the Hub's webhooks where `webhook` is set.

    `database`: sends it a query; `models`: returns the number of known models.
    """

    heartbeat: Heartbeat
    metrics: Metrics
    database: Callable[[], object]
    models: Callable[[], int]
    webhook: HubWebhook | None = None

    async def healthz(self, _: web.Request) -> web.Response:
        """Answer 200 if there was progress lately; a stuck event loop does not answer."""
        trouble = self.heartbeat.beat().trouble(time.time())
        return web.json_response({"alive": not trouble, "trouble": trouble}, status=503 if trouble else 200)

    async def readyz(self, _: web.Request) -> web.Response:
        """Answer 200 once the known models are loaded, the database answers and a first pass succeeded."""
        try:
            await asyncio.to_thread(self.database)
            database = ""
        except StateError as error:
            database = str(error)
        passed = self.heartbeat.last().succeeded_at is not None
        troubles = {
            "registry": "" if self.models() else "it names no models",
            "database": database,
            "first pass": "" if passed else "none has ended well yet",
        }
        ready = not any(troubles.values())
        checks = {name: trouble or "ok" for name, trouble in troubles.items()}
        return web.json_response({"ready": ready, "checks": checks}, status=200 if ready else 503)

    async def numbers(self, _: web.Request) -> web.Response:
        """Answer with the metrics, counted anew."""
        try:
            text = await asyncio.to_thread(self.metrics.text)
        except StateError as error:
            return web.Response(text=f"{error}\n", status=503)
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    @asynccontextmanager
    async def served(self, settings: Settings) -> AsyncIterator[None]:
        """Answer while inside, where a port is set; SettingsError if the port is not available."""
        if not settings.http_port:
            if self.webhook is not None:
                raise SettingsError("BLENDWATCH_HUB_WEBHOOK_SECRET needs a port to listen on: BLENDWATCH_HTTP_PORT")
            yield
            return
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_get("/healthz", self.healthz)
        app.router.add_get("/readyz", self.readyz)
        app.router.add_get("/metrics", self.numbers)
        if self.webhook is not None:
            app.router.add_post(PATH, self.webhook.take)
        async with listening(app, settings.http_host, settings.http_port, "HTTP"):
            yield
