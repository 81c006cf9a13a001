"""The command line; `bot.cli` lists what it can do.

Exit status: 0 nothing, 3 alert, 4 a finding for reviewers, 2 usage or configuration, 1 nothing could be shown.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from bot.cli import COMMANDS, GROUPS
from bot.cli.common import print_error, wants_json
from bot.cli.examples import epilog
from bot.config.version import this_release

UsageError: Any = typer.BadParameter.__base__  # which typer does not name

# plain help: where typer marks it up, "[@revision]" is taken for markup and vanishes
app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]})


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


for _command in COMMANDS:
    app.command(epilog=epilog(_command.__name__))(_command)
for _name, _group in GROUPS.items():
    for _info in _group.registered_commands:
        _info.epilog = epilog(f"{_name} {_info.name or getattr(_info.callback, '__name__', '')}")
    app.add_typer(_group, name=_name)


def main() -> None:
    """Run the command line; what it writes is for its own user alone."""
    os.umask(0o077)
    try:
        status = app(prog_name="blendwatch", standalone_mode=False)
    except UsageError as error:
        error.show()
        if wants_json():
            print_error(error.format_message(), error.exit_code)
        status = error.exit_code
    except typer.Abort:
        status = 1
    sys.exit(status or 0)


if __name__ == "__main__":
    main()
