"""blendwatch site: the public pages as a folder of files."""

from __future__ import annotations

from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from bot import build
from bot.cli.common import AsJson, Data, Registry, answer, one_line_errors, settings_from
from bot.config.settings import SettingsError
from bot.site.api import files as api_files
from bot.site.pages import Site
from bot.site.writer import archive_in, write


def site(
    folder: Annotated[Path, typer.Argument(help="an empty folder, or one that this command wrote before")],
    as_json: AsJson = False,
    registry: Registry = None,
    data: Data = None,
) -> None:
    """Write pages, feeds, badges and the API's answers of all public cases and clearances for any static host."""
    with one_line_errors():
        settings = settings_from(registry, data)
        if not settings.has_database:
            raise SettingsError(f"there is no database in {settings.data}; it is made by blendwatch watch")
        with build.store(settings) as store:
            cases, clearances = build.public(settings, store)
            pages = Site(build.blobs(settings), partial(archive_in, folder)).pages(cases, clearances)
            written = write(folder, chain(pages, api_files(cases, settings.site_url)))
    facts = {"cases": len(cases), "clearances": len(clearances), "files": written.files, "changed": written.changed}
    said = f"{len(cases):,} cases and {len(clearances):,} clearances in {written.files:,} files of {folder}"
    changed = f"{written.changed:,} were written, {written.removed:,} removed"
    answer({**facts, "removed": written.removed}, f"{said}; {changed}", as_json=as_json)
