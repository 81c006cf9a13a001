"""The Discord webhook that alerts go to without a bot, and the meaning of Discord's errors.

The webhook's URL is a password: whoever has it can post. It appears in no error, no repr and no log.
"""

from __future__ import annotations

import asyncio
import io
import logging
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Final

import aiohttp
import discord
from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

from bot.alerts import compose
from bot.alerts.compose import is_alert
from bot.alerts.delivery import TryLater, Undeliverable
from bot.alerts.depth_chart import NAME, Picture, draw, has_picture
from bot.alerts.embeds import as_discord
from bot.alerts.evidence import evidence_text
from bot.text.sanitize import section, visible
from bot.text.words import DEFAULT, words_for

__all__ = ["TryLater", "Undeliverable", "WebhookSink", "as_delivery_errors", "point_at", "who_is"]

log = logging.getLogger(__name__)
USERNAME: Final = "Blendwatch"
EVIDENCE: Final = "evidence.txt"  # beside an alert, because a webhook has no buttons to ask for it
TIMEOUT_SECONDS: Final = 30.0  # of one request
PATIENCE_SECONDS: Final = 60.0  # of one message, with all the retries and waits of Discord's client

_WEBHOOK_URL = re.compile(
    r"https://(?:(?:ptb|canary)\.)?discord(?:app)?\.com/api/(?:v\d{1,2}/)?"
    r"(webhooks/(?P<id>[0-9]{17,20})/(?P<token>[A-Za-z0-9._-]{60,}))/?"
)
_HINTS: Final[Mapping[int, str]] = {
    401: "; the webhook's token is not valid",
    403: "; the webhook may not post there",
    404: "; the webhook was deleted, so a new one is needed",
}


