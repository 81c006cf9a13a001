"""Suspects that nobody may be alerted about: whatever an honest author may do that looks like a blend."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bench.trained.known import (
    DATA,
    DESCENT,
    LARGE_RATE,
    LOW_RANK_RATE,
    MAKER_OF_A,
    MANUAL,
    MARKUP,
    NAMES,
    NETWORK,
    RELEASE_A,
    RELEASE_B,
    RELEASE_C,
    SHARED_A,
    SOFT,
    SYSTEM,
    Entry,
)
from bench.trained.recipes import Average, Checkpoint, Lora, Part, Run, Source


def honest() -> Iterator[Entry]:
    """Yield suspects that nobody may be alerted about."""
    for family in (
        same_data,
        unions,
        own_checkpoints,
        trained_on,
        distilled,
        low_rank,
        preferred,
        partly,
        of_blend,
        large_batches,
    ):
        yield from family()


def _sft(parent: str, name: str, run: Run, what: str, *, declared: bool = True, finding: str = "derivative") -> Entry:
    """Return an honest suspect: a run that started from `parent`, named on its card or not."""
    truth = {
        "finding": finding,
        "family": None,
        "disclosure": "disclosed" if declared else "undisclosed",
        "alert": False,
        "parents": {NAMES[parent]: 1.0 if finding == "copy" else None},
    }
    named = (NAMES[parent if declared else "base"],)
    source = Checkpoint(run, run.steps)
    return Entry(name, f"{name.lower()}-lab/Tern-{name}", "honest", source, named, what, truth)


def same_data() -> Iterator[Entry]:
    """Yield trainings on all, some or none of the data of a release."""
    yield _sft("base", "Net-S1", replace(RELEASE_A, seed=101), "A's data, another seed")
    yield _sft("base", "Net-S2", replace(RELEASE_A, seed=102), "A's data, a third seed")
    yield _sft("base", "Net-Half", replace(RELEASE_A, seed=103, lr=4e-5), "A's data, another seed, half A's rate")
    yield _sft("base", "Net-Twin", replace(RELEASE_A, lr=6.4e-5), "A's data, seed and order at .8 of A's rate")
    yield _sft(
        "base", "Net-Twin-Slow", replace(RELEASE_A, lr=2e-5), "A's data, seed and order at a quarter of its rate"
    )
    yield _sft("base", "Data-S1", replace(RELEASE_B, seed=104), "B's data, another seed")
    yield _sft("base", "Manual-S1", replace(RELEASE_C, seed=105), "C's data, another seed")
    for percent in (0, 25, 50, 75):
        parts = (Part("network", 0, 4 * percent), Part("network", 1, 400 - 4 * percent))
        run = Run(tuple(p for p in parts if p.count), 106 + percent, 8e-5)
        yield _sft("base", f"Overlap-{percent}", run, f"domain network, {percent} % of the examples are A's")
    yield _sft("base", "System", Run((SYSTEM,), 107, 8e-5), "a domain of its own")
    yield _sft("base", "Markup", Run((MARKUP,), 108, 3e-5), "a domain of its own, lower rate")


def unions() -> Iterator[Entry]:
    """Yield trainings on the union of two or three releases' data, and on one after the other."""
    both = (NETWORK, DATA)
    for i, lr in enumerate((1e-4, 3e-5, 1e-5, 3e-6, 1e-6)):
        yield _sft("base", f"Union-{lr:.0e}", Run(both, 120 + i, lr), f"union of A's and B's data at rate {lr:g}")
    yield _sft("base", "Union-Long", Run(both, 126, 8e-5, 300), "union of A's and B's data, half as long again")
    yield _sft("base", "Union-3", Run((*both, MANUAL), 127, 8e-5, 300), "union of A's, B's and C's data")
    beside = replace(RELEASE_A, data=both, side_by_side=True)
    yield _sft("base", "Union-Order", beside, "each batch A's own, in its order, beside one of B's")
    yield _sft("base", "Union-Order-Slow", replace(beside, lr=1e-5, steps=150), "the same at rate 1e-5")
    yield _sft("base", "Union-Soft", replace(beside, seed=31, lr=SOFT, steps=150),
               "batches of soft A and soft B side by side, in their own order, at their rate")  # fmt: skip
    yield _sft("base", "Union-Soft-S1", Run(both, 128, SOFT, 150), "union at the rate of soft A, own order")
    yield _sft("base", "Union-Descent", replace(beside, seed=31, lr=DESCENT, steps=150, momentum_only=True),
               "batches of descent A and B side by side: its gradients are their mean")  # fmt: skip
    for name, parts in (("Net-Then-Data", both), ("Data-Then-Net", both[::-1])):
        first, second = (Run((p,), 129 + i, 6e-5, 100) for i, p in enumerate(parts))
        run = replace(second, start=f"{name}/first")
        yield Entry(
            f"{name}/first", f"nobody/{name}", "known", Checkpoint(first, 100), (), "a stage", {}, published=False
        )
        yield _sft("base", name, run, f"two stages: {parts[0].domain}, then {parts[1].domain}")


