"""The forms that some buttons open. A form's id says what it is about, so one open during a restart still counts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import discord

from bot.chat.embeds import ANSWER_LENGTH, REASON_LENGTH
from bot.text.sanitize import entries, section, string
from bot.text.words import Words

_ID: Final = re.compile(r"bwform:(?P<action>[a-z]{1,20}):(?P<about>[0-9a-f]{1,64})")


@dataclass(frozen=True, slots=True)
class Field:
    """One line or box of a form."""

    name: str
    label: str
    length: int
    long: bool = False
    required: bool = True
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Filled:
    """A form as it came back."""

    action: str
    about: str
    texts: Mapping[str, str]


def form(words: Words, action: str, about: str) -> discord.ui.Modal:
    """The form for an action."""
    fields = {
        "dismiss": [Field("reason", words("form.reason"), REASON_LENGTH, long=True)],
        "reject": [Field("reason", words("form.reason"), REASON_LENGTH, long=True)],
        "retract": [Field("reason", words("form.reason"), REASON_LENGTH, long=True)],
        "right": [Field("reason", words("form.reason"), REASON_LENGTH, long=True, required=False)],
        "wrong": [Field("reason", words("form.reason"), REASON_LENGTH, long=True)],
        "mute": [
            Field("until", words("form.until"), 10),
            Field("reason", words("form.reason"), REASON_LENGTH, long=True, required=False),
        ],
        "answer": [
            Field("text", words("form.answer_text"), ANSWER_LENGTH, long=True, hint=words("form.answer_hint")),
        ],
    }[action]
    modal = discord.ui.Modal(title=words(f"form.{action}")[:45], custom_id=f"bwform:{action}:{about}")
    for field in fields:
        style = discord.TextStyle.paragraph if field.long else discord.TextStyle.short
        box: discord.ui.TextInput[discord.ui.Modal] = discord.ui.TextInput(
            custom_id=field.name, style=style, max_length=field.length, required=field.required
        )
        modal.add_item(discord.ui.Label(text=field.label[:45], description=field.hint[:100] or None, component=box))
    return modal


def filled(interaction: discord.Interaction[Any]) -> Filled | None:
    """Return what a member filled in; None if it is not a form of ours."""
    data = section(interaction.data)
    match = _ID.fullmatch(string(data.get("custom_id")))
    if match is None:
        return None
    boxes = [section(section(row).get("component")) for row in entries(data.get("components"))]
    texts = {string(box.get("custom_id")): string(box.get("value")).strip() for box in boxes}
    return Filled(match["action"], match["about"], texts)
