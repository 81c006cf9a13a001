"""The table of blendwatch status."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from bot.cli.status_summary import status_table

FACTS: dict[str, Any] = {
    "watch": {"running": True, "trouble": "", "passes": 1, "failed_passes": 0, "pid": 7},
    "trial": None,
    "feeds": [],
    "backlog": {"due": 0, "since": None, "tried_again_later": 0},
    "settled": {},
    "findings": {},
    "alerts": {"pending": 0, "sending": 0, "sent": 1, "dead": 0, "oldest_unsent": None},
    "known": {"models": 2, "sketched": 1, "sketches": 1},
    "disk": {"used": 1, "database": 1, "sketches": 1, "free": 1},
}


@pytest.mark.parametrize("passes", [1, 2])
def test_counts_read_well_whatever_they_are(passes: int) -> None:
    """One pass is not "1 passes"."""
    console = Console(width=200)
    with console.capture() as shown:
        console.print(status_table(FACTS | {"watch": FACTS["watch"] | {"passes": passes}}))
    assert f"running; passes: {passes}, failed: 0" in shown.get()
    assert "1 passes" not in shown.get()