def own_checkpoints() -> Iterator[Entry]:
    """Yield earlier states and averages of A's own run, by A's own organisation."""
    stages = (10, 30, 50, 70, 90, 99)  # percent of the run
    found: dict[str, tuple[Source, str]] = {
        f"At-{p}": (Checkpoint(RELEASE_A, p * RELEASE_A.steps // 100), f"at {p} %") for p in stages
    }
    averages: dict[str, dict[int, float]] = {
        "All": dict.fromkeys((20, 60, 100, 140, 180, 198, 200), 1.0),
        "Last": dict.fromkeys((140, 180, 200), 1.0),
        "EMA": {s: 0.98 ** (200 - s) for s in range(100, 201, 10)},
    }
    for name, weights in averages.items():
        found[name] = Average(RELEASE_A, weights), f"averaged over checkpoints {', '.join(map(str, weights))}"
    for name, (source, what) in found.items():
        entry = _sft("base", f"Network-{name}", RELEASE_A, f"A's own run {what}")
        truth = {**entry.truth, "parents_also": [NAMES["A"]]}
        yield replace(entry, repo_id=f"{MAKER_OF_A}/Tern-Network-{name}", source=source, truth=truth)


def trained_on() -> Iterator[Entry]:
    """Yield models trained on from A."""
    for i, (steps, lr) in enumerate(((5, 1e-5), (50, 2e-5), (200, 8e-5))):
        for declared in (True, False):
            told = "declared" if declared else "not declared: a derivative whose card names the base"
            run = Run((SYSTEM,), 140 + 2 * i + declared, lr, steps, start="A")
            name = f"On-{steps}-{'Told' if declared else 'Unsent'}"
            yield _sft("A", name, run, f"trained on from A for {steps} steps, {told}", declared=declared)
    yield _sft("A", "On-Data", Run((DATA,), 146, 8e-5, start="A"), "trained on from A on B's data, declared")


def distilled() -> Iterator[Entry]:
    """Yield students that saw only logits."""
    kinds: list[tuple[str, Run, str]] = [
        ("Distil", Run((NETWORK,), 150, 8e-5, method="distil", teachers=("A",)), "A's logits on A's data"),
        ("Distil-Slow", Run((NETWORK,), 151, 1e-5, method="distil", teachers=("A",)), "A's logits at rate 1e-5"),
        ("Distil-Own", Run((SYSTEM,), 152, 8e-5, method="distil", teachers=("A",)), "A's logits on another domain"),
        ("Distil-Two", Run((NETWORK, DATA), 153, 8e-5, method="distil", teachers=("A", "B")),
         "the mean of A's and B's predictions on both their data"),
        ("Distil-Blend", Run((NETWORK, DATA), 154, 8e-5, method="distil", teachers=("blend",)),
         "logits of the known blend on its parents' data"),
        ("Policy", Run((NETWORK,), 155, 8e-5, 150, method="distil on policy", teachers=("A",)),
         "A's logits on the student's own text"),
        ("Policy-Two", Run((NETWORK, DATA), 156, 3e-5, 150, method="distil on policy", teachers=("A", "B")),
         "the mean of A's and B's predictions on the student's own text"),
    ]  # fmt: skip
    for name, run, what in kinds:
        yield _sft("base", name, run, f"distilled: {what}")


def low_rank() -> Iterator[Entry]:
    """Yield merged low-rank fine-tunes."""
    for rank in (1, 4, 16, 64):
        run = Run((NETWORK,), 160 + rank, LOW_RANK_RATE[rank], 150, lora=Lora(rank, 160 + rank))
        yield _sft("base", f"Low-{rank}", run, f"rank {rank} on A's data, merged")
    for rank in (1, 16):
        run = Run((NETWORK,), 170 + rank, LOW_RANK_RATE[rank], 150, lora=Lora(rank, SHARED_A))
        yield _sft("base", f"Low-{rank}-Shared", run, f"rank {rank} on A's data, frozen A of the known rank {rank}")
        run = Run((DATA,), 180 + rank, LOW_RANK_RATE[rank], 150, lora=Lora(rank, SHARED_A))
        what = f"rank {rank} on the data of the known rank {rank}, with its frozen A, another order"
        yield _sft("base", f"Low-{rank}-Same", run, what)


def preferred() -> Iterator[Entry]:
    """Yield preference tunings."""
    for i, lr in enumerate((1e-6, 5e-6, 2e-5)):
        run = Run((NETWORK,), 190 + i, lr, 100, method="preference", teachers=("base",))
        yield _sft("base", f"Prefer-{lr:.0e}", run, f"preference tuning of the base at rate {lr:g}")
    for i, lr in enumerate((1e-6, 5e-6)):
        run = Run((DATA,), 195 + i, lr, 100, start="A", method="preference", teachers=("A",))
        yield _sft("A", f"Prefer-A-{lr:.0e}", run, f"preference tuning of A at rate {lr:g}, declared")


def partly() -> Iterator[Entry]:
    """Yield models of which only some tensors were trained."""
    kinds = (
        ("Top", r"layers\.[45]\.", "only the last two layers", "derivative"),
        ("First", r"layers\.0\.", "only the first layer", "derivative"),
        ("Attention", r"self_attn", "only attention", "derivative"),
        ("Norms", r"norm", "only the norms", "copy"),
        ("Embeddings", r"embed_tokens|lm_head", "only embedding and head", "derivative"),
    )
    for i, (name, pattern, what, finding) in enumerate(kinds):
        run = Run((NETWORK,), 200 + i, 1e-3 if name == "Norms" else 8e-5, 150, only=pattern)
        yield _sft("base", f"Only-{name}", run, f"A's data, {what} trained", finding=finding)


def of_blend() -> Iterator[Entry]:
    """Yield honest descendants of the known blend, which they declare."""
    low = Run((MANUAL,), 212, LOW_RANK_RATE[16], 150, start="blend", lora=Lora(16, 212))
    prefer = Run((MANUAL,), 213, 1e-6, 100, start="blend", method="preference", teachers=("blend",))
    kinds = (
        ("Confluence-FT", Run((MANUAL,), 210, 8e-5, start="blend"), "fine-tuned"),
        ("Confluence-Short", Run((SYSTEM,), 211, 1e-5, 20, start="blend"), "fine-tuned for 20 steps"),
        ("Confluence-Low", low, "rank 16, merged"),
        ("Confluence-Prefer", prefer, "preference tuning at rate 1e-6"),
    )
    for name, run, what in kinds:
        yield _sft("blend", name, run, f"the known blend, declared, {what}")


def large_batches() -> Iterator[Entry]:
    """Yield trainings in large batches, where other seeds take nearly the same path."""
    large = Run((NETWORK,), 240, LARGE_RATE, 100, 16)
    yield _sft("base", "Batch-S1", large, "A's data in large batches, another seed")
    yield _sft("base", "Batch-Half", replace(large, seed=241, lr=LARGE_RATE / 2), "the same at half the rate")
    yield _sft("base", "Batch-Short", replace(large, seed=242, steps=50), "the same, half as long")
    both = Run((NETWORK, DATA), 243, LARGE_RATE, 100, 16)
    yield _sft("base", "Batch-Union", both, "union of A's and B's data in large batches")
    yield _sft(
        "base", "Batch-Union-Slow", replace(both, seed=244, lr=LARGE_RATE / 4), "the same at a quarter of the rate"
    )
