"""What was said and what has happened since a case was told, in a reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import discord

from bot.embeds import QUIET_COLOUR
from bot.text import harmless, section, string, width
from bot.words import Words
from state.case_records import Case, Remark
from state.records import Note

REASON_LENGTH: Final = 300  # of a moderator's or reviewer's words, where they are shown with others
ANSWER_LENGTH: Final = 1000  # of an author's
STANDING_LENGTH: Final = 1000  # of all that was said since
TOLD: Final = ("acknowledge", "dismiss")  # remarks that are shown as soon as they are made
NEWS_LENGTH: Final = 200  # of what has happened, where it stands with others
LONGEST_NEWS: Final = 1500  # where it stands alone


def news_embed(case: Case, note: Note, words: Words) -> discord.Embed:
    """What has happened to a case, as a message of its own."""
    name = harmless(string(section(case.report.get("suspect")).get("repo_id")), 120)
    title = f"{_title(note, words)}: {name}"
    embed = discord.Embed(title=title, description=harmless(note.text, LONGEST_NEWS), colour=QUIET_COLOUR)
    embed.timestamp = note.noted_at
    return embed


def remark_embed(remark: Remark, words: Words) -> discord.Embed:
    """What somebody said about a case, as a message of its own."""
    title = words(f"note.{remark.kind}")
    return discord.Embed(title=title, description=told_by(remark, words), colour=QUIET_COLOUR)


def standing(remarks: Sequence[Remark], news: Sequence[Note], words: Words) -> str:
    """All that was said and has happened, the newest first, as far as it fits."""
    said = [r for r in remarks if r.kind in TOLD or (r.kind == "answer" and r.state == "accepted")]
    dated = [(r.created_at, told_by(r, words)) for r in said]
    dated += [(n.noted_at, f"**{_title(n, words)}:** {harmless(n.text, NEWS_LENGTH)}") for n in news]
    text = ""
    for at, line in sorted(dated, reverse=True):
        told = f"{at:%Y-%m-%d %H:%M} {line}\n"
        if width(text) + width(told) > STANDING_LENGTH:
            break
        text += told
    return text.strip()


def _title(note: Note, words: Words) -> str:
    return words(f"news.{note.kind}")


def told_by(remark: Remark, words: Words) -> str:
    """One remark in a sentence, with who said it."""
    who = mention(remark.by_user)
    if remark.kind == "acknowledge":
        return words("standing.acknowledged", who=who)
    if remark.kind == "answer":
        return words("standing.answered", who=who, text=harmless(remark.text, ANSWER_LENGTH))
    reason = harmless(remark.text, REASON_LENGTH) or words("standing.no_reason")
    return words("standing.dismissed", who=who, reason=reason)


def mention(user_id: str) -> str:
    """A member's name as Discord draws it; in an embed it pings nobody."""
    return f"<@{user_id}>" if user_id.isdecimal() else harmless(user_id, 40)
