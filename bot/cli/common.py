"""Shared by the commands: options, exit statuses, one line for every error, progress, answers as text or JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console, RenderableType

from analyzers.errors import BlendwatchError
from bot.config import extras, logs
from bot.config.settings import Settings, SettingsError, load_settings
from bot.known.models import Progress
from bot.sources.interface import Gated, Missing
from bot.text.sanitize import visible
from state.errors import RegistryError

ALERT, REVIEW, USAGE, NOTHING = 3, 4, 2, 1

HINTS: Final = (  # what to do about an error of this kind
    (Missing, "Look at its spelling; a private one needs a token that may read it (hf auth login, or HF_TOKEN)."),
    (Gated, "Accept its terms on its page, and give a token of that account (hf auth login, or HF_TOKEN)."),
)
PIPED_WIDTH = 200  # columns of a table where no terminal says how many there are
PROGRESS_SECONDS = 3.0  # before a line of progress, and between two, where there is no terminal

err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
out = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)

SUBJECT = "org/name[@revision] or its address at the Hub, a folder, or a .safetensors file"

Registry = Annotated[list[Path] | None, typer.Option("--registry", help="file or folder of known models; repeatable")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON, of an error, too")]
Data = Annotated[Path | None, typer.Option("--data", help="folder for the database and the sketches")]


def settings_from(registry: list[Path] | None, data: Path | None) -> Settings:
    """Return the settings, with what the command line says over them, and log as they say. Raises SettingsError."""
    settings = changed(load_settings(), registry, data)
    logs.configure(settings.log_format, settings.log_level, settings.secrets)
    return settings


def settings_with_database(registry: list[Path] | None, data: Path | None) -> Settings:
    """Return the settings; see settings_from. Raises SettingsError too where no watch has made a database."""
    settings = settings_from(registry, data)
    if not settings.has_database:
        raise SettingsError(f"there is no database in {settings.data}; it is made by blendwatch watch")
    return settings


def settings_with_folder(registry: list[Path] | None, data: Path | None) -> Settings:
    """Return the settings; see settings_from. Raises SettingsError too where there is no data folder."""
    settings = settings_from(registry, data)
    if not settings.data.is_dir():
        raise SettingsError(f"there is no data folder {settings.data}; it is made by blendwatch watch")
    return settings


def changed(settings: Settings, registry: list[Path] | None, data: Path | None) -> Settings:
    """Return the settings with what the command line says over them."""
    changes: dict[str, object] = {}
    if registry:
        changes["registry"] = os.pathsep.join(map(str, registry))
    if data:
        changes["data"] = data
    return settings.model_copy(update=changes)


def wants_json() -> bool:
    """Tell whether JSON is asked for, also where the command line as a whole is none that can be."""
    return "--json" in sys.argv[1:]


def print_json(value: object) -> None:
    """Print a value as JSON."""
    sys.stdout.write(json.dumps(value, indent=1) + "\n")


def print_error(text: str, status: int) -> None:
    """Print an error as JSON, beside the line on standard error."""
    print_json({"schema": 1, "error": text, "status": status})


def display(what: RenderableType) -> None:
    """Print for people; where there is no terminal, nothing is padded."""
    if out.is_terminal:
        out.print(what)
        return
    with out.capture() as shown:
        out.print(what)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in shown.get().splitlines()))


def answer(facts: Mapping[str, object], *lines: str, as_json: bool) -> None:
    """Print what was done: as JSON, or in lines."""
    if as_json:
        print_json({"schema": 1, **facts})
        return
    for line in lines:
        out.print(line, soft_wrap=True)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn our errors into one line on standard error, JSON where that is asked for, and an exit status."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise _ended(extras.missing(error), USAGE) from None
    except (RegistryError, SettingsError) as error:
        raise _ended(str(error), USAGE) from None
    except BlendwatchError as error:
        hint = next((f" {text}" for kind, text in HINTS if isinstance(error, kind)), "")
        raise _ended(f"{error}{hint}", NOTHING) from None


def _ended(text: str, status: int) -> typer.Exit:
    shown = logs.redacted(text)
    err.print(f"blendwatch: {shown}")
    if wants_json():
        print_error(shown, status)
    return typer.Exit(status)


@contextmanager
def progress_shown(*, lines: bool = True) -> Iterator[Progress]:
    """Show on standard error what is going on: on a terminal as it changes, else by a line now and then, if `lines`."""
    if err.is_terminal:
        with err.status("starting") as status:
            yield lambda text: status.update(visible(text, 200))
        return
    latest = time.monotonic()

    def line(text: str) -> None:
        nonlocal latest
        if lines and time.monotonic() - latest >= PROGRESS_SECONDS:
            latest = time.monotonic()
            err.print(f"blendwatch: {visible(text, 200)}")

    yield line
