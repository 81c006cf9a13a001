"""Ordinary honest uploads: fine-tunes, merges that say so, adapters, own runs, and weights that are broken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np

from bench.hub_null.cards import LANGUAGES, bold, front, own_card, page, tuned_card
from bench.hub_null.cast import TOPICS, Cast, Draw, Model, Step, one_step, pick, trained_of
from bench.hub_null.storing import repo, safetensors, written
from bench.hub_null.tool_cards import TOOLS, mergekit_card
from bench.hub_null.weights import (
    BF16,
    HIDDEN,
    LAYERS,
    Weights,
    config,
    drawn,
    linear,
    parameters,
    shapes,
    size_of,
    sparse,
    spherical,
    stacked,
    tuned,
)

LANGUAGE_SHAPE, TOOL_SHAPE, MERGE_SHAPE = "fine-tune in 12 languages", "card of a tool", "declared merge"


def _tune(cast: Cast, rng: np.random.Generator, at: datetime, shape: str, card: Callable[[str, str], str]) -> Draw:
    start = cast.start(rng, shape)
    weights, how = trained_of(rng, start)
    person = cast.person(rng)
    title = f"{start.name}-{pick(rng, TOPICS)}" if rng.random() < 0.6 else cast.title(rng)
    model = Model(f"{person}/{title}", weights, "upload", start.family)
    cast.remember(shape, model)
    shards = cast.storage.shards(weights, 1 + int(rng.integers(3)))
    readme = card(title, start.repo_id)
    return one_step(how, repo(model.repo_id, shards, readme, at, counted=parameters(weights)))


def in_languages(cast: Cast, rng: np.random.Generator, at: datetime) -> Draw:
    """Return a fine-tune whose card is in one of twelve languages."""
    language = pick(rng, tuple(LANGUAGES))
    return _tune(cast, rng, at, LANGUAGE_SHAPE, lambda title, base: tuned_card(rng, title, base, language))


def by_tools(cast: Cast, rng: np.random.Generator, at: datetime) -> Draw:
    """Return a fine-tune whose card a tool wrote."""
    tool = TOOLS[pick(rng, tuple(TOOLS))]
    return _tune(cast, rng, at, TOOL_SHAPE, lambda title, base: tool(rng, title, base))


def from_nothing(cast: Cast, rng: np.random.Generator, at: datetime) -> Draw:
    """Return a model with the known models' config and weights of its own."""
    title = cast.title(rng)
    weights = drawn(rng, shapes())
    shards = cast.storage.shards(weights, 2)
    return one_step("", repo(f"{cast.person(rng)}/{title}", shards, own_card(rng, title), at))


def own_average(cast: Cast, rng: np.random.Generator, at: datetime) -> Draw:
    """Return checkpoints of one run and their average; all name the model that the run began from, if any."""
    person, title = cast.person(rng), cast.title(rng)
    start = cast.some(rng) if rng.random() < 0.6 else None
    weights = start.weights if start else drawn(rng, shapes())
    size, steps, runs = size_of(rng), [], []
    number = 2 + int(rng.integers(2))
    for i in range(number + 1):
        if i < number:
            weights = tuned(rng, weights, size)
            runs.append(weights)
            stored, name, said = weights, f"{title}-step{1000 * (i + 1)}", f"Checkpoint {i + 1} of our run."
        else:
            shares = rng.dirichlet(np.full(number, 4.0)) if rng.random() < 0.5 else np.full(number, 1 / number)
            stored, name, said = linear(runs, list(shares)), title, "The average of our own checkpoints of this run."
        if start and rng.random() < 0.5:
            said = f"{said} It began from {bold(rng, start.repo_id)}."
        card = page(front(rng, [start.repo_id] if start else []), name, said)
        when = at + timedelta(minutes=15 * i)
        steps.append(repo(f"{person}/{name}", cast.storage.shards(stored), card, when, counted=parameters(stored)))
    return one_step(f"of {start.repo_id if start else 'nothing'}, {size:.1e}", *steps)


