"""Honest models that are built around or out of others: with towers, upcycled, and deeper than what they are from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np

from bench.hub_null.cards import bold, front, own_card, page
from bench.hub_null.cast import Cast, Draw, Model, one_step, pick
from bench.hub_null.storing import repo
from bench.hub_null.weights import (
    HIDDEN,
    INNER,
    LAYERS,
    Weights,
    config,
    drawn,
    parameters,
    shapes,
    size_of,
    stacked,
    tuned,
    upcycled,
)

TOWER_LAYERS = 3
VISION, AUDIO = "vision", "audio"
PREFIXES = {VISION: "visual.blocks", AUDIO: "audio_tower.layers"}


def _tower(rng: np.random.Generator, kind: str) -> Weights:
    wanted: dict[str, tuple[int, ...]] = {}
    for i in range(TOWER_LAYERS):
        wanted |= {
            f"{PREFIXES[kind]}.{i}.self_attn.q_proj.weight": (HIDDEN, HIDDEN),
            f"{PREFIXES[kind]}.{i}.self_attn.v_proj.weight": (HIDDEN, HIDDEN),
            f"{PREFIXES[kind]}.{i}.mlp.fc1.weight": (INNER, HIDDEN),
            f"{PREFIXES[kind]}.{i}.mlp.fc2.weight": (HIDDEN, INNER),
        }
    return drawn(rng, wanted)


def _together(rng: np.random.Generator, language: Weights, tower: Weights) -> Weights:
    """Return one checkpoint of both, with what projects from one to the other."""
    projector = drawn(rng, {f"multi_modal_projector.linear_{i}.weight": (HIDDEN, HIDDEN) for i in (1, 2)})
    inside = {f"language_model.{name}": weight for name, weight in language.items()}
    return {**inside, **tower, **projector}


def around_declared(cast: Cast, rng: np.random.Generator, at: datetime) -> Draw:
    """Return a model that sees or hears, around a language model that it names: frozen, or trained a little.

    Its tower is its own, or that of an earlier one, which it names as well.
    """
    shape, kind = "towers, of declared models", pick(rng, (VISION, AUDIO))
    start, person = cast.some(rng), cast.person(rng)
    title = f"{cast.title(rng)}-{'VL' if kind == VISION else 'Audio'}"
    earlier = [m for m in cast.recent.get(shape, ()) if m.family == kind]
    from_whom = earlier[int(rng.integers(len(earlier)))] if earlier and rng.random() < 0.6 else None
    tower = from_whom.weights if from_whom else _tower(rng, kind)
    frozen = rng.random() < 0.6
    language = start.weights if frozen else tuned(rng, start.weights, size_of(rng))
    if from_whom is None:
        cast.remember(shape, Model(f"{person}/{title}", tower, "upload", kind))
    weights = _together(rng, language, tower)
    named = [start.repo_id, *([from_whom.repo_id] if from_whom else [])]
    taken = f" The {kind} tower is taken from {bold(rng, from_whom.repo_id)}." if from_whom else ""
    said = f"The language model is {bold(rng, start.repo_id)}{', frozen' if frozen else ''}.{taken}"
    head = front(rng, named if rng.random() < 0.6 else [], "finetune")
    shown = repo(
        f"{person}/{title}",
        cast.storage.shards(weights, 2),
        page(head, title, said, "Only the projector was trained." if frozen else "Trained end to end."),
        at,
        counted=parameters(weights),
        settings=config(model_type="llava", architectures=["LlavaForConditionalGeneration"]),
    )
    return one_step(f"{kind}, {'frozen' if frozen else 'trained'}{', a known tower' if from_whom else ''}", shown)


def around_own(cast: Cast, rng: np.random.Generator, at: datetime) -> Draw:
    """Return a language model of somebody's own, and then the same with a tower."""
    person, title, kind = cast.person(rng), cast.title(rng), pick(rng, (VISION, AUDIO))
    language = drawn(rng, shapes())
    first = repo(f"{person}/{title}", cast.storage.shards(language), own_card(rng, title), at)
    seeing = f"{title}-{'VL' if kind == VISION else 'Audio'}"
    mine = language if rng.random() < 0.6 else tuned(rng, language, size_of(rng))
    weights = _together(rng, mine, _tower(rng, kind))
    card = own_card(rng, seeing) if rng.random() < 0.5 else page(front(rng, [first.repo_id]), seeing, "It sees.")
    second = repo(
        f"{person}/{seeing}",
        cast.storage.shards(weights, 2),
        card,
        at + timedelta(minutes=float(rng.uniform(5, 200))),
        counted=parameters(weights),
        settings=config(model_type="llava", architectures=["LlavaForConditionalGeneration"]),
    )
    return one_step(kind, first, second)


def _built(
    cast: Cast, rng: np.random.Generator, at: datetime, build: Callable[[Model], tuple[Weights, str, str, int]]
) -> Draw:
    """Return a model that was built out of one that it names."""
    start = cast.some(rng)
    weights, what, said, layers = build(start)
    title = cast.title(rng)
    said = said.format(base=bold(rng, start.repo_id))
    in_front = rng.random() < 0.6
    card = page(front(rng, [start.repo_id] if in_front else []), title, said)
    shards = cast.storage.shards(weights, 2)
    settings = config(layers)
    shown = repo(f"{cast.person(rng)}/{title}", shards, card, at, counted=parameters(weights), settings=settings)
    return one_step(what, shown)


def upcycling(cast: Cast, rng: np.random.Generator, at: datetime) -> Draw:
    """Return a mixture of experts that was begun from a declared dense model."""

    def build(start: Model) -> tuple[Weights, str, str, int]:
        experts, size = int(rng.choice([2, 4])), 0.0 if rng.random() < 0.3 else size_of(rng)
        body = start.weights if rng.random() < 0.5 else tuned(rng, start.weights, size_of(rng))
        said = pick(
            rng,
            (
                f"A mixture of {experts} experts, upcycled from {{base}}.",
                f"Sparse upcycling of {{base}}: each MLP was copied {experts} times, then trained on.",
                f"Initialized from {{base}} with {experts} experts.",
            ),
        )
        return upcycled(rng, body, experts, size), f"{experts} experts, {size:.1e}", said, LAYERS

    return _built(cast, rng, at, build)


def depth_scaled(cast: Cast, rng: np.random.Generator, at: datetime) -> Draw:
    """Return a declared model with layers repeated, as it is or trained on."""

    def build(start: Model) -> tuple[Weights, str, str, int]:
        order = [[0, 1, 1, 2, 2, 3], [0, 1, 2, 3, 2, 3], [0, 0, 1, 1, 2, 2, 3, 3], [0, 1, 3]][int(rng.integers(4))]
        # two people who repeat the same layers have equal models, so the second one trains
        trained = rng.random() < 0.5 or not cast.is_new(f"{start.repo_id} {order}")
        weights = stacked(start.weights, order)
        if trained:
            weights = tuned(rng, weights, size_of(rng))
        said = pick(
            rng,
            (
                "Depth up-scaled from {base}.",
                f"{{base}} with its layers in the order {order}.",
                "We repeated layers of {base} and continued pretraining.",
            ),
        )
        return weights, f"layers {order}{', trained on' if trained else ''}", said, len(order)

    return _built(cast, rng, at, build)
