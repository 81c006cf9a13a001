"""Whether the Hub answers, by which clock, and whom it takes us for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.hub.http.errors import Refused, printable, said_at
from bot.hub.http.library import constants
from bot.hub.http.session import Ask, Wire
from bot.hub.json_fields import table, text
from bot.sources.interface import Gated, Missing


def logged_in() -> str:
    """Return the token that `hf auth login` left on this machine; "" if there is none, or it is not to be used."""
    if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN:
        return ""
    try:
        return Path(constants.HF_TOKEN_PATH).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""


@dataclass(frozen=True, slots=True)
class Hello:
    """One answer. `said_at`: the Hub's clock as it answered (UTC, to the second); None if it did not say."""

    said_at: datetime | None


@dataclass(frozen=True, slots=True)
class Account:
    """Whose a token is. `role`: read, write or fineGrained; "" where the Hub does not say."""

    name: str
    role: str


def hello(wire: Wire) -> Hello:
    """Ask for the newest repository alone; raises Unavailable."""
    ask = Ask(wire.address("api", "models"), "one entry of its listing", params={"limit": "1"})
    _, answer = wire.json(ask)
    return Hello(said_at(answer.headers))


def whoami(wire: Wire) -> Account:
    """Ask whose the token is; Unavailable where the Hub does not answer, Refused where it does not take the token."""
    try:
        content, _ = wire.json(Ask(wire.address("api", "whoami-v2"), "the owner of the token"))
    except (Missing, Gated):
        raise Refused("The Hub does not accept the token.") from None
    said = table(content)
    role = text(table(table(said.get("auth")).get("accessToken")).get("role")) or ""
    return Account(printable(text(said.get("name")) or "an account without a name"), printable(role))
