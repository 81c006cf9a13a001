"""Honest uploads that come piece by piece: many commits, and a card that is written after the weights."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import numpy as np

from bench.hub_null.cards import bold, front, mirror_card, page, quantized_card, tuned_card
from bench.hub_null.cast import Cast, Draw, Step, pick, trained_of
from bench.hub_null.quantizing import quantized, settings_of
from bench.hub_null.storing import CARD, later, repo, text
from bench.hub_null.weights import Weights, config, linear, parameters, size_of, tuned
from demo.hub.repository import Blob, LoopbackRepo

Card = Callable[[np.random.Generator, str], str]
KINDS = ("fine-tune", "mirror", "merge", "fp8")


def _content(cast: Cast, rng: np.random.Generator, kind: str) -> tuple[Weights, Card, dict[str, object]]:
    """Return weights, what writes their card, and their config."""
    start = cast.some(rng, "release")
    if kind == "mirror":
        return start.weights, lambda r, title: mirror_card(r, title, start.repo_id), config()
    if kind == "fp8":
        made = quantized(start.weights, "fp8")
        write = partial(_quantized, base=start.repo_id)
        return made, write, config() | settings_of("fp8")
    if kind == "merge":
        base, share = cast.base_of(start.family), float(rng.uniform(0.3, 0.7))
        both = [start.repo_id, base.repo_id]
        return linear([start.weights, base.weights], [share, 1 - share]), partial(_merged, both=both), config()
    weights, _ = trained_of(rng, start)
    return weights, lambda r, title: tuned_card(r, title, start.repo_id), config()


def _quantized(rng: np.random.Generator, title: str, base: str) -> str:
    return quantized_card(rng, title, base, "fp8")


def _merged(rng: np.random.Generator, title: str, both: list[str]) -> str:
    if rng.random() < 0.5:
        return page(front(rng, both, "merge"), title, "A linear merge.")
    return page(front(rng), title, f"A linear merge of {bold(rng, both[0])} and {bold(rng, both[1])}.")


def many_commits(cast: Cast, rng: np.random.Generator, at: datetime) -> Draw:
    """Return a repository whose shards, index and card come in commits of their own, and whose weights may change."""
    kind = pick(rng, KINDS)
    weights, write, settings = _content(cast, rng, kind)
    title, number = cast.title(rng), 3 + int(rng.integers(3))
    card = write(rng, title)
    files = cast.storage.shards(weights, number)
    weight_files = [path for path in files if path.endswith(".safetensors")]
    card_first = rng.random() < 0.5
    now, first = at, {weight_files[0]: files[weight_files[0]]}
    state = repo(f"{cast.person(rng)}/{title}", first, card if card_first else None, at, settings=settings)
    states: list[tuple[datetime, LoopbackRepo]] = [(at, state)]

    def commit(path: str, content: Blob, said: str) -> None:
        nonlocal now, state
        now += timedelta(minutes=float(rng.uniform(1, 9)))
        state = later(state, now, said, {path: content})
        states.append((now, state))

    for path in weight_files[1:]:
        commit(path, files[path], f"Upload {path}")
    commit("model.safetensors.index.json", files["model.safetensors.index.json"], "Upload the index")
    for edit in range(int(rng.integers(1, 4))):
        commit(CARD, text(f"{card}\nEdit {edit}.\n"), "Update README.md")
    if kind == "fine-tune" and rng.random() < 0.5:
        again = cast.storage.shards(tuned(rng, weights, size_of(rng)), number)
        for path in weight_files:
            commit(path, again[path], f"Upload {path}")
    steps = tuple(Step(when, (one,)) for when, one in states)
    return Draw(f"{kind}, {len(steps)} commits", steps, (state.repo_id,))


def late_card(cast: Cast, rng: np.random.Generator, at: datetime) -> Draw:
    """Return a repository whose card comes minutes after its weights; until then it has none or an empty one."""
    kind = pick(rng, KINDS)
    weights, write, settings = _content(cast, rng, kind)
    title = cast.title(rng)
    before = pick(rng, ("no card", "front matter alone", "a template"))
    stub = {"no card": None, "front matter alone": front(rng)}.get(
        before, page(front(rng), "Model Card for Model ID", "[More Information Needed]")
    )
    count = parameters(weights) if kind != "fp8" else None
    shards = cast.storage.shards(weights, 1 + int(rng.integers(3)))
    first = repo(f"{cast.person(rng)}/{title}", shards, stub, at, counted=count, settings=settings)
    when = at + timedelta(minutes=float(rng.uniform(2, 50)))
    written = later(first, when, "Update README.md", {CARD: text(write(rng, title))})
    return Draw(f"{kind}, at first {before}", (Step(at, (first,)), Step(when, (written,))), (first.repo_id,))
