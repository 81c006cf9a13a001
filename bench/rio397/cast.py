"""The models of the benchmark: a base, its release, a blend of both, and honest siblings of the release."""

from __future__ import annotations

from datetime import UTC, datetime

from bench.rio397.pairs import SHARE, relative_size
from bench.rio397.repos import repo
from bench.rio397.shards import Shard
from bench.rio397.weights import Base, Mixed, Trained
from demo.hub.repository import LoopbackRepo

BASE, RELEASE, SUSPECT = "origin/Base-397B-A17B", "aurora/Release-397B", "harbour/Open-397B"
LEANS = (0.0, 0.5, 0.9)  # correlation of a sibling's delta with the release's
FEBRUARY, MAY, JUNE = (datetime(2026, month, 1, 12, tzinfo=UTC) for month in (2, 5, 6))

base = Base("base")
release = Trained(base, "release", relative_size)
suspect = Mixed(release, base, SHARE)


def sibling(lean: float) -> Trained:
    """Return an honest model of the same base whose delta leans on the release's."""
    return Trained(base, f"sibling {lean}", relative_size, towards=release.seed, lean=lean)


def cast(shards: dict[str, Shard]) -> list[LoopbackRepo]:
    """Return all repositories; every card but the base's declares the base and nothing else."""
    return [
        repo(BASE, base, shards, FEBRUARY),
        repo(RELEASE, release, shards, MAY, BASE),
        repo(SUSPECT, suspect, shards, JUNE, BASE),
        *(repo(f"honest{i}/Sibling-{lean}", sibling(lean), shards, JUNE, BASE) for i, lean in enumerate(LEANS)),
    ]
