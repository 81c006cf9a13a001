"""The numbers behind a finding, and how anyone repeats it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import discord

from bot import sentences
from bot.embeds import QUIET_COLOUR
from bot.release import this_release
from bot.text import code, decimal, harmless, number, section, string, unmarked
from bot.words import Words

ROWS: Final = 25
NAME_LENGTH, TEXT_LENGTH = 24, 60


def evidence_embed(report: Mapping[str, Any], words: Words) -> discord.Embed:
    """Everything that was measured, as a table, and the coefficients with their intervals."""
    rows = []
    for name, value in list(section(report.get("measured")).items())[:ROWS]:
        amount = number(value)
        shown = string(value) if amount is None else f"{amount:,.0f}" if amount == int(amount) else decimal(amount, 4)
        rows.append(f"{_plain(str(name), NAME_LENGTH):<{NAME_LENGTH}} {_plain(shown, TEXT_LENGTH)}".rstrip())
    table = "```\n" + "\n".join(rows) + "\n```" if rows else words("case.evidence_none")
    embed = discord.Embed(title=words("case.evidence"), description=table, colour=QUIET_COLOUR)
    intervals = sentences.coefficients(report, words)
    if intervals:
        embed.add_field(name=words("alert.field.coefficients"), value=intervals, inline=False)
    seed = number(section(section(report.get("looks")).get("second")).get("seed"))
    if seed is not None:
        embed.set_footer(text=unmarked(words("case.sources", seed=f"{seed:.0f}")))
    return embed


def repeat_text(report: Mapping[str, Any], words: Words) -> str:
    """The command that repeats the check, ready to be copied."""
    command = sentences.command(report).strip("`")
    if not command:
        return words("case.repeat_none")
    revision = code(string(section(report.get("suspect")).get("revision")), 60).strip("`")
    return words("case.repeat", command=command, revision=revision, release=this_release())


def _plain(text: str, limit: int) -> str:
    """Text inside a code block: nothing in it may end the block, and nothing would do anything outside of it."""
    plain = harmless(text, limit).replace("\\", "")
    return plain.replace("`", "'").replace("<", "‹").replace("](", "] (")
