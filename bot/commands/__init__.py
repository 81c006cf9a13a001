"""The commands, one file each: a function whose signature is the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import typer

from bot.commands import alerts, case, registry
from bot.commands.ask import ask
from bot.commands.backup import backup
from bot.commands.card import card
from bot.commands.check import check
from bot.commands.compare import compare
from bot.commands.doctor import doctor
from bot.commands.health import health
from bot.commands.notify import notify
from bot.commands.prune import prune
from bot.commands.rates import rates
from bot.commands.restore import restore
from bot.commands.status import status
from bot.commands.watch import watch
from bot.commands.why import why

COMMANDS: Final[tuple[Callable[..., None], ...]] = (
    ask,
    card,
    check,
    compare,
    doctor,
    health,
    notify,
    rates,
    status,
    watch,
    why,
    backup,
    restore,
    prune,
)

GROUPS: Final[Mapping[str, typer.Typer]] = {
    "alerts": alerts.app,
    "case": case.app,
    "registry": registry.app,
}
