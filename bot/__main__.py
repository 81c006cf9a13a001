"""The command line; `bot.commands` lists what it can do.

Exit status: 0 nothing, 3 alert, 4 a finding for reviewers, 2 usage or configuration, 1 nothing could be shown.
"""

from __future__ import annotations

import os

import typer

from bot.commands import COMMANDS, GROUPS

app = typer.Typer(help="Watches the Hugging Face Hub for undisclosed blends of existing weights.", no_args_is_help=True)
for _command in COMMANDS:
    app.command()(_command)
for _name, _group in GROUPS.items():
    app.add_typer(_group, name=_name)


def main() -> None:
    """Run the command line; what it writes is for its own user alone."""
    os.umask(0o077)
    app()


if __name__ == "__main__":
    main()
