"""A suspect tensor by tensor: copied from which models, or mixed of which and how, or neither.

Most merges leave every tensor exact by itself while coefficients differ between layers and modules (slerp, gradients,
model stock), and stacks take whole tensors from different models, sometimes from another depth. Both show in a profile
and in no global fit.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from analyzers.compare.aligned import Aligned, Mask, noise_floor
from analyzers.fit.arithmetic import ARITHMETICS
from analyzers.fit.intervals import likely_intervals
from analyzers.fit.mixture import Mixture, mixture, under
from analyzers.fit.moments import fit_set, moments_of
from analyzers.fit.parent_selection import select, select_from
from analyzers.fit.recipe import recipes
from analyzers.numbers.rounding import equal, widen
from analyzers.records import SliceKey
from analyzers.thresholds import (
    DISTINCT_ULPS,
    ENOUGH_WEIGHTS,
    MIN_DISTINCT,
    MOST,
    REPRODUCED_TENSOR,
)

MAX_MODELS = 8  # that a profile is made of
REPLAYED_FROM = 0.4  # of far or decisive weights that a plain mix must meet first
NEXT_TO_NEAREST = 0.9  # of weights within 1.5 ulp of the nearest model: it hardly moved, so it says nothing
TRIED = 6
TRIED_SOLVED = 0.5

State = Literal["copied", "mixed", "unexplained", "silent"]


@dataclass(frozen=True, slots=True)
class TensorProfile:
    """What one tensor of the suspect is made of. Model numbers are rows of the aligned candidates."""

    key: SliceKey
    state: State  # silent: the models hardly differ here, so it says nothing
    copied_from: frozenset[int]  # models equal to it bit for bit
    nearest: int
    mixed: Mixture | None
    needed: frozenset[int] = frozenset()  # models of the mix whose coefficient is not zero by its 95 % interval


def profile(aligned: Aligned) -> tuple[TensorProfile, ...]:
    """Return what each tensor is made of, by at most MAX_MODELS of the aligned models."""
    parts = [aligned.only(aligned.tensors == t) for t in range(len(aligned.keys))]
    models = _models(parts)
    return tuple(_tensor(part, key, models) for part, key in zip(parts, aligned.keys, strict=True))


def _models(parts: list[Aligned]) -> tuple[int, ...]:
    """Return the models that any tensor is copied from or is best explained by, the most wanted first."""
    votes: Counter[int] = Counter()
    for part in parts:
        copied = _copied_from(part)
        if not copied:
            anchor = nearest_model(part)
            copied = frozenset(select(part.suspect, part.candidates, anchor, len(part.references)).parents)
        votes.update(copied)
    ranked = sorted(votes, key=lambda model: (-votes[model], model))
    return tuple(ranked[:MAX_MODELS])


def nearest_model(part: Aligned) -> int:
    """Return the model at the smallest distance, in ulps of the suspect."""
    u = noise_floor(part.suspect, part.candidates)
    return int(np.argmin((((widen(part.suspect) - part.candidates) / u) ** 2).sum(axis=1)))


def _copied_from(part: Aligned) -> frozenset[int]:
    same = [bool(equal(row, part.suspect).all()) for row in part.candidates]
    return frozenset(np.flatnonzero(same).tolist())


def distinct(part: Aligned) -> Mask:
    """Tell the weights on which the models differ by so much that equality is no coincidence, bool[weights]."""
    spread = part.candidates.max(axis=0) - part.candidates.min(axis=0)
    return np.asarray(spread >= DISTINCT_ULPS * noise_floor(part.suspect, part.candidates))


def _tensor(part: Aligned, key: SliceKey, models: tuple[int, ...]) -> TensorProfile:
    nearest = nearest_model(part)
    copied = _copied_from(part)
    if copied:
        others = [m for m in models if m not in copied] + list(copied)[:1]
        told = len(others) > 1 and int(distinct(part.of(others)).sum()) >= MIN_DISTINCT
        return TensorProfile(key, "copied" if told else "silent", copied, nearest, None)
    if len(models) < 2:
        return TensorProfile(key, "unexplained", copied, nearest, None)
    found = _mixed(part, models)
    bounds = likely_intervals(part.of(found.parents), found.coefficients, found.tau)
    needed = frozenset(p for p, (low, high) in zip(found.parents, bounds, strict=True) if not low <= 0 <= high)
    return TensorProfile(key, _state(found), copied, nearest, found, needed)


def _mixed(part: Aligned, models: tuple[int, ...]) -> Mixture:
    """Fit one tensor by the models it seems to need, or by all where that explains more of it."""
    local = part.of(models)
    anchor = nearest_model(local)
    m = moments_of(local, anchor)
    few = mixture(local, m, select_from(m, anchor))
    found = few
    if _state(few) != "mixed":
        every = mixture(local, m, fit_set(m, tuple(range(len(models)))))
        found = next((f for f in (every, _replayed(local, every), _replayed(local, few)) if _state(f) == "mixed"), few)
    return replace(found, parents=tuple(models[i] for i in found.parents))


def _replayed(local: Aligned, found: Mixture) -> Mixture:
    """Judge what looks like a mix by the arithmetic in the storage type that reproduces most of it: it rounds more."""
    fit = found.fitness
    if len(found.parents) < 2 or max(fit.nearby, fit.reproduced) < REPLAYED_FROM:
        return found
    tried = [a for a in ARITHMETICS if a.in_storage]
    best = max(recipes(local.of(found.parents), found.fits, tried), key=lambda r: r.equal)
    return replace(found, fitness=under(local, found, best))


def _state(found: Mixture) -> State:
    fit = found.fitness
    far, decisive = int(fit.far.sum()), int(fit.decisive.sum())
    if far >= MIN_DISTINCT:
        return "mixed" if fit.nearby >= MOST else "unexplained"
    if decisive >= ENOUGH_WEIGHTS:
        return "mixed" if fit.reproduced >= REPRODUCED_TENSOR else "unexplained"
    return "unexplained" if float(fit.near.mean()) < NEXT_TO_NEAREST else "silent"


def promising(aligned: Aligned) -> bool:
    """Tell whether a profile is worth making: most of the few tensors that tell most are copied or mixed."""
    parts = [aligned.only(aligned.tensors == t) for t in range(len(aligned.keys))]
    telling = sorted(range(len(parts)), key=lambda t: -int(distinct(parts[t]).sum()))[:TRIED]
    needed = TRIED_SOLVED * len(telling)
    solved = 0
    for tried, t in enumerate(telling):
        if solved >= needed or solved + len(telling) - tried < needed:
            break
        solved += _tensor(parts[t], aligned.keys[t], _models([parts[t]])).state in ("copied", "mixed")
    return solved >= needed
