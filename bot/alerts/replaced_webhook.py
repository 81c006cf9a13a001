"""A new webhook gets what the one before it took no more."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Final

from state.store import Store

LAST: Final = "discord.webhook"  # the mark of the webhook that alerts go to
GONE: Final = "; the webhook"  # in what is said of a webhook that is no more, or may not post: see bot.alerts.sinks

log = logging.getLogger("blendwatch")


def send_again(store: Store, destination: str, webhook: str, now: datetime) -> int:
    """Where this is another webhook than at the last start, let what that one refused be sent again; how many."""
    last = store.key_values.get(LAST)
    if last is not None and last.value == webhook:
        return 0
    again = store.retry_dead(now, destination, GONE) if last is not None else 0
    store.key_values.put(LAST, webhook, now)
    if again:
        log.info("%d alerts that the webhook before this one refused are sent again", again)
    return again
