"""The command line; `bot.cli` lists what it can do.

Exit status: 0 nothing, 3 alert, 4 a finding for reviewers, 2 usage or configuration, 1 nothing could be shown.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from bot.cli import COMMANDS
from bot.cli.examples import epilog
from bot.config.version import this_release

UsageError: Any = typer.BadParameter.__base__  # which typer does not name


@cache
def command(name: str) -> Any:
    """Import a command, or a group of them, by its name."""
    module = import_module(f"bot.cli.{name}")
    parent = typer.Typer(rich_markup_mode=None)
    group: typer.Typer | None = getattr(module, "app", None)
    if group is None:
        parent.command(epilog=epilog(name))(getattr(module, name))
    else:
        for info in group.registered_commands:
            info.epilog = epilog(f"{name} {info.name or getattr(info.callback, '__name__', '')}")
        parent.add_typer(group, name=name)
    return typer.main.get_group(parent).commands[name]


class Commands(TyperGroup):
    """The commands, each imported when it is asked for; their list needs none of them."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's signature, here and below
        """Return the names."""
        return [*COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """Return one; None for a name that is none."""
        return command(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """Write the list into the help."""
        with formatter.section("Commands"):
            formatter.write_dl([*COMMANDS.items()])


# plain help: where typer marks it up, "[@revision]" is taken for markup and vanishes
app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"blendwatch {this_release()}")
        raise typer.Exit


@app.callback()
def blendwatch(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Watches the Hugging Face Hub for undisclosed blends of existing weights."""


def main() -> None:
    """Run the command line; what it writes is for its own user alone."""
    os.umask(0o077)
    try:
        status = app(prog_name="blendwatch", standalone_mode=False)
    except UsageError as error:
        error.show()
        if "--json" in sys.argv:
            from bot.cli.common import print_error  # noqa: PLC0415 - slow, and seldom needed

            print_error(error.format_message(), error.exit_code)
        status = error.exit_code
    except typer.Abort:
        status = 1
    sys.exit(status or 0)


if __name__ == "__main__":
    main()
