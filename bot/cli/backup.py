"""blendwatch backup: one archive of all that must outlive the process."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot import build
from bot.cli.common import AsJson, Data, answer, one_line_errors, settings_with_folder
from bot.text.sanitize import size
from state.backup.archive import Manifest
from state.backup.backup import back_up
from state.data_folder import refuse_unfinished_restore


def backup(
    destination: Annotated[Path, typer.Argument(help="folder, or a new file that ends in .tar or .tar.gz")],
    keep: Annotated[
        int | None, typer.Option("--keep", min=1, help="how many backups stay in the folder; default: all")
    ] = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Back up the data folder, also while the watch runs."""
    with one_line_errors():
        settings = settings_with_folder(None, data)
        refuse_unfinished_restore(settings.data)
        made = back_up(settings.data, destination, build.utc_now(), keep)
    removed = [str(path) for path in made.removed]
    answer(
        {"backup": str(made.path), "bytes": made.bytes, "removed": removed},
        f"{made.path}: {size(made.bytes)}, {summary(made.manifest)}",
        *(f"removed {path}" for path in removed),
        as_json=as_json,
    )


def summary(manifest: Manifest) -> str:
    """Say in words what a backup holds."""
    rows = manifest.rows
    return f"uploads {rows.get('uploads', 0):,}, alerts {rows.get('outbox', 0):,}, sketches {manifest.sketches:,}"
