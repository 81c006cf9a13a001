"""The commands, one file each: a function whose signature is the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import typer

from bot.cli import alerts, case, registry
from bot.cli.ask import ask
from bot.cli.backup import backup
from bot.cli.card import card
from bot.cli.check import check
from bot.cli.compare import compare
from bot.cli.doctor import doctor
from bot.cli.health import health
from bot.cli.notify import notify
from bot.cli.prune import prune
from bot.cli.rates import rates
from bot.cli.restore import restore
from bot.cli.status import status
from bot.cli.watch import watch
from bot.cli.why import why

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
