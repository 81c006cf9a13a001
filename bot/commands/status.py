"""blendwatch status: how the watch has been doing."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from bot import build
from bot.commands.common import Data, Registry, one_line_errors, out, settings_from
from bot.settings import SettingsError
from bot.status import status_of, status_table
from state.registry import load


def status(
    as_json: Annotated[bool, typer.Option("--json", help="print the facts as JSON")] = False,
    registry: Registry = None,
    data: Data = None,
) -> None:
    """Say how the watch has been doing: feeds, backlog, outcomes, alerts, known models, disk."""
    with one_line_errors():
        settings = settings_from(registry, data)
        if not settings.database.exists():
            raise SettingsError(f"there is no database in {settings.data}; it is made by blendwatch watch")
        known = load(settings.registry_paths)
        with build.store(settings) as store:
            facts = status_of(settings, store, known, build.utc_now())
    if as_json:
        sys.stdout.write(json.dumps(facts, indent=1) + "\n")
    else:
        out.print(status_table(facts))
