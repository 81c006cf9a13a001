"""One report as one Discord embed, and the same words for a console. Pure: a report in, a picture of it out.

The words of each part are made in `bot.sentences`; here they are laid out within Discord's limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import discord

from bot import sentences
from bot.release import this_release
from bot.sentences import Report
from bot.text import entries, joined, moment, section, string, unmarked, width
from bot.words import DEFAULT, Words, words_for

# Discord's limits, in characters. The parts' own limits in bot.sentences keep every embed below all of them.
TITLE_LIMIT: Final = 256
DESCRIPTION_LIMIT: Final = 4096
FIELD_COUNT: Final = 25
FIELD_NAME_LIMIT: Final = 256
FIELD_VALUE_LIMIT: Final = 1024
FOOTER_LIMIT: Final = 2048
TOTAL_LIMIT: Final = 6000

# told apart by people who confuse red and green, too
COLOURS: Final[Mapping[str, int]] = {"blend": 0xE69F00, "copy": 0xCC79A7, "derivative": 0x56B4E9}
QUIET_COLOUR: Final = 0x999999


def alert_embed(report: Report, release: str | None = None, words: Words | None = None) -> discord.Embed:
    """The embed for one report; `release` is the version of this program, looked up if not given; English if no
    `words` are."""
    loud, words = report.get("alert") is True, words or words_for(DEFAULT)
    paragraphs = [words("alert.measured", mix=sentences.mix(report, words)), sentences.why(report)]
    embed = discord.Embed(
        title=sentences.title(report, words),
        url=sentences.link(report),
        description=joined([text for text in paragraphs if text], DESCRIPTION_LIMIT, "\n\n"),
        colour=COLOURS.get(string(report.get("finding")), QUIET_COLOUR) if loud else QUIET_COLOUR,
        timestamp=moment(report.get("checked_at")),
    )
    for name, value in _fields(report, words):
        if value:
            embed.add_field(name=words(f"alert.field.{name}"), value=value, inline=False)
    parts = (sentences.case(report), f"blendwatch {release or this_release()}")
    return embed.set_footer(text=" · ".join(part for part in parts if part))


def fitted(embed: discord.Embed) -> discord.Embed:
    """The embed without as many of its last fields but one as it is too long; the last one is what was added to it."""
    while embed_width(embed) > TOTAL_LIMIT and len(embed.fields) > 1:
        embed.remove_field(len(embed.fields) - 2)
    return embed


def embed_width(embed: discord.Embed) -> int:
    """Its length as Discord's limit for the whole counts it, or more."""
    parts = [embed.title, embed.description, embed.footer.text, *(t for f in embed.fields for t in (f.name, f.value))]
    return sum(width(part or "") for part in parts)


def plain(report: Report) -> str:
    """The same alert as text for a console: several lines, safe to print."""
    return embed_text(alert_embed(report).to_dict())


def embed_text(embed: Mapping[str, Any]) -> str:
    """An embed made here, as Discord holds it, as plain lines without markdown."""
    lines = [unmarked(string(embed.get("title"))), string(embed.get("url")), unmarked(string(embed.get("description")))]
    for field in map(section, entries(embed.get("fields"))):
        value = unmarked(string(field.get("value"))).replace("\n", "\n    ")
        lines.append(f"{string(field.get('name'))}:\n    {value}")
    lines.append(string(section(embed.get("footer")).get("text")))
    return "\n".join(line for line in lines if line)


def _fields(report: Report, words: Words) -> list[tuple[str, str]]:
    return [
        ("declared", sentences.declared(report, words)),
        ("not_declared", sentences.not_declared(report, words)),
        ("contradicted", sentences.contradicted(report)),
        ("coefficients", sentences.coefficients(report, words)),
        ("sure", sentences.sure(report, words)),
        ("trained", sentences.trained(report, words)),
        ("upload", sentences.upload(report, words)),
        ("cost", sentences.cost(report, words)),
        ("repeat", sentences.command(report)),
        ("fairness", sentences.fairness(report, words)),
    ]
