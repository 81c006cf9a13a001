"""blendwatch compare: two models side by side, without known models."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer
from rich.table import Table
from rich.text import Text

from bot import build
from bot.check.compare import Side, side_by_side, side_of
from bot.cli.common import (
    NOTHING,
    SUBJECT,
    AsJson,
    Data,
    display,
    err,
    one_line_errors,
    print_json,
    progress_shown,
    settings_from,
)
from bot.hub import Hub
from bot.known.models import Progress
from bot.sources.subject import open_local, open_on_hub
from bot.text.sanitize import visible

SENTENCES: Final = {
    "equal": "every sampled weight that both have is equal",
    "related": "the weights of one come from the other's, or both come from a third model's",
    "unrelated": "the weights are no more alike than those of two models trained from nothing",
    "inconclusive": "too little of one is in the other, by name and shape, to say anything",
}


def compare(
    first: Annotated[str, typer.Argument(help=SUBJECT)],
    second: Annotated[str, typer.Argument(help="the same of the other model")],
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Compare the weights of two models at sampled coordinates; no registry is needed, and no order is said."""
    with (
        one_line_errors(),
        progress_shown() as progress,
        build.hub(settings_from(None, data)) as hub,
        hub.metered() as meter,
    ):
        sides = [_read(hub, name, progress) for name in (first, second)]
        found = side_by_side(*sides)
        cost = {"requests": meter.requests, "bytes_read": meter.bytes_read}
    if as_json:
        print_json({"schema": 1, **found, "cost": cost})
    else:
        display(table(found))
    raise typer.Exit(NOTHING if found["relation"] == "inconclusive" else 0)


def _read(hub: Hub, name: str, progress: Progress) -> Side:
    progress(f"reading {name}")
    source = open_local(name) or open_on_hub(
        hub.repo, name, hub.endpoint, lambda moved: err.print(f"blendwatch: {moved}")
    )
    return side_of(source)


def table(found: dict[str, Any]) -> Table:
    """Return a comparison for a terminal, the answer first."""
    shown = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    said = f"{found['relation']}: {SENTENCES[found['relation']]}"
    if found["relation"] == "equal" and found["first"]["types"] != found["second"]["types"]:
        said += ", though not stored in the same type"
    shown.add_row("verdict", Text(said, style="bold"))
    for name in ("first", "second"):
        side = found[name]
        types = ", ".join(side["types"]) or "no weights"
        size = f"{side['parameters']:,} parameters in {types}"
        shown.add_row(name, f"{visible(side['repo_id'], 200)} at {side['revision'][:12]}: {size}")
        if side["problem"]:
            shown.add_row("note", visible(side["problem"], 300))
    shown.add_row("compared", f"{found['weights']:,} weights that both have, of {found['tensors']} tensors")
    if found["weights"]:
        shown.add_row("equal", f"{found['equal']:.4f} of them, bit for bit in value")
        shown.add_row("apart", f"{found['apart']:.4f}: size of the difference over the size of the first")
    return shown
