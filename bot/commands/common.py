"""What the commands share: options, exit statuses, one line for every error, progress where somebody looks."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from analyzers.errors import BlendwatchError
from bot import logs
from bot.known import Progress
from bot.settings import Settings, SettingsError, load_settings
from bot.source import Gated, Missing
from bot.text import harmless
from state.errors import RegistryError

ALERT, REVIEW, USAGE, NOTHING = 3, 4, 2, 1

HINTS: Final = (  # what to do about an error of this kind
    (Missing, "Look at its spelling; a private one needs a token that may read it (hf auth login, or HF_TOKEN)."),
    (Gated, "Accept its terms on its page, and give a token of that account (hf auth login, or HF_TOKEN)."),
)
PIPED_WIDTH = 200  # columns of a table where no terminal says how many there are

err = Console(stderr=True, highlight=False, markup=False)
out = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)

SUBJECT = "org/name[@revision] or its address at the Hub, a folder, or a .safetensors file"

Registry = Annotated[list[Path] | None, typer.Option("--registry", help="file or folder of known models; repeatable")]
Data = Annotated[Path | None, typer.Option("--data", help="folder for the database and the sketches")]


def settings_from(registry: list[Path] | None, data: Path | None) -> Settings:
    """Return the settings, with what the command line says over them, and log as they say. Raises SettingsError."""
    settings = changed(load_settings(), registry, data)
    logs.configure(settings.log_format, settings.log_level, settings.secrets)
    return settings


def changed(settings: Settings, registry: list[Path] | None, data: Path | None) -> Settings:
    """Return the settings with what the command line says over them."""
    changes: dict[str, object] = {}
    if registry:
        changes["registry"] = os.pathsep.join(map(str, registry))
    if data:
        changes["data"] = data
    return settings.model_copy(update=changes)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn our errors into one line on standard error and an exit status."""
    try:
        yield
    except (RegistryError, SettingsError) as error:
        err.print(f"blendwatch: {logs.redacted(str(error))}", soft_wrap=True)
        raise typer.Exit(USAGE) from None
    except BlendwatchError as error:
        hint = next((f" {text}" for kind, text in HINTS if isinstance(error, kind)), "")
        err.print(f"blendwatch: {logs.redacted(str(error))}{hint}", soft_wrap=True)
        raise typer.Exit(NOTHING) from None


@contextmanager
def progress_shown() -> Iterator[Progress]:
    """Show what is going on while it does, on standard error, if somebody is looking."""
    if not err.is_terminal:
        yield lambda _: None
        return
    with err.status("starting") as status:
        yield lambda text: status.update(harmless(text, 200))
