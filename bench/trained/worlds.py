"""Eight bases of three shapes. Thresholds were set on the first alone; the others hold the same few models each.

Each has three releases, fifteen honest suspects of ten kinds of training, and five blends with a hidden parent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from bench.trained.known import DATA, MANUAL, MARKUP, NETWORK, SYSTEM, Entry
from bench.trained.recipes import Average, Blend, Checkpoint, Lora, Run, Source


@dataclass(frozen=True, slots=True)
class World:
    """A base and its kin. `shape`: a key of SHAPES."""

    name: str
    shape: str
    seed: int


TERN: Final = World("Tern", "dense", 1)
WORLDS: Final = (
    TERN,
    World("Plover", "dense", 2),
    World("Dunlin", "dense", 3),
    World("Heron", "experts", 4),
    World("Bittern", "experts", 5),
    World("Egret", "experts", 6),
    World("Swift", "hybrid", 7),
    World("Martin", "hybrid", 8),
)
RELEASES: Final = {
    "A": Run((NETWORK,), 11, 8e-5),
    "B": Run((DATA,), 12, 8e-5),
    "C": Run((MANUAL,), 13, 5e-5),
}


def family(world: World) -> Iterator[Entry]:
    """Yield the base, its releases, honest suspects and blends of a world other than the first."""
    yield Entry("base", name_of(world, "base"), "known", None, (), "the base, trained from nothing", {})
    for key, run in RELEASES.items():
        what = f"release {key}: the base on domain {run.data[0].domain}"
        named = (name_of(world, "base"),)
        yield Entry(key, name_of(world, key), "known", Checkpoint(run, run.steps), named, what, {})
    yield from _honest(world)
    yield from _planted(world)


def name_of(world: World, key: str) -> str:
    """Return the repository of a known model."""
    makers = {"base": "aurora", "A": "harbor", "B": "quarry", "C": "linden"}
    return f"{makers[key]}/{world.name}-{'1' if key == 'base' else key}"


def _honest(world: World) -> Iterator[Entry]:
    union = (NETWORK, DATA)
    runs = {
        "Same-Data": (replace(RELEASES["A"], seed=301), "A's data, another seed"),
        "Own-Data": (Run((MARKUP,), 302, 3e-5), "a domain of its own"),
        "Union": (Run(union, 303, 8e-5), "the union of A's and B's data"),
        "Side-By-Side": (Run(union, 11, 1e-5, side_by_side=True), "batches of A's and B's data side by side"),
        "Lora-16": (Run((NETWORK,), 305, 1e-4, 150, lora=Lora(16, 305)), "rank 16 on A's data, merged"),
        "Lora-64": (Run(union, 306, 5e-5, 150, lora=Lora(64, 306)), "rank 64 on A's and B's data, merged"),
        "Preference": (Run((NETWORK,), 307, 5e-6, 100, method="preference", teachers=("base",)), "preference tuning"),
        "Reward": (Run((SYSTEM,), 308, 1e-6, 100, method="reward", stored_master=True),
                   "rewards, steps of 1e-6 on bfloat16 weights: sparse"),
        "Reward-Wide": (Run((SYSTEM,), 309, 5e-6, 100, method="reward"), "rewards, steps of 5e-6 on float32 weights"),
        "Distil": (Run((NETWORK,), 310, 8e-5, method="distil", teachers=("A",)), "distilled from A's logits"),
        "Policy": (Run(union, 311, 3e-5, 100, method="distil on policy", teachers=("A", "B")),
                   "distilled from A and B on its own text"),
        "Continued": (Run((SYSTEM, MARKUP), 312, 1e-4, 300, 8, stored_master=True),
                      "continued pretraining, steps of 1e-4 on bfloat16 weights"),
        "Slow": (Run((NETWORK,), 313, 1e-6, stored_master=True), "A's data, steps of 1e-6 on bfloat16 weights: sparse"),
    }  # fmt: skip
    for name, (run, what) in runs.items():
        yield _suspect(world, name, Checkpoint(run, run.steps), what, "base")
    average = Average(RELEASES["A"], {140: 1.0, 180: 1.0, 200: 1.0})
    own = _suspect(world, "Average", average, "an average of A's own run, by A's maker", "base")
    truth = {**own.truth, "parents_also": [name_of(world, "A")]}
    yield replace(own, repo_id=f"harbor/{world.name}-Average", truth=truth)
    run = Run((SYSTEM,), 314, 2e-5, 50, start="A")
    yield _suspect(world, "On-A", Checkpoint(run, 50), "trained on from A, declared", "A")


def _suspect(world: World, name: str, source: Source, what: str, parent: str) -> Entry:
    named = name_of(world, parent)
    truth: dict[str, Any] = {
        "finding": "derivative",
        "family": None,
        "disclosure": "disclosed",
        "alert": False,
        "parents": {named: None},
    }
    return Entry(name, f"{name.lower()}-lab/{world.name}-{name}", "honest", source, (named,), what, truth)


def _planted(world: World) -> Iterator[Entry]:
    pair, three = {"A": 0.6, "B": 0.4}, {"A": 0.4, "B": 0.3, "C": 0.3}
    yield _hidden(world, "Half", {"A": 0.6, "base": 0.4}, None)
    yield _hidden(world, "Pair", pair, None)
    yield _hidden(world, "Three", three, None)
    for lr, steps in ((1e-6, 100), (1e-5, 10)):
        run = Run((MANUAL,), 320, lr, 300, start="Pair", constant=True)
        yield _hidden(world, f"Pair-{lr:.0e}-{steps}", pair, Checkpoint(run, steps))


def _hidden(world: World, name: str, parents: dict[str, float], on_top: Source | None) -> Entry:
    base = name_of(world, "base")
    what = " + ".join(f"{c:g} {k}" for k, c in parents.items()) + (", trained on" if on_top else "")
    truth: dict[str, Any] = {
        "finding": "blend",
        "family": ["linear"],
        "disclosure": "partial" if "base" in parents else "undisclosed",
        "alert": True,
        "parents": {name_of(world, k): c for k, c in parents.items()},
        "exact": on_top is None,
        "further_training": on_top is not None,
    }
    source = on_top or Blend(parents)
    return Entry(name, f"{name.lower()}-ai/{world.name}-{name}", "planted", source, (base,), what, truth)
