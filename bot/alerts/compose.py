"""Lays out each message as an embed within Discord's limits, and as plain lines for a console. Pure.

`bot.alerts.headline` and `bot.alerts.sentences` make the sentences. No Discord library is needed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

from bot.alerts import headline, sentences
from bot.alerts.glossary import linked
from bot.alerts.outcome import Line, Outcome, outcome_of
from bot.alerts.sentences import Report
from bot.config.version import this_release
from bot.text.sanitize import ELLIPSIS, count, entries, harmless, moment, number, section, string, unmarked, width
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
SINCE_LONGEST: Final = 160  # of one line of it
LONGEST_NEWS: Final = 1500
DIGEST_LINES: Final = 25
DIGEST_REST: Final = 80  # left for the line that says how many more there are

# people who confuse red and green see them apart, too
COLOURS: Final[Mapping[str, int]] = {"blend": 0xE69F00, "copy": 0xCC79A7, "derivative": 0x56B4E9}
DECLARED_COLOUR: Final = 0x009E73
QUIET_COLOUR: Final = 0x999999
OPERATOR_COLOUR: Final = 0xF0E442
DIGEST_COLOUR: Final = 0x0072B2
DIGEST_WORDS: Final = (
    "More alerts came within an hour than are sent one by one. Each of these is a case of its own. "
    "Blending and copying are legitimate; what is reported is that the card does not name a parent."
)

UNCONFIRMED: Final = "trial week: not yet confirmed by anybody"
OPEN: Final = Outcome()
Answer = Literal["button", "channel", "console"]  # how its author answers an alert


@dataclass(frozen=True, slots=True)
class Embed:
    """One embed of a message. `fields`: names and values; `at`: the time beside the footer, in UTC."""

    title: str
    description: str
    colour: int
    fields: Sequence[tuple[str, str]] = ()
    footer: str = ""
    url: str | None = None
    at: datetime | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as Discord's JSON has it."""
        parts: dict[str, Any] = {
            "title": self.title,
            "description": self.description,
            "url": self.url,
            "timestamp": self.at.isoformat() if self.at else None,
            "fields": [{"name": name, "value": value, "inline": False} for name, value in self.fields],
            "footer": {"text": self.footer} if self.footer else None,
        }
        return {"type": "rich", "color": self.colour, **{key: part for key, part in parts.items() if part}}


@dataclass(frozen=True, slots=True)
class Cut:
    """How much of an alert is shown. `name`: the longest name; `models`: the most that have a line.

    `control`: how much one model alone explains; `lines`: those for the card; `fair`: what is innocent about it.
    """

    name: int
    models: int
    control: bool
    lines: bool
    fair: bool


# tried in turn until an alert fits
CUTS: Final = tuple(
    Cut(name, models, control, lines, fair)
    for name, models, control in (
        (80, 3, True),
        (80, 3, False),
        (48, 3, False),
        (32, 3, False),
        (20, 2, False),
        (12, 1, False),
    )
    for lines, fair in ((True, True), (False, True), (False, False))
)


def alert(
    report: Report,
    words: Words | None = None,
    outcome: Outcome = OPEN,
    answer: Answer = "console",
    release: str | None = None,
    glossary: str = "",
) -> Embed:
    """Return the alert on one report as its case stands: what anybody understands in five seconds.

    `release`: the version of this program, looked up if not given; `glossary`: the address that terms link to, if any.
    English if no `words` are.
    """
    words, state = words or words_for(DEFAULT), outcome.state
    at = moment(report.get("checked_at"))
    footer = " · ".join([_footer(sentences.case(report), release), *([words("alert.checked")] if at else [])])
    title, text = _fitting(report, words, outcome, answer, ALERT_LIMIT - width(footer) - 1)
    shown = outcome.since[:1] if state == "retracted" else outcome.since  # why, and nothing that accuses
    since = words("alert.since")
    left = ALERT_LIMIT - sum(width(part) + 1 for part in (footer, since)) - _seen(f"{title}\n{text}\n")
    happened = _since(shown, left)
    return Embed(
        title,
        linked(text, glossary),
        _colour(report, state),
        [(since, happened)] if happened else [],
        footer,
        sentences.link(report),
        at,
    )


def _fitting(report: Report, words: Words, outcome: Outcome, answer: Answer, room: int) -> tuple[str, str]:
    """Return title and text of an alert in at most `room` characters, the five answers in the first FIRST_LIMIT."""
    mark = f"**{UNCONFIRMED}**\n" if outcome.unconfirmed else ""
    room -= SINCE_LEAST if outcome.since else 0
    title = text = ""
    for cut in CUTS:
        title = headline.title(report, words, outcome.state, cut.name)
        text = mark + _in_short(report, words, outcome.state, answer, cut)
        answers = _in_short(report, words, outcome.state, answer, replace(cut, fair=False)).partition("\n```")[0]
        if _seen(f"{title}\n{text}") <= room and _seen(f"{title}\n{answers}") <= FIRST_LIMIT:
            break
    return title, text


