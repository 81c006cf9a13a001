"""Honest uploads of weights that are on the Hub already or soon: mirrors, second names, renames, partners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import numpy as np

from bench.hub_null.cards import bold, front, mirror_card, own_card, page, quantized_card, tuned_card
from bench.hub_null.cast import Cast, Draw, Model, Step, one_step, pick, trained_of
from bench.hub_null.quantizing import quantized, settings_of
from bench.hub_null.storing import repo
from bench.hub_null.weights import config, drawn, parameters, shapes, size_of, tuned


def mirror(cast: Cast, rng: np.random.Generator, at: datetime) -> Draw:
    """Return somebody's mirror of a known model or of another mirror, which it names."""
    start = cast.start(rng, "mirror")
    title = start.name if rng.random() < 0.7 else f"{start.name}-mirror"
    copy = Model(f"{cast.person(rng)}/{title}", start.weights, "upload", start.family)
    cast.remember("mirror", copy)
    shards, card = cast.storage.shards(start.weights, 1 + int(rng.integers(3))), mirror_card(rng, title, start.repo_id)
    what = "of a known model" if start.role != "upload" else "of a mirror"
    return one_step(what, repo(copy.repo_id, shards, card, at, counted=parameters(start.weights)))


def _own(cast: Cast, rng: np.random.Generator, person: str) -> tuple[Model, Callable[[str], str]]:
    """Return a model of somebody's own and what writes its card under any name.

    It was trained from nothing, or tuned from a model that its cards name.
    """
    title = cast.title(rng)
    if rng.random() < 0.5:
        return Model(f"{person}/{title}", drawn(rng, shapes()), "upload", ""), partial(own_card, rng)
    start = cast.some(rng)
    weights, _ = trained_of(rng, start)
    model = Model(f"{person}/{title}", weights, "upload", start.family)
    return model, partial(tuned_card, rng, base=start.repo_id)


def duplicate(cast: Cast, rng: np.random.Generator, at: datetime) -> Draw:
    """Return one's own weights under two names, the second with any card of one's own."""
    person = cast.person(rng)
    model, write = _own(cast, rng, person)
    card = write(model.name)
    other = f"{person}/{cast.title(rng) if rng.random() < 0.5 else model.name + '-v2'}"
    again = card if rng.random() < 0.5 else write(other.partition("/")[2])
    when = at + timedelta(minutes=float(rng.uniform(5, 300)))
    cut = 1 + int(rng.integers(3))
    first = repo(model.repo_id, cast.storage.shards(model.weights), card, at, counted=parameters(model.weights))
    second = repo(other, cast.storage.shards(model.weights, cut), again, when, counted=parameters(model.weights))
    return one_step("", first, second)


def renamed(cast: Cast, rng: np.random.Generator, at: datetime) -> Draw:
    """Return a repository that moves to another name, of the same person or of a new organisation."""
    person = cast.person(rng)
    model, write = _own(cast, rng, person)
    card = write(model.name)
    first = repo(model.repo_id, cast.storage.shards(model.weights), card, at, counted=parameters(model.weights))
    moves = pick(rng, ("name", "organisation"))
    owner = person if moves == "name" else cast.person(rng)
    new = f"{owner}/{cast.title(rng)}"
    when = at + timedelta(minutes=float(rng.uniform(2, 400)))
    # the Hub's own id and the commits stay what they were
    moved = replace(first, repo_id=new, settings_at=when)
    left = replace(first, renamed_to=new)
    return Draw(f"another {moves}", (Step(at, (first,)), Step(when, (left, moved))), (new,))


def after_a_mirror(cast: Cast, rng: np.random.Generator, at: datetime) -> Draw:
    """Return an organisation's model, a stranger's declared mirror of it, and what the organisation publishes next.

    Next comes the same model under another name, or a further training, with the first one still there or deleted.
    """
    maker = f"{cast.person(rng)}-lab"
    model, write = _own(cast, rng, maker)
    card = write(model.name)
    first = repo(model.repo_id, cast.storage.shards(model.weights), card, at, counted=parameters(model.weights))
    when = at + timedelta(minutes=float(rng.uniform(20, 200)))
    copy = mirror_card(rng, model.name, model.repo_id)
    mirrored = repo(f"{cast.person(rng)}/{model.name}", cast.storage.shards(model.weights), copy, when)
    deleted = rng.random() < 0.4
    gone = (model.repo_id,) if deleted else ()
    steps = [Step(at, (first,)), Step(when, (mirrored,)), Step(when + timedelta(minutes=15), gone=gone)]
    kind = pick(rng, ("the same weights", "trained on"))
    weights = model.weights if kind == "the same weights" else tuned(rng, model.weights, size_of(rng))
    title = f"{model.name}-v1.1" if rng.random() < 0.6 else cast.title(rng)
    last = when + timedelta(minutes=float(rng.uniform(30, 300)))
    own = card if rng.random() < 0.4 else write(title)
    released = repo(f"{maker}/{title}", cast.storage.shards(weights, 2), own, last, counted=parameters(weights))
    steps.append(Step(last, (released,)))
    uploads = (model.repo_id, mirrored.repo_id, released.repo_id)
    return Draw(f"{kind}{', the first one deleted' if deleted else ''}", tuple(steps), uploads)


def partner(cast: Cast, rng: np.random.Generator, at: datetime) -> Draw:
    """Return a partner's mirror or quantization, hours before the maker's own upload that it names."""
    maker, partner_name = f"{cast.person(rng)}-ai", cast.person(rng)
    model, write = _own(cast, rng, maker)
    card = write(model.name)
    kind = pick(rng, ("mirror", "mirror", "fp8", "int4", "mlx", "nf4"))
    settings = config()
    if kind == "mirror":
        title, said = model.name, mirror_card(rng, model.name, model.repo_id)
        stored = model.weights
    else:
        title, stored = f"{model.name}-{kind}", quantized(model.weights, kind)
        said, settings = quantized_card(rng, title, model.repo_id, kind), config() | settings_of(kind)
    if rng.random() < 0.3:
        text = f"Day-0 support for {bold(rng, model.repo_id)}, prepared with its authors."
        said = page(front(rng, [model.repo_id]), title, text)
    ahead = repo(f"{partner_name}/{title}", cast.storage.shards(stored), said, at, settings=settings)
    when = at + timedelta(minutes=float(rng.uniform(20, 360)))
    own = repo(model.repo_id, cast.storage.shards(model.weights, 2), card, when, counted=parameters(model.weights))
    return one_step(kind, ahead, own)
