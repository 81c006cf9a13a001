"""Embeds of discord.py, made from the values of `bot.alerts.compose`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import discord

from bot.alerts import compose, evidence
from bot.alerts.compose import OPEN, TOTAL_LIMIT, Answer, Embed
from bot.alerts.outcome import Outcome
from bot.alerts.sentences import Report
from bot.text.sanitize import width
from bot.text.words import Words


def as_discord(embed: Embed) -> discord.Embed:
    """Return an embed as discord.py sends it."""
    return discord.Embed.from_dict(embed.to_dict())


def alert_embed(
    report: Report, words: Words | None = None, outcome: Outcome = OPEN, answer: Answer = "console", glossary: str = ""
) -> discord.Embed:
    """Return the alert on one report; see compose.alert."""
    return as_discord(compose.alert(report, words, outcome, answer, glossary=glossary))


def evidence_embed(report: Report, words: Words, since: str = "") -> discord.Embed:
    """Return what an alert leaves out; see evidence.evidence."""
    return as_discord(evidence.evidence(report, words, since))


def operator_embed(news: Mapping[str, Any]) -> discord.Embed:
    """Return a message to the operator; see compose.operator."""
    return as_discord(compose.operator(news))


def news_embed(kind: str, repo_id: str, text: str, at: datetime | None, words: Words) -> discord.Embed:
    """Return what has happened to a case; see compose.news."""
    return as_discord(compose.news(kind, repo_id, text, at, words))


def fitted(embed: discord.Embed, limit: int = TOTAL_LIMIT) -> discord.Embed:
    """Remove an embed's last fields until it has at most `limit` characters, and return it."""
    while embed_width(embed) > limit and embed.fields:
        embed.remove_field(len(embed.fields) - 1)
    return embed


def embed_width(embed: discord.Embed) -> int:
    """Return an upper bound of the characters that Discord counts in an embed."""
    parts = [embed.title, embed.description, embed.footer.text, *(t for f in embed.fields for t in (f.name, f.value))]
    return sum(width(part or "") for part in parts)
