"""Alerts as text to a service that Apprise can reach: chat, e-mail, push messages, webhooks.

The address of a service is a secret: it appears in no error, no repr and no log. Apprise is imported when a sink is
built, because only the extra `channels` brings it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from bot.alerts.compose import embed_text, message
from bot.alerts.delivery import TryLater
from bot.alerts.evidence import plain
from bot.config.channels import Channel, ChannelError
from bot.config.logs import redacted
from bot.text.sanitize import entries, section, visible

if TYPE_CHECKING:
    import apprise

PATIENCE_SECONDS: Final = 60  # of one message
LEFT_SECONDS: Final = 20.0  # beyond that, for a request that Apprise does not break off
FAULTS: Final = ("WARNING", "ERROR", "CRITICAL")  # levels of Apprise's own log
REASON_LENGTH: Final = 200
KEY_HEADER: Final = "Idempotency-Key"  # of services whose messages have headers: webhooks and e-mail
SENT: Final = "sent"  # the id of every message: Apprise returns none


class AppriseSink:
    """One channel of the settings. ChannelError if Apprise does not know its address."""

    def __init__(self, channel: Channel) -> None:
        import apprise  # noqa: PLC0415 - an extra

        self._name, self._secrets = channel.name, channel.secrets
        self._address = channel.address()
        names: dict[str, Any] = dict.fromkeys(("app_id", "app_desc"), "Blendwatch")
        self._asset = apprise.AppriseAsset(async_mode=False, image_url_mask="", image_url_logo="", **names)
        log = logging.getLogger("apprise")  # quotes addresses; what it says of a message stands in our errors
        log.propagate = False
        log.addHandler(logging.NullHandler())
        self._service()  # raises what is wrong with the address at the start

    def __repr__(self) -> str:
        return f"AppriseSink({self._name}, address hidden)"

    def __str__(self) -> str:
        return f"channel {self._name}"

    async def send(self, report: Mapping[str, Any]) -> str:
        """Hand one message over and return SENT; raises TryLater, as Apprise does not say what would never help."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS + LEFT_SECONDS):
                await asyncio.to_thread(self._send, report)
        except TimeoutError:
            raise TryLater(f"The channel {self._name} did not answer in time.") from None
        return SENT

    def _send(self, report: Mapping[str, Any]) -> None:
        """Blocks for as long as the service takes."""
        import apprise  # noqa: PLC0415 - an extra

        service = self._service()
        headers = getattr(service, "headers", None)
        if isinstance(headers, dict):
            headers[KEY_HEADER] = key_of(report)
        title, _, body = text_of(report, service.body_maxlen).partition("\n")
        result = apprise.Apprise(service, asset=self._asset).notify(
            body=body, title=title, body_format=apprise.NotifyFormat.TEXT, timeout=PATIENCE_SECONDS
        )
        if not result:
            said = [str(entry.message) for entry in result.logs() if entry.level in FAULTS]
            reason = (
                visible(redacted(said[-1], self._secrets), REASON_LENGTH).rstrip(".") if said else "it gave no reason"
            )
            raise TryLater(f"The channel {self._name} did not take the message: {reason}.")

    def _service(self) -> apprise.NotifyBase:
        """Return the service anew, because an earlier message's headers stay with it."""
        import apprise  # noqa: PLC0415 - an extra

        service = apprise.Apprise.instantiate(self._address, asset=self._asset)
        if service is None:
            raise ChannelError(
                f"the address of channel {self._name} is none that Apprise can use"
                " (it is not shown here, because it is a secret)"
            )
        return service


def text_of(payload: Mapping[str, Any], limit: int) -> str:
    """Return what a console shows of it; without the evidence where a message there holds fewer characters."""
    told = plain(payload)
    return told if len(told) <= limit else embed_text(message(payload).to_dict())


def key_of(payload: Mapping[str, Any]) -> str:
    """Return the key of a message: of two with the same key a receiver may drop the second."""
    news, operator = section(payload.get("follow_up")), section(payload.get("operator"))
    about = [payload.get("case"), *(news.get(name) for name in ("case", "kind", "at"))]
    about += [operator.get(name) for name in ("title", "began_at", "ended_at")]
    about += [section(report).get("case") for report in entries(payload.get("digest"))]
    return hashlib.sha256(json.dumps(about, default=str).encode()).hexdigest()[:32]
