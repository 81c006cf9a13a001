"""blendwatch move: the database to another server."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from bot.cli.common import AsJson, Data, answer, one_line_errors, settings_from
from state.backup.moving import MOVED
from state.backup.moving import move as move_database
from state.data_folder import refuse_unfinished_restore


def move(
    to: Annotated[str, typer.Option("--to", help="URL of an empty database: postgresql+psycopg://user@host/name")],
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Copy the SQLite database to another server, compare every row, and set the old file aside."""
    with one_line_errors():
        settings = settings_from(None, data)
        refuse_unfinished_restore(settings.data)
        moved = move_database(settings.data, to)
    answer(
        {"moved": [asdict(one) for one in moved]},
        *(f"{one.name:<14} {one.rows:>10,} rows" for one in moved if one.rows),
        f"every row is there; set BLENDWATCH_DATABASE_URL to this URL. The old file is {settings.data / MOVED}",
        as_json=as_json,
    )
