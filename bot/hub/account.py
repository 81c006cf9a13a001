"""Requests that show whether the Hub answers, its clock, and the account of our token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.hub.http.errors import Refused, printable, said_at
from bot.hub.http.hub_client import constants
from bot.hub.http.session import HttpSession, HubRequest
from bot.hub.json_fields import table, text
from bot.sources.interface import Gated, Missing


def logged_in() -> str:
    """Return the token that `hf auth login` left on this machine; "" without one, or where it must not be used."""
    if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN:
        return ""
    try:
        return Path(constants.HF_TOKEN_PATH).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""


@dataclass(frozen=True, slots=True)
class Hello:
    """One answer. `said_at`: the Hub's clock at the answer (UTC, to the second); None if not given."""

    said_at: datetime | None


@dataclass(frozen=True, slots=True)
class Account:
    """The account of a token. `role`: read, write or fineGrained; "" where the Hub gives none."""

    name: str
    role: str


def hello(session: HttpSession) -> Hello:
    """Request one entry of the listing; raises Unavailable."""
    ask = HubRequest(session.address("api", "models"), "one entry of its listing", params={"limit": "1"})
    _, answer = session.json(ask)
    return Hello(said_at(answer.headers))


def whoami(session: HttpSession, headers: Mapping[str, str] | None = None) -> Account:
    """Ask whose the token is, or that in `headers`.

    Raises Unavailable where the Hub does not answer, Refused where it does not take the token.
    """
    try:
        content, _ = session.json(
            HubRequest(session.address("api", "whoami-v2"), "the owner of the token", headers=headers or {})
        )
    except (Missing, Gated):
        raise Refused("The Hub does not accept the token.") from None
    said = table(content)
    role = text(table(table(said.get("auth")).get("accessToken")).get("role")) or ""
    return Account(printable(text(said.get("name")) or "an account without a name"), printable(role))
