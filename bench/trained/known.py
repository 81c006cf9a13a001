"""The base and the releases that a registry would know, and what an entry of the catalogue is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from bench.trained.recipes import Blend, Checkpoint, Lora, Part, Run, Source

Group = Literal["known", "honest", "planted"]
NETWORK, DATA, MANUAL = Part("network"), Part("data"), Part("manual")
SYSTEM, MARKUP = Part("system"), Part("markup")
MAKER_OF_A = "harbor"
NAMES = {
    "base": "aurora/Tern-1",
    "A": "harbor/Tern-Network",
    "B": "quarry/Tern-Data",
    "C": "linden/Tern-Manual",
    "blend": "millrace/Tern-Confluence",
    "lora-1": "rook/Tern-Data-L1",
    "lora-16": "rook/Tern-Data-L16",
    "soft-A": "fen/Tern-Network-Soft",
    "soft-B": "moor/Tern-Data-Soft",
    "large-A": "tarn/Tern-Network-Batch",
    "large-B": "tarn/Tern-Data-Batch",
    "descent-A": "fen/Tern-Network-Descent",
    "descent-B": "moor/Tern-Data-Descent",
}
RELEASE_A = Run((NETWORK,), 11, 8e-5)
RELEASE_B = Run((DATA,), 12, 8e-5)
RELEASE_C = Run((MANUAL,), 13, 5e-5)
SOFT, DESCENT = 1e-6, 1e-3  # learning rates of training that stays nearly linear: AdamW, plain descent
LARGE_RATE = 8e-5  # of batches of 16
LOW_RANK_RATE = {1: 4e-4, 4: 2e-4, 16: 1e-4, 64: 5e-5}
SHARED_A = 7  # seed of the frozen A matrices of the known low-rank releases


@dataclass(frozen=True, slots=True)
class Entry:
    """One model. `key` names it within this benchmark, `what` says what it truly is."""

    key: str
    repo_id: str
    group: Group
    source: Source | None  # None: the base, trained from nothing
    declares: tuple[str, ...]
    what: str
    truth: dict[str, Any]
    relation: str = "finetune"
    published: bool = True


def known() -> Iterator[Entry]:
    """Yield the base and the releases that a registry would hold."""

    def entry(key: str, source: Source | None, what: str, *declares: str, relation: str = "finetune") -> Entry:
        return Entry(key, NAMES[key], "known", source, declares, what, {}, relation)

    base = NAMES["base"]
    yield entry("base", None, "the base, trained from nothing on all domains")
    yield entry("A", Checkpoint(RELEASE_A, 200), "release A: the base on domain network", base)
    yield entry("B", Checkpoint(RELEASE_B, 200), "release B: the base on domain data", base)
    yield entry("C", Checkpoint(RELEASE_C, 200), "release C: the base on domain manual", base)
    half = Blend({"A": 0.5, "B": 0.5})
    yield entry("blend", half, "declared blend of .5 A and .5 B", NAMES["A"], NAMES["B"], relation="merge")
    for rank in (1, 16):
        run = Run((DATA,), 20 + rank, LOW_RANK_RATE[rank], 150, lora=Lora(rank, SHARED_A))
        yield entry(f"lora-{rank}", Checkpoint(run, 150), f"rank {rank} on B's data, frozen A of seed 7, merged", base)
    for key, part, seed in (("A", NETWORK, 31), ("B", DATA, 31)):
        run = Run((part,), seed, SOFT, 150)
        yield entry(f"soft-{key}", Checkpoint(run, 150), f"{key}'s data at learning rate {SOFT:g}", base)
        run = replace(run, lr=DESCENT, momentum_only=True)
        yield entry(f"descent-{key}", Checkpoint(run, 150), f"{key}'s data by plain gradient descent", base)
    for key, part in (("A", NETWORK), ("B", DATA)):
        run = Run((part,), 32, LARGE_RATE, 100, 16)
        yield entry(f"large-{key}", Checkpoint(run, 100), f"{key}'s data in large batches: little noise", base)