def _in_short(report: Report, words: Words, state: str, answer: Answer, cut: Cut) -> str:
    lines = headline.mend(report) if state in headline.UNCHANGED and headline.accuses(report) else ""
    mend = f"{words(f'alert.mend.{answer}')}\n```\n{lines}\n```" if cut.lines else words("alert.mend.long")
    fair = headline.fairness(report, words, state) if cut.fair else ""
    parts = [
        headline.first(report, words, state),
        headline.made_of(report, words, state, cut.name, cut.models),
        headline.sure(report, words, state, control=False),
        mend if lines else headline.rest(report, words, state),
        headline.nearest(report, words, state) if cut.control else "",
        fair,
    ]
    return "\n".join(part for part in parts if part)


def _colour(report: Report, state: str) -> int:
    if state == "declared":
        return DECLARED_COLOUR
    accused = report.get("alert") is True and not headline.is_out_of_order(report)
    loud = accused and state in headline.UNCHANGED
    return COLOURS.get(string(report.get("finding")), QUIET_COLOUR) if loud else QUIET_COLOUR


def _since(lines: Sequence[Line], room: int) -> str:
    """Return what has happened in at most `room` characters, the newest first; only its line may be cut."""
    said: list[str] = []
    for line in lines[:SINCE_SHOWN]:
        longest = min(room - _seen("\n".join([*said, ""])), SINCE_LONGEST)
        text = line(longest)
        if _seen(text) > longest or (said and text.rstrip("”").endswith(ELLIPSIS)):
            break
        said.append(text)
    return "\n".join(said)


def _seen(text: str) -> int:
    """Return how many characters a reader sees of it."""
    return width(unmarked(linked(text, "")))


def _footer(case: str, release: str | None) -> str:
    return " · ".join(part for part in (case, f"blendwatch {release or this_release()}") if part)


def operator(news: Mapping[str, Any], release: str | None = None) -> Embed:
    """Return a message to the operator: `news` has a title, a text and, if it lasts, its beginning and end."""
    began, ended = string(news.get("began_at")), string(news.get("ended_at"))
    times = " ".join([f"since {began}" if began else "", f"until {ended}" if ended else ""]).strip()
    return Embed(
        f"Operator: {harmless(string(news.get('title')), TITLE_LIMIT // 2)}{', ended' if ended else ''}",
        harmless(string(news.get("text")), DESCRIPTION_LIMIT // 2),
        QUIET_COLOUR if ended else OPERATOR_COLOUR,
        footer=f"{harmless(times, 200)}{'  ' if times else ''}{_footer('', release)}",
    )


def head(payload: Mapping[str, Any], release: str | None = None, glossary: str = "") -> Embed:
    """Return the message that a follow-up belongs to: the digest that holds its alert, else the alert."""
    if payload.get("digest"):
        return digest(payload, release)
    words = words_for(DEFAULT)
    return alert(section(payload.get("report")), words, outcome_of(payload, words), "channel", release, glossary)


def news(kind: str, repo_id: str, text: str, at: datetime | None, words: Words) -> Embed:
    """Return what has happened to a case as a message of its own."""
    title = words("alert.title", headline=_news(kind, words), name=harmless(repo_id, sentences.NAME_LENGTH))
    return Embed(title, harmless(text, LONGEST_NEWS), QUIET_COLOUR, at=at)


def follow_up(payload: Mapping[str, Any], release: str | None = None) -> Embed:
    """Return what has happened to a case since its alert."""
    said, words = section(payload.get("follow_up")), words_for(DEFAULT)
    kind, repo_id, text = (string(said.get(key)) for key in ("kind", "repo_id", "text"))
    embed = news(kind, repo_id, text, moment(said.get("at")), words)
    return replace(embed, footer=_footer(sentences.case(said), release))


def digest(payload: Mapping[str, Any], release: str | None = None) -> Embed:
    """Return several alerts as one message: a line for each, as many as it holds, and how many more there are."""
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
    title = f"{count(total)} alerts in one message"
    return Embed(title, "\n".join([text, *kept]), DIGEST_COLOUR, footer=_footer("", release))


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


def message(payload: Mapping[str, Any], answer: Answer = "console", glossary: str = "") -> Embed:
    """Return what is to be sent: news for the operator or of a case, several alerts, or one report."""
    if payload.get("operator"):
        return operator(section(payload["operator"]))
    if payload.get("follow_up"):
        return follow_up(payload)
    if payload.get("digest"):
        return digest(payload)
    words = words_for(DEFAULT)
    return alert(payload, words, outcome_of(payload, words), answer, glossary=glossary)


def is_alert(payload: Mapping[str, Any]) -> bool:
    """Tell whether it is one report that is to be sent, and neither news nor a digest."""
    return not any(payload.get(key) for key in ("operator", "follow_up", "digest"))


def embed_text(embed: Mapping[str, Any]) -> str:
    """Return an embed made here, in Discord's JSON, as plain lines without markdown."""
    text = unmarked(string(embed.get("description")))
    lines = [unmarked(string(embed.get("title"))), string(embed.get("url")), text]
    for field in map(section, entries(embed.get("fields"))):
        value = unmarked(string(field.get("value"))).replace("\n", "\n    ")
        lines.append(f"{string(field.get('name'))}:\n    {value}")
    lines.append(string(section(embed.get("footer")).get("text")))
    return "\n".join(line for line in lines if line)
