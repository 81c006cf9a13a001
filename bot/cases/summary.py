"""One case, one story, as it is stored and shown: the report's findings with those that came after it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.table import Table

from analyzers.records.points import Carries, Origin, Point
from analyzers.records.traces import listed
from analyzers.verdict.summary import ordered, summed_up
from bot.cases.snapshot import in_force
from bot.check.report import table
from bot.text.sanitize import entries, section, string, visible
from bot.text.words import DEFAULT, words_for
from state.errors import StateError
from state.evidence.blobs import Blobs
from state.records import KeptFile, Note

IDENTITY: Final = "identity"  # the kind of evidence
SHOWN: Final = 12
Report = Mapping[str, Any]

# notes on a case that are findings, too: where they come from, their kind, how far they carry
_HISTORY: Final[Mapping[str, tuple[Origin, str, Carries]]] = {
    "declared": ("words", "history", "strong"),
    "card": ("words", "history", "suggestive"),
    "withdrawn": ("words", "history", "suggestive"),
    "weights": ("files", "history", "suggestive"),
    "restored": ("files", "history", "suggestive"),
    "judged": ("files", "history", "suggestive"),
    "emptied": ("files", "history", "suggestive"),
    "gone": ("files", "history", "suggestive"),
    "returned": ("files", "history", "weak"),
}


def identity_of(kept: Sequence[KeptFile], blobs: Blobs) -> dict[str, Any] | None:
    """Return what came of asking a model its name, of the last time; None where nobody did.

    What cannot be read any more counts as failed. That of a gated repository is kept and not shown.
    """
    mine = [f for f in kept if f.kind == IDENTITY]
    if not mine:
        return None
    try:
        found = json.loads(blobs.get(mine[-1].digest))
    except StateError as error:
        return {"outcome": "failed", "why_not": str(error), "findings": []}
    return {"outcome": found["outcome"], "findings": []} if mine[-1].gated else found


def points_of(stored: Sequence[Mapping[str, Any]]) -> tuple[Point, ...]:
    """Return findings as they were before they were stored; what is none is left out."""
    names = Point.__slots__
    rows = [section(row) for row in stored]
    known = [row for row in rows if row.get("carries") in ("exact", "strong", "suggestive", "weak")]
    return tuple(Point(**{name: string(row.get(name)) for name in names}) for row in known)  # type: ignore[arg-type]


def story(report: Report, identity: Report | None, notes: Sequence[Note] = ()) -> tuple[Point, ...]:
    """Return all findings of a case, the weights' first, then the strongest."""
    found = points_of(entries(report.get("findings")))
    later = points_of(entries((identity or {}).get("findings")))
    history = [Point(*_HISTORY[n.kind], n.text, n.kind) for n in in_force(notes) if n.kind in _HISTORY]
    weights = [p for p in found if p.origin == "weights"]
    return (*weights, *ordered(p for p in (*found, *later, *history) if p.origin != "weights"))


def as_json(report: Report, identity: Report | None, notes: Sequence[Note] = ()) -> dict[str, Any]:
    """Return the story for JSON: one sentence, every finding, and what was asked."""
    found = story(report, identity, notes)
    return {"why": why(report, found), "findings": [asdict(p) for p in found], "identity": identity}


def why(report: Report, found: Sequence[Point]) -> str:
    """Return the sentence of a case with what was found after its report."""
    weights = next((p.says for p in found if p.origin == "weights"), "")
    if not weights:  # of an earlier version
        return string(report.get("why"))
    words = words_for(DEFAULT)
    since = [words(f"news.{kind}").lower() for kind in dict.fromkeys(p.brief for p in found) if kind in _HISTORY]
    return summed_up(weights, found) + (f"; since then: {listed(since)}" if since else "")


def shown(report: Report, identity: Report | None, notes: Sequence[Note] = ()) -> Table:
    """Return the report as a table with the story in it."""
    found = story(report, identity, notes)
    told = lines(found, identity) if report.get("findings") else None
    return table({**report, "why": why(report, found)}, told)


def lines(found: Sequence[Point], identity: Report | None) -> list[str]:
    """Return the story for a terminal, strongest first, harmless."""
    told = []
    for number, point in enumerate(found[:SHOWN], 1):
        against = f" Against: {visible(point.contradicts, 200)}" if point.contradicts else ""
        told.append(f"{number}. {point.origin}, {point.carries}: {visible(point.says, 800)}{against}")
    if len(found) > SHOWN:
        told.append(f"… and {len(found) - SHOWN} more: --json")
    if identity is not None and identity.get("outcome") != "asked":
        outcome, why_not = (visible(string(identity.get(key)), 400) for key in ("outcome", "why_not"))
        told.append(f"not asked its name: {outcome}: {why_not}")
    return told
