"""blendwatch alerts: send again what could not be delivered."""

from __future__ import annotations

import typer

from bot import build
from bot.cli.common import AsJson, Data, answer, one_line_errors, settings_with_database

app = typer.Typer(help="The messages that could not be delivered.", no_args_is_help=True)


@app.command()
def retry(as_json: AsJson = False, data: Data = None) -> None:
    """Send again all alerts that were given up, once what kept them back is mended; what has arrived is not sent."""
    with one_line_errors():
        settings = settings_with_database(None, data)
        with build.store(settings) as store:
            number = store.retry_dead(build.utc_now())
    again = f"{number:,} alerts are due again; the next pass of the watch sends them"
    answer({"due_again": number}, again if number else "no alert was given up", as_json=as_json)