class WebhookSink:
    """One Discord webhook, posted to through discord.py.

    `api_base` is for tests and the demo: the address that stands in for https://discord.com/api/v10. It moves all of
    discord.py in this process, which has no other place for it. `glossary`: the address that terms of an alert link
    to. Undeliverable if `url` is no webhook's.
    """

    def __init__(
        self,
        url: str,
        api_base: str | None = None,
        *,
        glossary: str = "",
        timeout_seconds: float = TIMEOUT_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        match = _WEBHOOK_URL.fullmatch(url.strip())
        if match is None:
            raise Undeliverable(
                "The Discord webhook URL is not of the form https://discord.com/api/webhooks/<id>/<token>"
                " with nothing after it (the value is not shown here, because it is a secret)."
            )
        self._url = f"https://discord.com/api/{match[1]}"
        self._webhook_id, self._token = match["id"], match["token"]
        self._api_base, self._glossary = api_base, glossary
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._patience_seconds = patience_seconds
        # at level DEBUG discord.py writes the whole URL, token and all
        logging.getLogger("discord.webhook.async_").setLevel(logging.INFO)

    def __repr__(self) -> str:
        return f"WebhookSink(webhook {self._webhook_id}, token hidden)"

    def __str__(self) -> str:
        return f"Discord webhook {self._webhook_id}"

    async def send(self, report: Mapping[str, Any]) -> str:
        """Post the alert and return the message's id; raises Undeliverable or TryLater."""
        embed = as_discord(compose.message(report, "channel", self._glossary))
        picture = await asyncio.to_thread(_picture, report)
        evidence = evidence_text(report, words_for(DEFAULT)) if is_alert(report) else ""
        head = _head(report, self._glossary)
        if picture is not None:
            embed.set_image(url=f"attachment://{NAME}")
        quiet = discord.AllowedMentions.none()

        async def post(webhook: discord.Webhook) -> str:
            if head is not None:
                await _edit(webhook, *head)
            files = [picture.file()] if picture is not None else []
            files += [discord.File(io.BytesIO(evidence.encode()), EVIDENCE)] if evidence else []
            message = await webhook.send(embed=embed, files=files, username=USERNAME, allowed_mentions=quiet, wait=True)
            return str(message.id)

        return await self._ask(post)

    async def look(self) -> str:
        """Ask Discord for the webhook, posting nothing; return its name and channel. Undeliverable or TryLater."""

        async def fetch(webhook: discord.Webhook) -> str:
            found = await webhook.fetch(prefer_auth=False)
            return f"{visible(found.name or 'without a name', 80)}, into channel {found.channel_id}"

        return await self._ask(fetch)

    async def _ask(self, action: Callable[[discord.Webhook], Awaitable[str]]) -> str:
        """Do something with the webhook; whatever goes wrong becomes Undeliverable or TryLater."""
        direct = self._api_base is not None
        with as_delivery_errors(self._token, _HINTS):
            async with (
                asyncio.timeout(self._patience_seconds),
                aiohttp.ClientSession(timeout=self._timeout, trust_env=not direct) as session,
            ):
                webhook = discord.Webhook.from_url(self._url, session=session)
                # read by the action before it first waits, so that sinks with different bases do not mix
                point_at(self._api_base)
                return await action(webhook)


async def who_is(token: str, api_base: str | None = None) -> str:
    """The name of the bot with this token, asked of Discord without connecting; raises Undeliverable or TryLater."""
    point_at(api_base)
    with as_delivery_errors(token, {401: "; the bot's token is not valid"}):
        client = discord.Client(intents=discord.Intents.none())
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await client.login(token.strip())
                return visible(str(client.user), 80)
        except discord.LoginFailure:
            raise Undeliverable("Discord does not take the bot's token.") from None
        finally:
            await client.close()


@contextmanager
def as_delivery_errors(secret: str, hints: Mapping[int, str] = MappingProxyType({})) -> Iterator[None]:
    """Turn whatever comes of talking to Discord into Undeliverable or TryLater, in a sentence without `secret`."""
    try:
        yield
    except discord.HTTPException as error:
        raise _refusal(error, secret, hints) from None
    except TimeoutError:
        raise TryLater("Discord did not answer in time.") from None
    except discord.RateLimited as error:
        raise TryLater("Discord asks to wait longer than a message may take.", error.retry_after) from None
    except (aiohttp.ClientError, OSError) as error:
        raise TryLater(f"Discord could not be reached ({type(error).__name__}).") from None
    except (AttributeError, KeyError, TypeError, ValueError):
        # discord.py takes any answer for Discord's; a proxy's page of HTML comes out as one of these
        log.debug("an answer that was not understood", exc_info=True)
        raise TryLater("What answered in Discord's place does not speak its language.") from None


def point_at(api_base: str | None) -> None:
    """Move all of discord.py in this process to another Discord, for tests and the demo; None: leave it.

    `api_base` stands in for https://discord.com/api/v10, and has its gateway beside it, at /gateway/.
    """
    if api_base is not None:
        Route.BASE = api_base.rstrip("/")
        address = URL(api_base)
        scheme = "wss" if address.scheme == "https" else "ws"
        DiscordWebSocket.DEFAULT_GATEWAY = address.with_scheme(scheme).with_path("/gateway/")


def _refusal(error: discord.HTTPException, secret: str, hints: Mapping[int, str]) -> Undeliverable | TryLater:
    """What an error status means; the client has by then retried what is worth retrying at once."""
    said = visible(error.text.replace(secret, "(token)"), 200).rstrip(".")
    text = f"Discord answered {error.status}" + (f", code {error.code}" if error.code else "")
    text += f": {said}" if said else ""
    if error.status in {408, 429} or error.status >= 500:
        return TryLater(f"{text}.", _retry_after(error))
    return Undeliverable(f"{text}{hints.get(error.status, '')}.", error.code)


def _picture(payload: Mapping[str, Any]) -> Picture | None:
    """The picture of an alert; news and digests have none."""
    return draw(payload, words_for(DEFAULT)) if is_alert(payload) else None


def _head(payload: Mapping[str, Any], glossary: str) -> tuple[int, discord.Embed] | None:
    """The message that a follow-up belongs to, and what it shows from now on; its picture stays attached to it."""
    head = str(payload.get("head") or "")
    if not payload.get("follow_up") or not head.isdecimal():
        return None
    embed = as_discord(compose.head(payload, glossary=glossary))
    if not payload.get("digest") and has_picture(section(payload.get("report"))):
        embed.set_image(url=f"attachment://{NAME}")
    return int(head), embed


async def _edit(webhook: discord.Webhook, head: int, embed: discord.Embed) -> None:
    """Bring a message up to date; one that was deleted there needs no edit."""
    try:
        await webhook.edit_message(head, embed=embed)
    except discord.NotFound:
        log.info("the message %s was deleted there, so it is not edited", head)


def _retry_after(error: discord.HTTPException) -> float | None:
    """Seconds to wait, as the answer's header says; None if it does not."""
    text = error.response.headers.get("Retry-After", "")
    return float(text) if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text) else None
