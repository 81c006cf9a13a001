"""A Discord on this machine, for Discord's own client: the demo and the tests use it over real sockets.

It has a webhook and a whole server for bots (`world`, `members`). It accepts and refuses messages by Discord's
limits of size, and fails on request.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import web

from demo.discord.bot_api import BotInterface, answer, body_of
from demo.discord.gateway import PATH, Gateway
from demo.discord.limits import over_limit, refused
from demo.discord.members import Members
from demo.discord.world import BOT_TOKEN, FILES, Faults, World

__all__ = ["BOT_TOKEN", "CHANNEL_ID", "TOKEN", "WEBHOOK_ID", "Faults", "LoopbackDiscord", "over_limit"]

WEBHOOK_ID: Final = "100200300400500600"
TOKEN: Final = "loopback-" + "0123456789abcdef" * 4  # Discord's client expects 60 signs or more
CHANNEL_ID: Final = "100200300400500601"
UNKNOWN_WEBHOOK: Final = 10015
UNKNOWN_MESSAGE: Final = 10008


class LoopbackDiscord:
    """Context manager: inside, `webhook_url` and `api_base` are the arguments of a WebhookSink.

    A bot logs in with BOT_TOKEN at `api_base`, and connects to the gateway beside it.
    """

    def __init__(self, port: int = 0) -> None:
        self.faults = Faults()
        self.messages: list[dict[str, Any]] = []  # posted and kept messages, each with its "id"
        self.requests = 0
        self.webhook_url = f"https://discord.com/api/webhooks/{WEBHOOK_ID}/{TOKEN}"
        self.api_base = ""
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="loopback-discord", daemon=True)
        self._runner: web.AppRunner | None = None
        self.world = World()
        self.gateway = Gateway(self.world)
        self.bot = BotInterface(self.world, self.faults, self._spoil)
        self.members = Members(self._loop, self.world, self.gateway)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self) -> None:
        app = web.Application()
        app[FILES] = self.world.files
        app.add_routes(self.bot.routes())
        app.router.add_get(PATH, self.gateway.handle)
        app.router.add_post("/api/v10/webhooks/{id}/{token}", self._execute)
        app.router.add_get("/api/v10/webhooks/{id}/{token}", self._describe)
        app.router.add_patch("/api/v10/webhooks/{id}/{token}/messages/{message}", self._edit)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        here = f"127.0.0.1:{self._runner.addresses[0][1]}"
        self.api_base, self.gateway.url = f"http://{here}/api/v10", f"ws://{here}{PATH}"

    async def _stop(self) -> None:
        self.faults.stalled = False
        await self.gateway.drop()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _execute(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        payload, names = await body_of(request)
        spoiled = await self._spoil()
        if spoiled is not None:
            return spoiled
        if not self._knows(request):
            return answer({"message": "Unknown Webhook", "code": UNKNOWN_WEBHOOK}, 404)
        wrong = refused(payload, names)
        if wrong is not None:
            return answer(wrong, 400)
        message_id = str(200_300_400_500_600_000 + len(self.messages))
        self.messages.append({**payload, "id": message_id})
        await asyncio.sleep(self.faults.slow)
        if self.faults.drops and request.transport is not None:
            self.faults.drops -= 1
            request.transport.close()
        if request.query.get("wait") not in {"true", "1", "True"}:
            return web.Response(status=204)
        return answer(_message(message_id, payload), 200)

    async def _edit(self, request: web.Request) -> web.StreamResponse:
        """Change a message that the webhook posted."""
        self.requests += 1
        payload, _ = await body_of(request)
        spoiled = await self._spoil()
        if spoiled is not None:
            return spoiled
        place = next((i for i, m in enumerate(self.messages) if m["id"] == request.match_info["message"]), None)
        if not self._knows(request) or place is None:
            return answer({"message": "Unknown Message", "code": UNKNOWN_MESSAGE}, 404)
        kept = [str(a["filename"]) for a in self.messages[place].get("attachments") or []]
        wrong = refused(payload, kept)
        if wrong is not None:
            return answer(wrong, 400)
        self.messages[place] |= payload
        return answer(_message(self.messages[place]["id"], self.messages[place]), 200)

    async def _describe(self, request: web.Request) -> web.StreamResponse:
        """Return the webhook as Discord shows it to any client with its address."""
        self.requests += 1
        spoiled = await self._spoil()
        if spoiled is not None:
            return spoiled
        if not self._knows(request):
            return answer({"message": "Unknown Webhook", "code": UNKNOWN_WEBHOOK}, 404)
        about = {"id": WEBHOOK_ID, "type": 1, "name": "alerts", "avatar": None, "channel_id": CHANNEL_ID}
        return answer({**about, "guild_id": None, "application_id": None, "token": TOKEN}, 200)

    def _knows(self, request: web.Request) -> bool:
        known = (request.match_info["id"], request.match_info["token"]) == (WEBHOOK_ID, TOKEN)
        return known and not self.faults.unknown_webhook

    async def _spoil(self, _: web.Request | None = None) -> web.Response | None:
        """Return the answer of a fault, if one is due."""
        faults = self.faults
        while faults.stalled:
            await asyncio.sleep(0.02)
        for name in ("rate_limits", "bans", "server_errors", "html"):
            if getattr(faults, name):
                setattr(faults, name, getattr(faults, name) - 1)
                return _fault(name, faults.retry_after)
        return None


def _fault(name: str, retry_after: float) -> web.Response:
    if name == "html":
        return web.Response(text="<h1>Please log in to this network</h1>", content_type="text/html")
    if name == "server_errors":
        return answer({"message": "500: Internal Server Error", "code": 0}, 500)
    # only Discord's own limit has this header, not its network's
    headers = {"Retry-After": f"{retry_after:g}"} | ({"Via": "1.1 loopback"} if name == "rate_limits" else {})
    body = {"message": "You are being rate limited.", "retry_after": retry_after, "global": False}
    return answer(body, 429, headers)


def _message(message_id: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message as Discord describes it to its author."""
    author = {"id": WEBHOOK_ID, "username": payload.get("username", "webhook"), "avatar": None, "discriminator": "0000"}
    return {
        "id": message_id,
        "type": 0,
        "channel_id": CHANNEL_ID,
        "webhook_id": WEBHOOK_ID,
        "author": {**author, "bot": True},
        "content": payload.get("content") or "",
        "embeds": payload.get("embeds") or [],
        "timestamp": datetime.now(UTC).isoformat(),
        "edited_timestamp": None,
        "attachments": payload.get("attachments") or [],
        "components": [],
        "mentions": [],
        "mention_roles": [],
        "mention_everyone": False,
        "pinned": False,
        "tts": False,
        "flags": 0,
    }
