"""What is made: known models, honest suspects, planted blends; each with its card, its truth, and itself in words."""

from __future__ import annotations

from bench.trained.honest import honest
from bench.trained.known import Entry, known
from bench.trained.planted import planted


def entries() -> list[Entry]:
    """Return every model, each after those it is made from."""
    found = [*known(), *honest(), *planted()]
    if len({e.repo_id for e in found}) != len(found):
        raise AssertionError("two models share a name")
    return found
