"""The card at first sight beside the card now, line by line. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from bot.text.sanitize import visible

LINES: Final = 250  # shown
COMPARED: Final = 3000  # lines of each card: comparing takes time that grows with their product
LENGTH: Final = 240  # characters of a line
KINDS: Final = {"-": "removed", "+": "added", " ": "same", "@": "place"}
Kind = Literal["removed", "added", "same", "place", "rest"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a diff, harmless."""

    kind: Kind
    text: str


def diff(first: bytes, now: bytes) -> tuple[Line, ...]:
    """Return the lines that differ, with three around them; () if the cards are equal."""
    before, after = (card.decode("utf-8", "replace").splitlines()[:COMPARED] for card in (first, now))
    return tuple(_lines(list(difflib.unified_diff(before, after, n=3, lineterm=""))[2:]))


def _lines(lines: list[str]) -> Iterator[Line]:
    for line in lines[:LINES]:
        kind: Kind = KINDS[line[0]]  # type: ignore[assignment]
        yield Line(kind, visible(line if kind == "place" else line[1:], LENGTH))
    if len(lines) > LINES:
        yield Line("rest", f"{len(lines) - LINES:,} more lines")
