"""What the commands share: options, exit statuses, one line for every error, progress where somebody looks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from analyzers.errors import BlendwatchError
from bot.known import Progress
from bot.settings import Settings, SettingsError, load_settings
from bot.text import harmless
from state.errors import RegistryError

ALERT, USAGE, NOTHING = 3, 2, 1

err = Console(stderr=True, highlight=False, markup=False)
out = Console(highlight=False, markup=False)

Registry = Annotated[list[Path] | None, typer.Option("--registry", help="file or folder of known models; repeatable")]
Data = Annotated[Path | None, typer.Option("--data", help="folder for the database and the sketches")]


def settings_from(registry: list[Path] | None, data: Path | None) -> Settings:
    """Return the settings, with what the command line says over them. Raises SettingsError."""
    changes: dict[str, object] = {}
    if registry:
        changes["registry"] = os.pathsep.join(map(str, registry))
    if data:
        changes["data"] = data
    return load_settings().model_copy(update=changes)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn our errors into one line on standard error and an exit status."""
    try:
        yield
    except (RegistryError, SettingsError) as error:
        err.print(f"blendwatch: {error}", soft_wrap=True)
        raise typer.Exit(USAGE) from None
    except BlendwatchError as error:
        err.print(f"blendwatch: {error}", soft_wrap=True)
        raise typer.Exit(NOTHING) from None


@contextmanager
def progress_shown() -> Iterator[Progress]:
    """Show what is going on while it does, on standard error, if somebody is looking."""
    if not err.is_terminal:
        yield lambda _: None
        return
    with err.status("starting") as status:
        yield lambda text: status.update(harmless(text, 200))
