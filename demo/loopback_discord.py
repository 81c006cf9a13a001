"""A Discord webhook on this machine, for Discord's own client: the demo and the tests post to it over real sockets.

It takes what Discord takes, refuses what Discord refuses for its size, and fails on request.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import web

from bot import embeds

WEBHOOK_ID: Final = "100200300400500600"
TOKEN: Final = "loopback-" + "0123456789abcdef" * 4  # Discord's client expects 60 signs or more
CHANNEL_ID: Final = "100200300400500601"
INVALID_FORM: Final = 50035
UNKNOWN_WEBHOOK: Final = 10015
UNKNOWN_MESSAGE: Final = 10008
EMPTY_MESSAGE: Final = 50006


@dataclass(slots=True)
class Faults:
    """What goes wrong next. Counts go down with each request that they spoil."""

    rate_limits: int = 0  # 429 that name a time to wait, which the client waits by itself
    bans: int = 0  # 429 from the network in front of Discord, which the client hands on
    retry_after: float = 0.1  # seconds named in either
    server_errors: int = 0  # 500
    drops: int = 0  # the message is kept and the connection closed without an answer
    html: int = 0  # answers of some other program
    unknown_webhook: bool = False  # 404, as after someone deleted the webhook
    stalled: bool = False  # no answer at all
    slow: float = 0.0  # seconds between keeping a message and the answer


class LoopbackDiscord:
    """A context manager: inside, `webhook_url` and `api_base` are what a WebhookSink needs."""

    def __init__(self, port: int = 0) -> None:
        self.faults = Faults()
        self.messages: list[dict[str, Any]] = []  # what was posted and kept, each with the "id" it was given
        self.requests = 0
        self.webhook_url = f"https://discord.com/api/webhooks/{WEBHOOK_ID}/{TOKEN}"
        self.api_base = ""
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="loopback-discord", daemon=True)
        self._runner: web.AppRunner | None = None

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
        app.router.add_post("/api/v10/webhooks/{id}/{token}", self._execute)
        app.router.add_get("/api/v10/webhooks/{id}/{token}", self._describe)
        app.router.add_patch("/api/v10/webhooks/{id}/{token}/messages/{message}", self._edit)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self.api_base = f"http://127.0.0.1:{self._runner.addresses[0][1]}/api/v10"

    async def _stop(self) -> None:
        self.faults.stalled = False
        if self._runner is not None:
            await self._runner.cleanup()

    async def _execute(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        payload = await request.json()
        spoiled = await self._spoil()
        if spoiled is not None:
            return spoiled
        if not self._knows(request):
            return _json({"message": "Unknown Webhook", "code": UNKNOWN_WEBHOOK}, 404)
        refused = _refused(payload)
        if refused is not None:
            return _json(refused, 400)
        message_id = str(200_300_400_500_600_000 + len(self.messages))
        self.messages.append({**payload, "id": message_id})
        await asyncio.sleep(self.faults.slow)
        if self.faults.drops and request.transport is not None:
            self.faults.drops -= 1
            request.transport.close()
        if request.query.get("wait") not in {"true", "1", "True"}:
            return web.Response(status=204)
        return _json(_message(message_id, payload), 200)

    async def _edit(self, request: web.Request) -> web.StreamResponse:
        """Change a message that the webhook posted."""
        self.requests += 1
        payload = await request.json()
        spoiled = await self._spoil()
        if spoiled is not None:
            return spoiled
        place = next((i for i, m in enumerate(self.messages) if m["id"] == request.match_info["message"]), None)
        if not self._knows(request) or place is None:
            return _json({"message": "Unknown Message", "code": UNKNOWN_MESSAGE}, 404)
        refused = _refused(payload)
        if refused is not None:
            return _json(refused, 400)
        self.messages[place] |= payload
        return _json(_message(self.messages[place]["id"], self.messages[place]), 200)

    async def _describe(self, request: web.Request) -> web.StreamResponse:
        """The webhook as Discord shows it to whoever has its address."""
        self.requests += 1
        spoiled = await self._spoil()
        if spoiled is not None:
            return spoiled
        if not self._knows(request):
            return _json({"message": "Unknown Webhook", "code": UNKNOWN_WEBHOOK}, 404)
        about = {"id": WEBHOOK_ID, "type": 1, "name": "alerts", "avatar": None, "channel_id": CHANNEL_ID}
        return _json({**about, "guild_id": None, "application_id": None, "token": TOKEN}, 200)

    def _knows(self, request: web.Request) -> bool:
        known = (request.match_info["id"], request.match_info["token"]) == (WEBHOOK_ID, TOKEN)
        return known and not self.faults.unknown_webhook

    async def _spoil(self) -> web.Response | None:
        """The answer of a fault, if one is due."""
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
        return _json({"message": "500: Internal Server Error", "code": 0}, 500)
    # the client tells Discord's own limit from its network's by this header
    headers = {"Retry-After": f"{retry_after:g}"} | ({"Via": "1.1 loopback"} if name == "rate_limits" else {})
    body = {"message": "You are being rate limited.", "retry_after": retry_after, "global": False}
    return _json(body, 429, headers)


def _json(body: Mapping[str, Any], status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    # Discord's client reads JSON only if the type is exactly this, without a charset
    return web.Response(body=json.dumps(body).encode(), status=status, content_type="application/json", headers=headers)


def _message(message_id: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """A message as Discord describes it to the one who posted it."""
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
        "attachments": [],
        "components": [],
        "mentions": [],
        "mention_roles": [],
        "mention_everyone": False,
        "pinned": False,
        "tts": False,
        "flags": 0,
    }


def _refused(payload: Mapping[str, Any]) -> dict[str, Any] | None:
    """Discord's error body if it would not take this message, else None."""
    found = payload.get("embeds") or []
    if not found and not payload.get("content"):
        return {"message": "Cannot send an empty message", "code": EMPTY_MESSAGE}
    errors = [f"embeds[{i}].{what}" for i, embed in enumerate(found) for what in over_limit(embed)]
    if not errors:
        return None
    return {"message": f"Invalid Form Body: {', '.join(errors)}", "code": INVALID_FORM}


def over_limit(embed: Mapping[str, Any]) -> list[str]:
    """The parts of an embed that Discord would refuse: too long, or empty where they may not be."""
    fields = embed.get("fields", [])
    title, description = embed.get("title", ""), embed.get("description", "")
    footer = embed.get("footer", {}).get("text", "")
    wrong = {
        "title": len(title) > embeds.TITLE_LIMIT,
        "description": len(description) > embeds.DESCRIPTION_LIMIT,
        "footer": len(footer) > embeds.FOOTER_LIMIT,
        "fields": len(fields) > embeds.FIELD_COUNT,
        "name": any(not 0 < len(field["name"].strip()) <= embeds.FIELD_NAME_LIMIT for field in fields),
        "value": any(not 0 < len(field["value"].strip()) <= embeds.FIELD_VALUE_LIMIT for field in fields),
        "total": len(title + description + footer) + sum(len(f["name"] + f["value"]) for f in fields)
        > embeds.TOTAL_LIMIT,
    }
    return [name for name, bad in wrong.items() if bad]
