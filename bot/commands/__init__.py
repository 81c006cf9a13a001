"""The commands, one file each: a function whose signature is the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bot.commands.ask import ask
from bot.commands.check import check
from bot.commands.watch import watch
from bot.commands.why import why

COMMANDS: Final[tuple[Callable[..., None], ...]] = (
    ask,
    check,
    watch,
    why,
)
