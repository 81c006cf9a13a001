"""Send a message once, although the process may die between Discord's answer and our mark. Pure.

A nonce, made of the row's key, makes Discord itself refuse a second copy for some minutes. After that the marker at
the start of the message's footer says, in the channel's own history, that the row has arrived.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from bot.text.sanitize import string

NONCE_LENGTH: Final = 25  # characters that Discord takes
SEPARATOR: Final = " · "  # between the marker and the rest of a footer


def nonce_of(dedupe_key: str) -> str:
    """The same 25 characters for the same key."""
    digest = hashlib.sha256(dedupe_key.encode()).digest()
    return base64.b32encode(digest).decode()[:NONCE_LENGTH]


def marker_of(payload: Mapping[str, Any]) -> str:
    """Return the start of the footer of a row's message; it is unique in a channel."""
    if payload.get("operator"):
        return f"operator {_short(json.dumps(payload['operator'], sort_keys=True))}"
    case, remark = string(payload.get("case")), payload.get("remark")
    kinds = {
        "head": f"case {case}",
        "review": f"review {case} #{payload.get('times', 0)}",
        "remark": f"remark {remark} on {case}",
        "news": f"news {_short(string(payload.get('news')))} on {case}",
        "answer": f"answer {remark} to {case}",
    }
    return kinds[string(payload.get("kind"))]


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def bears(footer: str | None, marker: str) -> bool:
    """Is this the footer of the message with that marker?"""
    return footer == marker or (footer or "").startswith(marker + SEPARATOR)
