"""blendwatch status: how the watch has been doing."""

from __future__ import annotations

from bot import build
from bot.cli.common import AsJson, Data, Registry, display, one_line_errors, print_json, settings_with_database
from bot.cli.status_summary import status_of, status_table
from state.registry.models import load


def status(
    as_json: AsJson = False,
    registry: Registry = None,
    data: Data = None,
) -> None:
    """Say how the watch has been doing: feeds, backlog, outcomes, alerts, known models, disk."""
    with one_line_errors():
        settings = settings_with_database(registry, data)
        known = load(settings.registry_paths)
        with build.store(settings) as store:
            facts = status_of(settings, store, known, build.utc_now())
    if as_json:
        print_json(facts)
    else:
        display(status_table(facts))