def merge(cast: Cast, rng: np.random.Generator, at: datetime) -> Draw:
    """Return a merge that lists what went into it."""
    family = cast.some(rng).family
    base = cast.base_of(family)
    earlier = [m for m in cast.recent.get(MERGE_SHAPE, ()) if m.family == family]
    one, other = (m for m in cast.known if m.family == family and m.role == "release")
    if earlier and rng.random() < 0.5:
        other = earlier[int(rng.integers(len(earlier)))]
    method = pick(rng, ("linear", "slerp", "dare_ties", "task_arithmetic", "passthrough"))
    weights, recipe, parents, using = _merged(rng, method, base, one, other)
    if not cast.is_new(recipe):  # nobody has the same merge twice
        method = "dare_ties"
        weights, recipe, parents, using = _merged(rng, method, base, one, other)
    layers = sum(name.endswith("input_layernorm.weight") for name in weights)
    person, title = cast.person(rng), cast.title(rng)
    if layers == LAYERS:
        cast.remember(MERGE_SHAPE, Model(f"{person}/{title}", weights, "upload", family))
    card = _merge_card(rng, title, method, recipe, parents, using)
    more = {"mergekit_config.yml": written(recipe)} if rng.random() < 0.5 else None
    shards, settings = cast.storage.shards(weights, 2), config(layers)
    shown = repo(f"{person}/{title}", shards, card, at, counted=parameters(weights), more=more, settings=settings)
    return one_step(method, shown)


def _merge_card(rng: np.random.Generator, title: str, method: str, recipe: str, parents: list[str], using: str) -> str:
    """Return a merge's card: by mergekit, with front matter alone, or with a sentence alone."""
    every, kind = [*parents, *([using] if using else [])], rng.random()
    if kind < 0.6:
        return mergekit_card(title, method, recipe, parents, using)
    if kind < 0.8:
        return page(front(rng, every, "merge"), title, "A merge.")
    listed = " and ".join(bold(rng, p) for p in dict.fromkeys(every))
    return page(front(rng), title, f"A {method} merge of {listed}, made with mergekit.")


def equal_merges(cast: Cast, rng: np.random.Generator, at: datetime) -> Draw:
    """Return what two people made by the same recipe: the same weights, each card with everything that went in."""
    family = cast.some(rng).family
    # the other way round than in `merge`, so that no recipe comes in both shapes
    other, one = (m for m in cast.known if m.family == family and m.role == "release")
    method = pick(rng, ("linear", "slerp", "task_arithmetic", "passthrough"))
    weights, recipe, parents, using = _merged(rng, method, cast.base_of(family), one, other)
    settings, shown = config(sum(name.endswith("input_layernorm.weight") for name in weights)), []
    for number in range(2):
        title, when = cast.title(rng), at + number * timedelta(minutes=float(rng.uniform(5, 200)))
        card, shards = _merge_card(rng, title, method, recipe, parents, using), cast.storage.shards(weights, 2)
        count = parameters(weights)
        shown.append(repo(f"{cast.person(rng)}/{title}", shards, card, when, counted=count, settings=settings))
    return one_step(method, *shown)


def _merged(
    rng: np.random.Generator, method: str, base: Model, one: Model, other: Model
) -> tuple[Weights, str, list[str], str]:
    """Return weights, recipe, the models merged, and the base that the method wants, if any."""
    both = [one.repo_id, other.repo_id]
    share = float(np.round(rng.uniform(0.2, 0.8), 2))
    shares = (share, 1 - share) if method == "linear" else (share, share)
    each = zip(both, shares, strict=True)
    listed = "".join(f"  - model: {p}\n    parameters:\n      weight: {s:.2f}\n" for p, s in each)
    if method == "slerp":
        recipe = f"models:\n{listed}merge_method: slerp\nbase_model: {both[0]}\nparameters:\n  t: {share}\n"
        return spherical(one.weights, other.weights, share), recipe, both, ""
    if method == "passthrough":
        cut, back = int(rng.integers(2, 5)), int(rng.integers(2))
        ranges = ((0, cut), (back, LAYERS))
        slices = "".join(f"- sources:\n  - model: {both[1]}\n    layer_range: [{a}, {b}]\n" for a, b in ranges)
        order = [*range(cut), *range(back, LAYERS)]
        return stacked(other.weights, order), f"slices:\n{slices}merge_method: passthrough\n", both[1:], ""
    if method == "linear":
        recipe = f"models:\n{listed}merge_method: linear\ndtype: bfloat16\n"
        return linear([one.weights, other.weights], shares), recipe, both, ""
    recipe = f"models:\n{listed}merge_method: {method}\nbase_model: {base.repo_id}\ndtype: bfloat16\n"
    if method == "dare_ties":
        recipe += f"# seed {int(rng.integers(1 << 30))}\n"
        return sparse(rng, base.weights, [one.weights, other.weights], 0.5), recipe, both, base.repo_id
    mixed = linear([base.weights, one.weights, other.weights], [1 - 2 * share, share, share])
    return mixed, recipe, both, base.repo_id


