"""blendwatch restore: a backup put back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot import build
from bot.cli.backup import summary
from bot.cli.common import AsJson, Data, answer, one_line_errors, settings_from
from bot.config.settings import SettingsError
from state.backup.archive import Manifest, verify
from state.backup.restore import restore as put_back


def restore(
    archive: Annotated[Path, typer.Argument(help="what blendwatch backup wrote")],
    into: Annotated[
        Path | None, typer.Option("--into", help="folder to restore into; default: the data folder")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="move aside what is in the folder")] = False,
    verify_only: Annotated[bool, typer.Option("--verify", help="check the archive and change nothing")] = False,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Put a backup back; what was there is moved aside, never removed."""
    with one_line_errors():
        target = into or settings_from(None, data).data
        if not archive.is_file():
            raise SettingsError(f"there is no file {archive}")
        if verify_only:
            manifest = verify(archive)
            facts = {"archive": str(archive), "whole": True, "made_at": manifest.created_at.isoformat()}
            answer(facts, f"{archive} is whole: of {_made(manifest)}", as_json=as_json)
            return
        done = put_back(archive, target, build.utc_now(), force=force)
    lead = "ended the restore that was cut short" if done.ended else "restored"
    lines = [f"{lead}: {target} is now that of {_made(done.manifest)}"]
    if done.manifest.schema_revision != done.schema_revision:
        change = f"from revision {done.manifest.schema_revision} to {done.schema_revision}"
        lines.append(f"the database was brought up to date, {change}")
    if done.damaged:
        lines.append(f"{done.damaged:,} sketches are damaged, as in the backup; they are read anew when needed")
    if done.aside:
        lines.append(f"what was there before is in {done.aside}")
    facts = {"restored": str(target), "damaged": done.damaged, "aside": str(done.aside) if done.aside else None}
    answer(facts, *lines, as_json=as_json)


def _made(manifest: Manifest) -> str:
    when = manifest.created_at.isoformat(timespec="seconds")
    return f"{when}, made by blendwatch {manifest.blendwatch}: {summary(manifest)}"
