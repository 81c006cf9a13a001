"""How weights come about: a training run and its checkpoints, averages of them, blends, noise. Frozen values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bench.trained.corpus import EXAMPLES
from bench.trained.folder import Weights
from bench.trained.shapes import BF16

Method = Literal["next token", "distil", "distil on policy", "preference", "reward"]


@dataclass(frozen=True, slots=True)
class Part:
    """The first `count` examples of one half of a domain."""

    domain: str
    half: int = 0
    count: int = EXAMPLES


@dataclass(frozen=True, slots=True)
class Lora:
    """Low-rank adapters on every matrix of a layer, merged at the end; `seed` gives the frozen A, B starts at zero."""

    rank: int
    seed: int


@dataclass(frozen=True, slots=True)
class Run:
    """One training run. `side_by_side`: each batch holds one of every part, each in the order it has when alone."""

    data: tuple[Part, ...]
    seed: int
    lr: float
    steps: int = 200
    batch: int = 4  # examples of each part of the data, or of all together
    start: str = "base"
    constant: bool = False  # learning rate; else 5 % warm-up and a cosine to a tenth
    side_by_side: bool = False
    method: Method = "next token"
    teachers: tuple[str, ...] = ()
    lora: Lora | None = None
    only: str = ""  # pattern of the tensors that are trained; the others stay
    stored_master: bool = False  # the optimiser steps bfloat16 weights, so that small steps are lost
    momentum_only: bool = False  # plain gradient descent with momentum in place of AdamW


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The stored weights of a run after `step` steps."""

    run: Run
    step: int


@dataclass(frozen=True, slots=True)
class Average:
    """The weighted mean of a run's stored checkpoints."""

    run: Run
    weights: Mapping[int, float] = field(hash=False)  # step -> weight


@dataclass(frozen=True, slots=True)
class Blend:
    """Coefficients times published weights, summed in float32 and stored; with relative noise before or after."""

    parents: Mapping[str, float] = field(hash=False)
    noise: float = 0.0
    noise_on_stored: bool = False
    seed: int = 0


Source = Checkpoint | Average | Blend


def mixed(parents: Sequence[tuple[float, Weights]]) -> dict[str, NDArray[np.float32]]:
    """Return the weighted sum in float32, product by product."""
    out = {}
    for name, first in parents[0][1].items():
        out[name] = np.zeros(first.shape, np.float32)
        for coefficient, weights in parents:
            out[name] += np.float32(coefficient) * weights[name].astype(np.float32)
    return out


def blended(recipe: Blend, published: Mapping[str, Weights]) -> Weights:
    """Return the stored blend."""
    mix = mixed([(c, published[key]) for key, c in recipe.parents.items()])
    rng = np.random.default_rng(recipe.seed)
    out = {}
    for name, w in mix.items():
        before = w.astype(BF16).astype(np.float32) if recipe.noise_on_stored else w
        shake = rng.normal(0, 1, w.shape).astype(np.float32) if recipe.noise else np.float32(0)
        out[name] = (before * (1 + np.float32(recipe.noise) * shake)).astype(BF16)
    return out


def averaged(recipe: Average, kept: Mapping[int, Weights]) -> Weights:
    """Return the stored average of checkpoints."""
    total = sum(recipe.weights.values())
    mix = mixed([(w / total, kept[step]) for step, w in recipe.weights.items()])
    return {name: w.astype(BF16) for name, w in mix.items()}


def steps_kept(sources: Sequence[Source]) -> dict[Run, set[int]]:
    """Return which checkpoints of each run are needed."""
    kept: dict[Run, set[int]] = {}
    for source in sources:
        if isinstance(source, Checkpoint):
            kept.setdefault(source.run, set()).add(source.step)
        elif isinstance(source, Average):
            kept.setdefault(source.run, set()).update(source.weights)
    return kept
