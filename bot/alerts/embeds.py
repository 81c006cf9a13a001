"""One report as Discord embeds, the alert and its evidence, and the same words for a console. Pure.

The sentences are made in `bot.alerts.headline` and `bot.alerts.sentences`; here they are laid out within Discord's
limits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import discord

from bot.alerts import headline, sentences
from bot.alerts.glossary import unlinked
from bot.alerts.outcome import Line, Outcome, outcome_of
from bot.alerts.sentences import Report
from bot.config.version import this_release
from bot.text.sanitize import count, entries, harmless, moment, number, section, string, unmarked, width
from bot.text.words import DEFAULT, Words, words_for

# Discord's limits, in characters. The parts' own limits in bot.alerts.sentences keep every embed below all of them.
TITLE_LIMIT: Final = 256
DESCRIPTION_LIMIT: Final = 4096
FIELD_COUNT: Final = 25
FIELD_NAME_LIMIT: Final = 256
FIELD_VALUE_LIMIT: Final = 1024
FOOTER_LIMIT: Final = 2048
TOTAL_LIMIT: Final = 6000
ALERT_LIMIT: Final = 700  # characters that a reader sees of an alert: one screen of a phone
FIRST_LIMIT: Final = 350  # which upload, made of what, what its card says, how sure, what its author can do
SINCE_SHOWN: Final = 4
SINCE_LEAST: Final = 120  # characters left for what has happened since
SINCE_SHORTEST, SINCE_LONGEST = 60, 220  # of one line of it
LONGEST_NEWS: Final = 1500
DIGEST_LINES: Final = 25
DIGEST_REST: Final = 80  # left for the line that says how many more there are

# told apart by people who confuse red and green, too
COLOURS: Final[Mapping[str, int]] = {"blend": 0xE69F00, "copy": 0xCC79A7, "derivative": 0x56B4E9}
DECLARED_COLOUR: Final = 0x009E73
QUIET_COLOUR: Final = 0x999999
OPERATOR_COLOUR: Final = 0xF0E442
DIGEST_COLOUR: Final = 0x0072B2
DIGEST_WORDS: Final = (
    "More alerts came within an hour than are told one by one. Each of these is a case of its own. "
    "Blending and copying are legitimate; what is reported is that the card does not name a parent."
)

UNCONFIRMED: Final = "trial week: not yet confirmed by anybody"
OPEN: Final = Outcome()
Answer = Literal["button", "channel", "console"]  # how its author answers an alert


@dataclass(frozen=True, slots=True)
class Cut:
    """How much of an alert is shown. `name`: the longest name; the others: whether it has the lines for the card, what
    is innocent about it, and how much one model alone explains."""

    name: int
    lines: bool
    fair: bool
    control: bool


# tried in turn until an alert fits
CUTS: Final = (
    Cut(80, lines=True, fair=True, control=True),
    Cut(80, lines=True, fair=True, control=False),
    Cut(80, lines=False, fair=True, control=False),
    Cut(48, lines=False, fair=True, control=False),
    Cut(32, lines=False, fair=False, control=False),
    Cut(12, lines=False, fair=False, control=False),
)


def alert_embed(
    report: Report,
    words: Words | None = None,
    outcome: Outcome = OPEN,
    answer: Answer = "console",
    release: str | None = None,
) -> discord.Embed:
    """Return the alert on one report as its case stands: what anybody understands in five seconds.

    `release`: the version of this program, looked up if not given. English if no `words` are.
    """
    words, state = words or words_for(DEFAULT), outcome.state
    parts = (sentences.case(report), f"blendwatch {release or this_release()}")
    footer = " · ".join(part for part in parts if part)
    mark = f"**{UNCONFIRMED}**\n" if outcome.unconfirmed else ""
    room = ALERT_LIMIT - width(footer) - (SINCE_LEAST if outcome.since else 0)
    title = text = ""
    for cut in CUTS:
        title = headline.title(report, words, state, cut.name)
        text = mark + _in_short(report, words, state, answer, cut)
        questions = _seen(f"{title}\n{text}".partition("\n```")[0])
        if _seen(f"{title}\n{text}") <= room and (questions <= FIRST_LIMIT or not cut.control):
            break
    embed = discord.Embed(
        title=title,
        url=sentences.link(report),
        description=unlinked(text),
        colour=_colour(report, state),
        timestamp=moment(report.get("checked_at")),
    ).set_footer(text=footer)
    told = outcome.since[:1] if state == "retracted" else outcome.since  # why, and nothing that accuses
    left = ALERT_LIMIT - sum(width(part) + 1 for part in (footer, words("alert.since"))) - _seen(f"{title}\n{text}\n")
    since = _since(told, left)
    return embed.add_field(name=words("alert.since"), value=since, inline=False) if since else embed


def _in_short(report: Report, words: Words, state: str, answer: Answer, cut: Cut) -> str:
    lines = headline.mend(report) if state in headline.UNCHANGED and headline.is_told(report) else ""
    mend = f"{words(f'alert.mend.{answer}')}\n```\n{lines}\n```" if cut.lines else words("alert.mend.long")
    parts = [
        headline.first(report, words, state),
        headline.made_of(report, words, state, cut.name),
        headline.sure(report, words, state, control=cut.control),
        "\n".join([*([mend] if lines else []), *([headline.fairness(report, words, state)] if cut.fair else [])]),
    ]
    return "\n".join(part for part in parts if part)


def _colour(report: Report, state: str) -> int:
    if state == "declared":
        return DECLARED_COLOUR
    loud = report.get("alert") is True and state in headline.UNCHANGED
    return COLOURS.get(string(report.get("finding")), QUIET_COLOUR) if loud else QUIET_COLOUR


def _since(lines: Sequence[Line], room: int) -> str:
    """Return what has happened, the newest first, in about `room` characters: each line has as many as the others."""
    shown = lines[: max(min(SINCE_SHOWN, room // SINCE_SHORTEST), 1)]
    return "\n".join(line(min(room // len(shown) - 1, SINCE_LONGEST)) for line in shown)


def _seen(text: str) -> int:
    """Return how many characters a reader sees of it."""
    return width(unmarked(unlinked(text)))


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


def head_embed(payload: Mapping[str, Any], release: str | None = None) -> discord.Embed:
    """The embed of the message that a follow-up belongs to: a digest where that told its alert, else the alert."""
    if payload.get("digest"):
        return digest_embed(payload, release)
    words = words_for(DEFAULT)
    return alert_embed(section(payload.get("report")), words, outcome_of(payload, words), "channel", release)


def news_embed(kind: str, repo_id: str, text: str, at: datetime | None, words: Words) -> discord.Embed:
    """Return what has happened to a case as a message of its own."""
    title = words("alert.title", headline=_news(kind, words), name=harmless(repo_id, sentences.NAME_LENGTH))
    return discord.Embed(title=title, description=harmless(text, LONGEST_NEWS), colour=QUIET_COLOUR, timestamp=at)


def follow_up_embed(payload: Mapping[str, Any], release: str | None = None) -> discord.Embed:
    """The embed of what has happened to a case since its alert."""
    news, words = section(payload.get("follow_up")), words_for(DEFAULT)
    kind, repo_id, text = (string(news.get(key)) for key in ("kind", "repo_id", "text"))
    parts = (sentences.case(news), f"blendwatch {release or this_release()}")
    embed = news_embed(kind, repo_id, text, moment(news.get("at")), words)
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
    words = words_for(DEFAULT)
    outcome, which = outcome_of(report, words), sentences.case(report)
    what = headline.title({"alert": True, **report}, words, outcome.state, sentences.NAME_LENGTH)
    address = (sentences.link(report) or "").partition("/tree/")[0]
    kinds = [string(section(note).get("kind")) for note in entries(report.get("since"))[-1:]]
    since = "" if outcome.state == "retracted" else "".join(_news(kind, words) for kind in kinds)
    mark = UNCONFIRMED if outcome.unconfirmed else ""
    parts = [f"[{what}]({address})" if address else what, f"`{which}`" if which else "", mark, since]
    return " · ".join(part for part in parts if part)


def _news(kind: str, words: Words) -> str:
    return words.get(f"news.{kind}") or harmless(kind, 80)


def embed_of(payload: Mapping[str, Any], answer: Answer = "console") -> discord.Embed:
    """The embed of whatever is to be sent: news for the operator or of a case, several alerts, or one report."""
    if payload.get("operator"):
        return operator_embed(section(payload["operator"]))
    if payload.get("follow_up"):
        return follow_up_embed(payload)
    if payload.get("digest"):
        return digest_embed(payload)
    words = words_for(DEFAULT)
    return alert_embed(payload, words, outcome_of(payload, words), answer)


def is_alert(payload: Mapping[str, Any]) -> bool:
    """Tell whether it is one report that is to be sent, and neither news nor a digest."""
    return not any(payload.get(key) for key in ("operator", "follow_up", "digest"))


def fitted(embed: discord.Embed, limit: int = TOTAL_LIMIT) -> discord.Embed:
    """The embed without as many of its last fields as it is too long."""
    while embed_width(embed) > limit and embed.fields:
        embed.remove_field(len(embed.fields) - 1)
    return embed


def embed_width(embed: discord.Embed) -> int:
    """Its length as Discord's limit for the whole counts it, or more."""
    parts = [embed.title, embed.description, embed.footer.text, *(t for f in embed.fields for t in (f.name, f.value))]
    return sum(width(part or "") for part in parts)


def embed_text(embed: Mapping[str, Any]) -> str:
    """An embed made here, as Discord holds it, as plain lines without markdown."""
    text = unmarked(string(embed.get("description")))
    lines = [unmarked(string(embed.get("title"))), string(embed.get("url")), text]
    for field in map(section, entries(embed.get("fields"))):
        value = unmarked(string(field.get("value"))).replace("\n", "\n    ")
        lines.append(f"{string(field.get('name'))}:\n    {value}")
    lines.append(string(section(embed.get("footer")).get("text")))
    return "\n".join(line for line in lines if line)
