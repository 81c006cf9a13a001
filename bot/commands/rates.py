"""blendwatch rates: how often alerts were right, and what nobody has measured."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from bot import build
from bot.commands.common import Data, one_line_errors, out, settings_from
from bot.rates import rates_of, rates_table
from bot.settings import SettingsError


def rates(
    as_json: Annotated[bool, typer.Option("--json", help="print the numbers as JSON")] = False, data: Data = None
) -> None:
    """Say how often alerts were right, by shape and with a bound; count uploads by format; say what is not measured."""
    with one_line_errors():
        settings = settings_from(None, data)
        if not settings.database.exists():
            raise SettingsError(f"there is no database in {settings.data}; it is made by blendwatch watch")
        with build.store(settings) as store:
            facts = rates_of(store, build.blobs(settings))
    if as_json:
        sys.stdout.write(json.dumps(facts, indent=1) + "\n")
    else:
        out.print(rates_table(facts))
