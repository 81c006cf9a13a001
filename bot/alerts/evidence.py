"""Everything that a report holds beyond its alert, as an embed and as plain text. Pure."""

from __future__ import annotations

from typing import Final

from bot.alerts import headline, sentences
from bot.alerts.compose import QUIET_COLOUR, Embed, embed_text, is_alert, message
from bot.alerts.glossary import terms_in
from bot.alerts.sentences import Report
from bot.text.sanitize import decimal, harmless, joined, number, section, string, unmarked
from bot.text.words import DEFAULT, Words, words_for

ROWS: Final = 25  # of the table of what was measured
COLUMN, CELL = 24, 60  # characters of a name and of a value in it
TERMS_LENGTH: Final = 1000  # of the sentences on terms
MEND_LENGTH: Final = 800  # of the lines for the card


def evidence(report: Report, words: Words, since: str = "") -> Embed:
    """Return everything else that a report holds: what was measured, said and read, and how anyone repeats it."""
    rows = [_row(str(name), value) for name, value in list(section(report.get("measured")).items())[:ROWS]]
    table = "```\n" + "\n".join(rows) + "\n```" if rows else words("evidence.none")
    name = harmless(string(sentences.suspect_of(report).get("repo_id")), sentences.NAME_LENGTH)
    seed = section(section(report.get("looks")).get("second")).get("seed")  # of 63 bits, which no float holds
    known = isinstance(seed, int) and number(seed) is not None
    return Embed(
        words("alert.title", headline=words("evidence.title"), name=name or words("alert.unnamed")),
        f"{sentences.why(report)}\n{table}".strip(),
        QUIET_COLOUR,
        [(words(f"evidence.field.{key}"), value) for key, value in _fields(report, words, since) if value],
        unmarked(words("evidence.sources", seed=seed)) if known else "",
    )


def _row(name: str, value: object) -> str:
    amount = number(value)
    shown = string(value) if amount is None else f"{amount:,.0f}" if amount == int(amount) else decimal(amount, 4)
    return f"{_inside(name, COLUMN):<{COLUMN}} {_inside(shown, CELL)}".rstrip()


def _inside(text: str, limit: int) -> str:
    """Return text for a code block: nothing in it may end the block, and nothing would do anything outside of it."""
    plain = harmless(text, limit).replace("\\", "")
    return plain.replace("`", "'").replace("<", "‹").replace("](", "] (")


def evidence_text(report: Report, words: Words) -> str:
    """Return the evidence as plain lines: a file for where nobody can be asked for it."""
    return embed_text(evidence(report, words).to_dict())


def plain(report: Report) -> str:
    """Return a message as lines for a console that are safe to print, an alert with its evidence."""
    shown = embed_text(message(report).to_dict())
    return f"{shown}\n\n{evidence_text(report, words_for(DEFAULT))}" if is_alert(report) else shown


def _fields(report: Report, words: Words, since: str) -> list[tuple[str, str]]:
    lines = headline.mend(report)
    mend = "\n".join([words("evidence.mend"), "```", lines, "```"]) if 0 < len(lines) < MEND_LENGTH else ""
    return [
        ("since", since),
        ("measured", sentences.mix(report, words)),
        ("declared", sentences.declared(report, words)),
        ("not_declared", sentences.not_declared(report, words)),
        ("named", sentences.named(report, words)),
        ("denied", sentences.denied(report, words)),
        ("contradicted", sentences.contradicted(report)),
        ("mend", mend),
        ("repeat", sentences.command(report)),
        ("sure", sentences.sure(report, words)),
        ("coefficients", sentences.coefficients(report, words)),
        ("trained", sentences.trained(report, words)),
        ("left_behind", sentences.left_behind(report)),
        ("upload", sentences.upload(report, words)),
        ("cost", sentences.cost(report, words)),
        ("terms", _terms(report, words)),
    ]


def _terms(report: Report, words: Words) -> str:
    """Return a sentence on each term that the alert uses."""
    said = [headline.first(report, words, ""), headline.sure(report, words, "", control=False)]
    mend = words("alert.mend.console") if headline.mend(report) else ""
    return joined([words(f"term.{term}") for term in terms_in("\n".join([*said, mend]))], TERMS_LENGTH)
