"""The neutral text that asks an upload's author before anybody is alerted, for a discussion on the Hub. Pure.

It is English and plain Markdown. Nothing in it is a stranger's text but names that the Hub could have given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bot.alerts import headline, sentences
from bot.alerts.glossary import linked
from bot.alerts.sentences import Report
from bot.text.sanitize import decimal, number, string, unmarked
from bot.text.words import DEFAULT, words_for

LONGEST: Final = 3000  # characters: with an alert and its evidence it stays below Discord's limit of a message
TITLE: Final = "The card's base_model (Blendwatch case {case})"
TEXT: Final = """\
Hello. Blendwatch compares sampled weights of new uploads with known models. A person saw this and asks you first.

**Measured** in `{upload}` at revision `{revision}`: {first} {sure}

{parents}

{fairness}

**If this is right,** these lines in the front matter of `README.md` declare it:

{lines}

**If it is wrong,** please say so here. Then nothing is published before a person has read your answer.

Anyone can repeat the check: {command}

Readers of Blendwatch are alerted {hours:g} hours after this message, unless the card declares the models by then."""

RETRACTED: Final = "Blendwatch has taken case {case} back. Nothing in it is held against this repository."
DECLARED: Final = (
    "Thank you. The card now declares every model found in case {case}. Nothing is held against this repository."
)


def title(case_id: str) -> str:
    """Return the title of a case's discussion, which no other case has."""
    return TITLE.format(case=case_id)


def text(report: Report, hours: float) -> str:
    """Return the text of the discussion; "" where the report holds nothing that a card could declare.

    `hours`: from the message to the alert.
    """
    lines, words = headline.mend(report), words_for(DEFAULT)
    suspect, command = sentences.suspect_of(report), sentences.command(report)
    if not lines or not command:
        return ""
    said = [headline.first(report, words, ""), headline.sure(report, words, "", control=True)]
    first, sure = (unmarked(linked(each, "")) for each in said)
    filled = TEXT.format(
        upload=string(suspect.get("repo_id")),
        revision=string(suspect.get("revision"))[:12],
        first=first,
        sure=sure,
        parents="\n".join(map(_parent, sentences.parents_of(report))),
        fairness=headline.fairness(report, words, ""),
        lines="\n".join(f"    {line}" for line in lines.splitlines()),
        command=command,
        hours=hours,
    )
    return filled if len(filled) <= LONGEST else ""


def closing(case_id: str, *, retracted: bool) -> str:
    """Return the last comment on a case's discussion: the case was taken back, or the card declares every model."""
    return (RETRACTED if retracted else DECLARED).format(case=case_id)


def _parent(parent: Mapping[str, Any]) -> str:
    share, declared = number(parent.get("coefficient")), parent.get("declared") is True
    part = "" if share is None else f" ({decimal(share)} of it)"
    return f"- `{string(parent.get('repo_id'))}`{part}: {'declared' if declared else 'not declared'}"
