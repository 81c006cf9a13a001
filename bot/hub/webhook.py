"""Webhooks of the Hub: each asks for an early pass, and does nothing else.

No row is written from a payload. A stranger with the secret can only cause an early pass. A lost or forged call does
no harm: the next pass reads the listings.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic.alias_generators import to_camel

from bot.text.sanitize import visible

PATH: Final = "/hooks/hub"
LARGEST_BODY: Final = 64 * 1024  # bytes; a payload of the Hub has one or two thousand
BODY_SECONDS: Final = 10.0  # until the body must have arrived
LONGEST_SHOWN: Final = 200  # characters of a name in the log
# discussions change nothing that is measured
SCOPES: Final = ("repo", "repo.content", "repo.config")

log = logging.getLogger("blendwatch")
_Word = Annotated[str, Field(max_length=64)]
_Name = Annotated[str, Field(min_length=1, max_length=512)]


class _Part(BaseModel):
    """A part of a payload; fields that are not named here are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel)


class _Event(_Part):
    action: _Word
    scope: _Word


class _Repo(_Part):
    type: _Word
    name: _Name
    id: _Word | None = None
    private: bool = False
    head_sha: _Word | None = None


class _Moved(_Part):
    name: _Name


class Payload(_Part):
    """The used fields of a webhook's payload."""

    event: _Event
    repo: _Repo
    moved_to: _Moved | None = None

    @property
    def is_relevant(self) -> bool:
        """Return True if a listing of public models may show something new."""
        return self.repo.type == "model" and not self.repo.private and self.event.scope in SCOPES

    def __str__(self) -> str:
        revision = f" at {self.repo.head_sha[:12]}" if self.repo.head_sha else ""
        moved = f", now {self.moved_to.name}" if self.moved_to else ""
        return visible(f"{self.event.action} {self.event.scope} of {self.repo.name}{revision}{moved}", LONGEST_SHOWN)


@dataclass(frozen=True, slots=True)
class HubWebhook:
    """Answers POST /hooks/hub. `wake`: asks for an early pass; repeated calls are harmless."""

    secret: SecretStr
    wake: Callable[[], None]

    async def take(self, request: web.Request) -> web.Response:
        """Wake the watch where the secret is right and the event is about a public model."""
        if not self._is_right(request.headers.get("X-Webhook-Secret", "")):
            return web.json_response({"error": "X-Webhook-Secret is not the secret that is set"}, status=401)
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await request.read()  # aiohttp answers 413 where it is larger than the server allows
        except TimeoutError:
            return web.json_response({"error": "the body did not arrive in time"}, status=408)
        try:
            payload = Payload.model_validate_json(body)
        except ValidationError:  # the error's text would quote the body
            return web.json_response({"error": "the body is not a payload of the Hub's webhooks"}, status=400)
        if payload.is_relevant:
            log.info("the Hub says: %s", payload)
            self.wake()
        return web.json_response({"early": payload.is_relevant}, status=202 if payload.is_relevant else 200)

    def _is_right(self, given: str) -> bool:
        """Compare in constant time."""
        own = self.secret.get_secret_value()
        return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), own.encode("utf-8", "surrogatepass"))