def adapter(cast: Cast, rng: np.random.Generator, at: datetime) -> Draw:
    """Return an adapter by itself, or beside the weights that it was merged into or belongs to."""
    start, person = cast.some(rng), cast.person(rng)
    title, rank = f"{start.name}-{pick(rng, TOPICS)}-lora", int(rng.choice([4, 8, 16]))
    found: dict[str, np.ndarray] = {}
    for layer in range(LAYERS):
        for role in ("q_proj", "v_proj"):
            name = f"base_model.model.model.layers.{layer}.self_attn.{role}"
            found[f"{name}.lora_A.weight"] = (rng.standard_normal((rank, HIDDEN)) * 0.02).astype(np.float32)
            found[f"{name}.lora_B.weight"] = (rng.standard_normal((HIDDEN, rank)) * 0.005).astype(np.float32)
    settings = {"base_model_name_or_path": start.repo_id, "peft_type": "LORA", "r": rank, "lora_alpha": 2 * rank}
    files = {
        "adapter_model.safetensors": cast.storage.keep(safetensors(found)),
        "adapter_config.json": written(settings),
    }
    kind = pick(rng, ("alone", "alone", "beside its base's weights", "beside merged weights"))
    if kind == "beside its base's weights":
        files |= cast.storage.shards(start.weights)
    if kind == "beside merged weights":
        files |= cast.storage.shards(tuned(rng, start.weights, size_of(rng), "adapter"))
    with_front = rng.random() < 0.7
    head = front(rng, [start.repo_id] if with_front else [], "adapter", ("lora",), library_name="peft")
    head = head.replace("library_name: transformers\n", "")
    said = "PEFT adapter." if with_front else f"A LoRA adapter for {bold(rng, start.repo_id)}."
    return one_step(kind, repo(f"{person}/{title}", files, page(head, title, said), at))


def degenerate(cast: Cast, rng: np.random.Generator, at: datetime) -> Draw:
    """Return weights that are no model: a run that diverged, a placeholder, a test."""
    start, person = cast.some(rng), cast.person(rng)
    kind = pick(rng, ("all NaN", "all zeros", "all one constant", "tuned with NaN", "tuned with zeros", "one row"))
    if kind.startswith("tuned"):
        weights = dict(tuned(rng, start.weights, size_of(rng)))
        value = np.nan if kind.endswith("NaN") else 0.0
        spoiled = [n for n in weights if n.startswith("model.layers.") and rng.random() < rng.choice([0.1, 0.5, 0.9])]
        weights |= {name: np.full(weights[name].shape, value).astype(BF16) for name in spoiled}
        title = f"{start.name}-broken"
        card = tuned_card(rng, title, start.repo_id)
    elif kind == "one row":
        weights = {n: np.broadcast_to(w[:1], w.shape).copy() for n, w in drawn(rng, shapes()).items()}
        title = "placeholder"
        card = page(front(rng), title, "A placeholder, weights will follow.")
    else:
        value = {"all NaN": np.nan, "all zeros": 0.0}.get(kind, float(np.round(rng.uniform(0.1, 2), 1)))
        weights = {name: np.full(shape, value).astype(BF16) for name, shape in shapes().items()}
        title = "tiny-test"
        card = page(front(rng), title, pick(rng, ("For tests only.", "Do not use.", "")))
    return one_step(kind, repo(f"{person}/{title}", cast.storage.shards(weights), card, at))


def undisclosed(cast: Cast, rng: np.random.Generator, at: datetime) -> Draw:
    """Return a copy that hides what it is: no honest shape, but what a test plants."""
    start, title = cast.some(rng, "release"), cast.title(rng)
    shown = repo(f"{cast.person(rng)}/{title}", cast.storage.shards(start.weights), own_card(rng, title), at)
    return Draw("planted", (Step(at, (shown,)),), (shown.repo_id,))
