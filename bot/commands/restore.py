"""blendwatch restore: a backup put back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot import build
from bot.commands.backup import summary
from bot.commands.common import Data, one_line_errors, out, settings_from
from bot.settings import SettingsError
from state.archive import Manifest, verify
from state.restore import restore as put_back


def restore(
    archive: Annotated[Path, typer.Argument(help="what blendwatch backup wrote")],
    into: Annotated[
        Path | None, typer.Option("--into", help="folder to restore into; default: the data folder")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="move aside what is in the folder")] = False,
    verify_only: Annotated[bool, typer.Option("--verify", help="check the archive and change nothing")] = False,
    data: Data = None,
) -> None:
    """Put a backup back; what was there is moved aside, never removed."""
    with one_line_errors():
        target = into or settings_from(None, data).data
        if not archive.is_file():
            raise SettingsError(f"there is no file {archive}")
        if verify_only:
            manifest = verify(archive)
            out.print(f"{archive} is whole: of {_made(manifest)}", soft_wrap=True)
            return
        done = put_back(archive, target, build.utc_now(), force=force)
    lead = "ended the restore that was cut short" if done.ended else "restored"
    out.print(f"{lead}: {target} is now that of {_made(done.manifest)}", soft_wrap=True)
    if done.manifest.schema_revision != done.schema_revision:
        change = f"from revision {done.manifest.schema_revision} to {done.schema_revision}"
        out.print(f"the database was brought up to date, {change}", soft_wrap=True)
    if done.damaged:
        out.print(f"{done.damaged:,} sketches are damaged, as they were in the backup; they are read anew when needed")
    if done.aside:
        out.print(f"what was there before is in {done.aside}", soft_wrap=True)


def _made(manifest: Manifest) -> str:
    when = manifest.created_at.isoformat(timespec="seconds")
    return f"{when}, made by blendwatch {manifest.blendwatch}: {summary(manifest)}"
