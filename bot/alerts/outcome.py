"""The state of a case since its alert, which the alert's title, colour and first sentence follow. Pure.

Notes of the watch and remarks of people come together here; a webhook, the bot and a digest show the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.text.sanitize import entries, harmless, section, string, width
from bot.text.words import Words
from state.records import NOTE_KINDS

# the first of these that holds is what an alert says; what is best for the author comes first
STATES: Final = ("retracted", "declared", "dismissed", "corrected", "taken", "gone", "emptied", "weights", "withdrawn")
HOLDS_AGAIN: Final = "what was told at first holds again"  # how a correction begins that takes back an earlier one
TITLE_LENGTH: Final = 80
# notes on asking a case's author that subscribers are not shown: they see that and where he was asked, and the card
FOR_REVIEWERS: Final = ("notice_asked", "notice_failed", "notice_answered", "notice_over", "notice_closed")
RECORDED: Final = ("notice_closed",)  # notes that no message shows: blendwatch case show does
_COMMIT: Final = re.compile(r" ?\bsince revision [0-9a-f]{6,64}\b")  # how a note names a commit
_CLAUSE: Final = re.compile(r"[.;] ")  # how a clause of a note ends

Line = Callable[[int], str]  # what happened, harmless, in at most about so many characters


@dataclass(frozen=True, slots=True)
class Outcome:
    """The state of a case, "" while it stands as it was found, and what has happened since.

    A retraction comes first, then the newest.
    """

    state: str = ""
    since: Sequence[Line] = ()
    unconfirmed: bool = False  # its trial has not ended, and nobody has judged it


def state_of(notes: Sequence[tuple[str, str]], *, retracted: bool = False, dismissed: bool = False) -> str:
    """Return the state that notes (kind, text), the oldest first, and people have brought a case into."""
    last: dict[object, str] = {}
    for kind, text in notes:
        thing = next((kinds for kinds in NOTE_KINDS if kind in kinds), kind)
        if kind != "card":  # a card that changes and declares nothing more leaves the state as it was
            last[thing] = "" if text.startswith(HOLDS_AGAIN) else kind
    reached = {*last.values(), *(["retracted"] if retracted else []), *(["dismissed"] if dismissed else [])}
    return next((state for state in STATES if state in reached), "")


def note_line(at: str, title: str, text: str) -> Line:
    """Return what a note says, with the time of day that it was made at."""
    head = f"{harmless(at[:16].replace('T', ' '), 20)} **{harmless(title, TITLE_LENGTH)}:** "
    return lambda room: head + _shortened(text, max(room - width(head), 1))


def _shortened(text: str, room: int) -> str:
    """Return a note in at most `room` characters: commits' codes go first, then its last clauses, then words."""
    if width(harmless(text, len(text) * 10)) > room:
        text = _COMMIT.sub("", text).strip()
        ends = [found.start() for found in _CLAUSE.finditer(text)]
        while ends and width(harmless(text, len(text) * 10)) > room:
            text = text[: ends.pop()]
    return harmless(text, room)


def outcome_of(payload: Mapping[str, Any], words: Words) -> Outcome:
    """Return the outcome that a message's payload holds: `since` its notes, `retracted`, `unconfirmed`."""
    notes = [section(note) for note in entries(payload.get("since"))]
    kinds = [(string(note.get("kind")), string(note.get("text"))) for note in notes]
    lines = [
        note_line(string(note.get("at")), words.get(f"news.{kind}") or kind, text)
        for note, (kind, text) in sorted(zip(notes, kinds, strict=True), key=lambda each: each[1][0] == "retracted")
    ]
    state = state_of(kinds, retracted=payload.get("retracted") is True)
    return Outcome(state, lines[::-1], payload.get("unconfirmed") is True)
