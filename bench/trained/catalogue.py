"""Models of a world: known ones, honest suspects, planted blends; each has its card and its truth."""

from __future__ import annotations

from bench.trained.honest import honest
from bench.trained.known import Entry, known
from bench.trained.planted import planted
from bench.trained.worlds import TERN, World, family


def entries(world: World = TERN) -> list[Entry]:
    """Return every model of a world, each after those it is made from."""
    found = [*known(), *honest(), *planted()] if world == TERN else [*family(world)]
    if len({e.repo_id for e in found}) != len(found):
        raise AssertionError("two models share a name")
    return found
