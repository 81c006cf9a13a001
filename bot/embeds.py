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
from bot.text import count, entries, harmless, joined, moment, number, section, string, unmarked, width
from bot.words import DEFAULT, Words, words_for

# Discord's limits, in characters. The parts' own limits in bot.sentences keep every embed below all of them.
TITLE_LIMIT: Final = 256
DESCRIPTION_LIMIT: Final = 4096
FIELD_COUNT: Final = 25
FIELD_NAME_LIMIT: Final = 256
FIELD_VALUE_LIMIT: Final = 1024
FOOTER_LIMIT: Final = 2048
TOTAL_LIMIT: Final = 6000
SINCE_SHOWN: Final = 4
SINCE_LIMIT: Final = 900
DIGEST_LINES: Final = 25
DIGEST_REST: Final = 80  # left for the line that says how many more there are

# told apart by people who confuse red and green, too
COLOURS: Final[Mapping[str, int]] = {"blend": 0xE69F00, "copy": 0xCC79A7, "derivative": 0x56B4E9}
QUIET_COLOUR: Final = 0x999999
OPERATOR_COLOUR: Final = 0xF0E442
DIGEST_COLOUR: Final = 0x0072B2
DIGEST_WORDS: Final = (
    "More alerts came within an hour than are told one by one. Each of these is a case of its own. "
    "Blending and copying are legitimate; what is reported is that the card does not name a parent."
)

UNCONFIRMED: Final = "trial week: not yet confirmed by anybody"


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


def operator_embed(news: Mapping[str, Any], release: str | None = None) -> discord.Embed:
    """The embed of what an operator has to know: `news` has a title, a text and, if it lasts, its beginning and end."""
    began, ended = string(news.get("began_at")), string(news.get("ended_at"))
    times = " ".join([f"since {began}" if began else "", f"until {ended}" if ended else ""]).strip()
    embed = discord.Embed(
        title=f"Operator: {harmless(string(news.get('title')), TITLE_LIMIT // 2)}{', ended' if ended else ''}",
        description=harmless(string(news.get("text")), DESCRIPTION_LIMIT // 2),
        colour=QUIET_COLOUR if ended else OPERATOR_COLOUR,
    )
    return embed.set_footer(text=f"{harmless(times, 200)}{'  ' if times else ''}blendwatch {release or this_release()}")


def told_embed(
    report: Report, since: object = None, release: str | None = None, *, retracted: bool = False
) -> discord.Embed:
    """The embed of an alert in its present state: with what has happened since, and quiet if it was taken back."""
    embed = alert_embed(report, release)
    told = joined([_since(section(note)) for note in entries(since)][-SINCE_SHOWN:], SINCE_LIMIT, "\n")
    if told:
        embed.insert_field_at(0, name="Since then", value=told, inline=False)
    if report.get("unconfirmed") is True:
        embed.description = f"**{UNCONFIRMED}**\n\n{embed.description}"
    return taken_back(embed) if retracted else embed


def taken_back(embed: discord.Embed, word: str = "Retracted") -> discord.Embed:
    """The embed of an alert, now saying first of all that it was retracted."""
    embed.title = f"{word}: {embed.title}"[:TITLE_LIMIT]
    embed.colour = discord.Colour(QUIET_COLOUR)
    return embed


def head_embed(payload: Mapping[str, Any], release: str | None = None) -> discord.Embed:
    """The embed of the message that a follow-up belongs to: a digest where that told its alert, else the alert."""
    if payload.get("digest"):
        return digest_embed(payload, release)
    retracted = payload.get("retracted") is True
    report = {**section(payload.get("report")), "unconfirmed": payload.get("unconfirmed")}
    return told_embed(report, payload.get("since"), release, retracted=retracted)


def follow_up_embed(payload: Mapping[str, Any], release: str | None = None) -> discord.Embed:
    """The embed of what has happened to a case since it was told."""
    news = section(payload.get("follow_up"))
    embed = discord.Embed(
        title=f"{harmless(string(news.get('title')), 100)}: {harmless(string(news.get('repo_id')), 120)}",
        description=harmless(string(news.get("text")), DESCRIPTION_LIMIT // 2),
        colour=QUIET_COLOUR,
        timestamp=moment(news.get("at")),
    )
    parts = (sentences.case(news), f"blendwatch {release or this_release()}")
    return embed.set_footer(text=" · ".join(part for part in parts if part))


def digest_embed(payload: Mapping[str, Any], release: str | None = None) -> discord.Embed:
    """The embed of several alerts in one message: a line for each, as many as it holds, and how many more there are."""
    lines = [_digest_line(section(report)) for report in entries(payload.get("digest"))[:DIGEST_LINES]]
    total = len(entries(payload.get("digest"))) + max(int(number(payload.get("more")) or 0), 0)
    text = f"{DIGEST_WORDS}\n"
    kept: list[str] = []
    for line in lines:
        if width("\n".join([text, *kept, line])) > DESCRIPTION_LIMIT - DIGEST_REST:
            break
        kept.append(line)
    if total > len(kept):
        kept.append(f"… and {count(total - len(kept))} more: `blendwatch case list`")
    embed = discord.Embed(
        title=f"{count(total)} alerts in one message", description="\n".join([text, *kept]), colour=DIGEST_COLOUR
    )
    return embed.set_footer(text=f"blendwatch {release or this_release()}")


def _digest_line(report: Report) -> str:
    what, address = sentences.title(report, words_for(DEFAULT)), (sentences.link(report) or "").partition("/tree/")[0]
    which, taken = sentences.case(report), report.get("retracted") is True
    since = "" if taken else "".join(_news(section(note)) for note in entries(report.get("since"))[-1:])
    mark = UNCONFIRMED if report.get("unconfirmed") is True else ""
    parts = [f"[{what}]({address})" if address else what, f"`{which}`" if which else "", mark, since]
    return ("Retracted: " if taken else "") + " · ".join(part for part in parts if part)


def _news(note: Mapping[str, Any]) -> str:
    return harmless(string(note.get("title")), 80)


def _since(note: Mapping[str, Any]) -> str:
    at = string(note.get("at"))[:16].replace("T", " ")
    return f"{harmless(at, 20)} {_news(note)}: {harmless(string(note.get('text')), 200)}"


def embed_of(payload: Mapping[str, Any]) -> discord.Embed:
    """The embed of whatever is to be sent: news for the operator or of a case, several alerts, or one report."""
    if payload.get("operator"):
        return operator_embed(section(payload["operator"]))
    if payload.get("follow_up"):
        return follow_up_embed(payload)
    if payload.get("digest"):
        return digest_embed(payload)
    return told_embed(payload, payload.get("since"), retracted=payload.get("retracted") is True)


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
    """The same message as text for a console: several lines, safe to print."""
    return embed_text(embed_of(report).to_dict())


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
        ("named", sentences.named(report, words)),
        ("denied", sentences.denied(report, words)),
        ("contradicted", sentences.contradicted(report)),
        ("coefficients", sentences.coefficients(report, words)),
        ("sure", sentences.sure(report, words)),
        ("trained", sentences.trained(report, words)),
        ("left_behind", sentences.left_behind(report)),
        ("upload", sentences.upload(report, words)),
        ("cost", sentences.cost(report, words)),
        ("repeat", sentences.command(report)),
        ("fairness", sentences.fairness(report, words)),
    ]
