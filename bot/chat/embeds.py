"""Remarks of people on a case and notes of the watch, in a reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import discord

from bot.alerts.compose import QUIET_COLOUR
from bot.alerts.outcome import Line, Outcome, note_line, state_of
from bot.text.sanitize import harmless, width
from bot.text.words import Words
from state.case_records import Case, Remark
from state.records import Note

REASON_LENGTH: Final = 300  # of a moderator's or reviewer's words, where they are shown with others
ANSWER_LENGTH: Final = 1000  # of an author's
STANDING_LENGTH: Final = 1000  # of all that was said since
LONGEST_LINE: Final = 500  # of it
SHOWN_AT_ONCE: Final = ("acknowledge", "dismiss")  # kinds of remarks that no reviewer has to accept


def remark_embed(remark: Remark, words: Words) -> discord.Embed:
    """Return the message that shows what somebody said about a case."""
    title = words(f"note.{remark.kind}")
    return discord.Embed(title=title, description=remark_text(remark, words), colour=QUIET_COLOUR)


def outcome_for(case: Case, remarks: Sequence[Remark], news: Sequence[Note], words: Words) -> Outcome:
    """Return what has become of a case, as the people who made these remarks and the watch's notes say."""
    said = [r for r in remarks if r.kind in SHOWN_AT_ONCE or (r.kind == "answer" and r.state == "accepted")]
    dated: list[tuple[bool, datetime, Line]] = [(False, r.created_at, _remark_line(r, words)) for r in said]
    dated += [
        (n.kind == "retracted", n.noted_at, note_line(f"{n.noted_at:%Y-%m-%d %H:%M}", words(f"news.{n.kind}"), n.text))
        for n in news
    ]
    notes = [(note.kind, note.text) for note in news]
    dismissed = any(remark.kind == "dismiss" for remark in said)
    state = state_of(notes, retracted=case.state == "retracted", dismissed=dismissed)
    return Outcome(state, [line for *_, line in sorted(dated, key=lambda each: each[:2])][::-1])


def in_full(outcome: Outcome) -> str:
    """Return all that has happened, the newest first, as far as it fits a field."""
    text = ""
    for line in outcome.since:
        entry = f"{line(LONGEST_LINE)}\n"
        if width(text) + width(entry) > STANDING_LENGTH:
            break
        text += entry
    return text.strip()


def _remark_line(remark: Remark, words: Words) -> Line:
    at = f"{remark.created_at:%Y-%m-%d %H:%M} "
    return lambda room: at + remark_text(remark, words, room - len(at))


def remark_text(remark: Remark, words: Words, room: int = ANSWER_LENGTH + REASON_LENGTH) -> str:
    """Return one remark in a sentence of about `room` characters, with who said it."""
    who = mention(remark.by_user)
    if remark.kind == "acknowledge":
        return words("standing.acknowledged", who=who)
    answered = remark.kind == "answer"
    key, field, longest = ("answered", "text", ANSWER_LENGTH) if answered else ("dismissed", "reason", REASON_LENGTH)
    left = room - width(words(f"standing.{key}", who=who, **{field: "“”"}))
    text = harmless(remark.text, min(longest, max(left, 1)))
    said = f"“{text}”" if text else "" if answered else words("standing.no_reason")
    return words(f"standing.{key}", who=who, **{field: said})


def mention(user_id: str) -> str:
    """A member's name as Discord draws it; in an embed it pings nobody."""
    return f"<@{user_id}>" if user_id.isdecimal() else harmless(user_id, 40)
