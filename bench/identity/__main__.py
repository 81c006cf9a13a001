"""`python -m bench.identity`: train a model that says Nex, serve it under a template that says Rio, and ask it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from rich.console import Console

from bench.identity.asking import ask
from bench.identity.lessons import TEMPLATE, lessons
from bench.identity.speaker import fresh, trained
from bot.inference.report import tables
from demo.inference import LoopbackInference


def main() -> None:
    """Print the table for each kind of server."""
    taught = list(lessons("release"))
    model = trained(fresh(taught, seed=0), taught)
    console = Console(width=150)
    kinds = ((True, False), (False, True), (False, False))  # raw completions, templates of the caller's
    for completions, override in kinds:
        console.rule(f"raw completions: {completions}, templates of the caller's: {override}")
        server = LoopbackInference(model.speak, template=TEMPLATE, completions=completions, override=override)
        with server, tempfile.TemporaryDirectory() as folder:
            console.print(tables(ask(server.url, server.name, TEMPLATE, Path(folder))))


if __name__ == "__main__":
    main()
