"""Ping a monitoring service after every successful pass; it notifies the operator when pings stop."""

from __future__ import annotations

import logging
from typing import Final

import aiohttp
from pydantic import SecretStr

TIMEOUT: Final = aiohttp.ClientTimeout(total=10)

log = logging.getLogger("blendwatch")


async def ping(address: SecretStr | None) -> bool:
    """Ping the address, if any; return True if it answered. It is secret, and a failure does not stop the watch."""
    if address is None:
        return False
    try:
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session, session.get(address.get_secret_value()) as answer:
            if answer.status < 400:
                return True
            log.warning("the dead man's switch answered %d", answer.status)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        log.warning("the dead man's switch could not be reached (%s)", type(error).__name__)
    return False
