"""The models of the benchmark: a base, its release, a blend of both, and honest siblings of the release."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from bench.rio397 import dense, fp8
from bench.rio397.disguised import DISGUISES, disguised
from bench.rio397.pairs import SHARE, relative_size
from bench.rio397.repos import repo
from bench.rio397.shards import Shard, Tensor, in_order, largest_first, named
from bench.rio397.weights import Base, Mixed, Trained
from demo.hub.repository import LoopbackRepo

BASE, RELEASE, SUSPECT = "origin/Base-397B-A17B", "aurora/Release-397B", "harbour/Open-397B"
BLEND, ROTATED = "blend/", "blend/rotated"  # of the dense model
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


def in_fp8(plain: list[Tensor]) -> list[LoopbackRepo]:
    """Return base and release as they are, and in FP8 a blend and an honest sibling that leans .9 on the release."""
    shards, coded = named(largest_first(plain)), named(largest_first(fp8.tensors(plain)))
    quantized = ((SUSPECT, suspect), ("honest/Sibling-0.9-FP8", sibling(0.9)))
    return [
        repo(BASE, base, shards, FEBRUARY),
        repo(RELEASE, release, shards, MAY, BASE),
        *(repo(repo_id, fp8.Fp8(w), coded, JUNE, BASE, fp8.config()) for repo_id, w in quantized),
    ]


def disguises(kinds: Iterable[str] = DISGUISES) -> list[LoopbackRepo]:
    """Return a dense base and its release, and under each disguise a blend, an honest model and a twin of the base."""
    plain = list(dense.tensors())
    shards = named(in_order(plain, dense.SHARD))
    found = [
        repo(BASE, base, shards, FEBRUARY, config=dense.CONFIG),
        repo(RELEASE, release, shards, MAY, BASE, dense.CONFIG),
    ]
    for kind in kinds:
        for who, weights in ((BLEND, suspect), ("honest/", sibling(0.9)), ("twin/", Base("twin"))):
            shown = disguised(weights, plain, kind)
            own = named(in_order(shown.tensors, dense.SHARD))
            repo_id = f"{who}{kind.replace(' ', '-')}"
            found.append(repo(repo_id, shown, own, JUNE, config=dense.CONFIG))
    return found
