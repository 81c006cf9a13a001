"""blendwatch rates: how often alerts were right, and what nobody has measured."""

from __future__ import annotations

from bot import build
from bot.cli.alert_rates import rates_of, rates_table
from bot.cli.common import AsJson, Data, display, one_line_errors, print_json, settings_with_database


def rates(as_json: AsJson = False, data: Data = None) -> None:
    """Say how often alerts were right, by shape and with a bound; count uploads by format; say what is not measured."""
    with one_line_errors():
        settings = settings_with_database(None, data)
        with build.store(settings) as store:
            facts = rates_of(store, build.blobs(settings))
    if as_json:
        print_json(facts)
    else:
        display(rates_table(facts))
