"""The bot's commands, a few to a file. Each file has `add`, which puts its commands on a tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from discord import app_commands

from bot.chat.commands import about, checks, lookup, subscribe
from bot.chat.context import Desk

ADD: Final[tuple[Callable[[app_commands.CommandTree[Any], Desk], None], ...]] = (
    subscribe.add,
    checks.add,
    lookup.add,
    about.add,
)
