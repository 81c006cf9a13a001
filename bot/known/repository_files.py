"""The card and the config of a repository, bounded."""

from __future__ import annotations

import json
from collections.abc import Mapping

from analyzers.compare.config_fingerprint import Fingerprint, fingerprint
from analyzers.errors import Unreadable
from bot.sources.interface import Source, SourceError, Unavailable

MAX_CARD_BYTES = 1_000_000
MAX_CONFIG_BYTES = 1_000_000


def card_of(source: Source) -> tuple[str, str]:
    """Return the card as text and a sentence about a problem, "" for each without one. Raises Unavailable."""
    try:
        data = source.file("README.md", MAX_CARD_BYTES)
    except SourceError as error:
        if isinstance(error, Unavailable):
            raise
        return "", f"its card could not be read: {error}"
    if data is None:
        return "", "it has no card"
    return data.decode("utf-8", errors="replace"), ""


def config_of(source: Source) -> tuple[Fingerprint, Mapping[str, object]]:
    """Return the config's fingerprint and content; raises Unreadable or SourceError."""
    data = source.file("config.json", MAX_CONFIG_BYTES)
    if data is None:
        raise Unreadable("it has no config.json")
    try:
        config = json.loads(data)
    except (ValueError, RecursionError):
        raise Unreadable("its config.json is not JSON") from None
    return fingerprint(config), config
