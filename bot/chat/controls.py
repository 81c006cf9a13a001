"""The buttons under messages. Each carries in its id what it is about, so it works after any number of restarts."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import discord

from bot.text.words import Words

TEMPLATE: Final = r"bw:(?P<action>[a-z]{1,20}):(?P<about>[0-9a-f]{1,64})"
STYLES: Final[Mapping[str, discord.ButtonStyle]] = {
    "publish": discord.ButtonStyle.success,
    "right": discord.ButtonStyle.success,
    "accept": discord.ButtonStyle.success,
    "reject": discord.ButtonStyle.danger,
    "wrong": discord.ButtonStyle.danger,
    "refuse": discord.ButtonStyle.danger,
    "retract": discord.ButtonStyle.danger,
    "evidence": discord.ButtonStyle.primary,
}

Press = Callable[[discord.Interaction[Any], str, str], Awaitable[None]]


class CaseButton(discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]], template=TEMPLATE):
    """A button for one action on one case or answer; who presses it is answered by the client's `press`."""

    def __init__(self, action: str, about: str, label: str, row: int | None = None) -> None:
        style = STYLES.get(action, discord.ButtonStyle.secondary)
        custom_id = f"bw:{action}:{about}"
        super().__init__(discord.ui.Button(label=label[:80], style=style, custom_id=custom_id, row=row))
        self.action, self.about = action, about

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> CaseButton:
        """The button that was pressed, from its id alone."""
        del interaction
        return cls(match["action"], match["about"], getattr(item, "label", None) or match["action"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Hand the press on."""
        press: Press = interaction.client.press
        await press(interaction, self.action, self.about)


def buttons(words: Words, about: str, rows: Sequence[Sequence[str]]) -> discord.ui.View:
    """A view with one button for each action, row by row."""
    view = discord.ui.View(timeout=None)
    for number, actions in enumerate(rows):
        for action in actions:
            view.add_item(CaseButton(action, about, words(f"button.{action}"), number))
    return view
