"""Blends whose cards hide a parent: as they are, trained on, and shaken. What the power is measured on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench.trained.known import MANUAL, NAMES, Entry
from bench.trained.recipes import Blend, Checkpoint, Run, Source


def planted() -> Iterator[Entry]:
    """Yield blends whose card names the base only: as they are, trained on, and shaken."""
    for pair, other in (("AQ", "base"), ("AB", "B")):
        parents = {"A": 0.6, other: 0.4}
        yield _hidden(f"{pair}-Pure", parents, Blend(parents), "as it is", {"exact": True, "further_training": False})
        for lr in (1e-6, 1e-5, 1e-4):
            run = Run((MANUAL,), 220, lr, 300, start=f"{pair}-Pure", constant=True)
            for steps in (1, 3, 10, 30, 100, 300):
                what = f"trained on for {steps} steps at {lr:g} on C's domain"
                extra = {"exact": False, "further_training": True}
                yield _hidden(f"{pair}-{lr:.0e}-{steps}", parents, Checkpoint(run, steps), what, extra)
        for i, noise in enumerate((3e-4, 1e-3, 3e-3, 1e-2)):
            for stored in (False, True):
                name = f"{pair}-Noise-{noise:.0e}{'-Stored' if stored else ''}"
                what = f"relative noise of {noise:g} {'on the stored blend' if stored else 'before it was stored'}"
                yield _hidden(name, parents, Blend(parents, noise, stored, 230 + i), what, {"exact": False})


def _hidden(name: str, parents: dict[str, float], source: Source, what: str, extra: dict[str, bool]) -> Entry:
    truth: dict[str, Any] = {
        "finding": "blend",
        "family": ["linear"],
        "disclosure": "partial" if "base" in parents else "undisclosed",
        "alert": True,
        "parents": {NAMES[k]: c for k, c in parents.items()},
        **extra,
    }
    text = " + ".join(f"{c:g} {k}" for k, c in parents.items())
    repo_id = f"{name.lower()}-ai/Tern-{name}"
    return Entry(name, repo_id, "planted", source, (NAMES["base"],), f"{text}, {what}", truth)
