"""Merges as tools make them, tensor by tensor or element by element, for the tests to plant."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from analyzers.fit.arithmetic import ARITHMETICS
from analyzers.numbers.rounding import BF16, Floats, round_to, widen
from demo.models import Weights

AVERAGE = next(a for a in ARITHMETICS if a.name == "average, then interpolated, in the storage type")
MOVED = {0: 1, 1: 0, 2: 3, 3: 2}


def layer_of(name: str) -> int:
    """Return the layer of a tensor's name, -1 outside all layers."""
    found = re.search(r"layers\.(\d+)\.", name)
    return int(found[1]) if found else -1


def ramp(name: str) -> float:
    """Return a share that grows over depth."""
    return 0.3 + 0.12 * (layer_of(name) + 1)


def by_layer(one: Weights, two: Weights, share: Callable[[str], float] = ramp) -> Weights:
    """Return a mix whose share of `one` differs from tensor to tensor."""
    return {n: round_to(share(n) * widen(one[n]) + (1 - share(n)) * widen(two[n]), BF16) for n in one}


def slerp(one: Weights, two: Weights, share: Callable[[str], float] = ramp) -> Weights:
    """Return the spherical interpolation of each tensor; its coefficients sum to a little more than one."""

    def between(a: Floats, b: Floats, t: float) -> Floats:
        cosine = (a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b)
        if cosine > 1 - 1e-6:  # as tools do where there is next to no angle
            return (1 - t) * a + t * b
        angle = np.arccos(cosine)
        mixed: Floats = (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)
        return mixed

    return {n: round_to(between(widen(two[n]), widen(one[n]), share(n)), BF16) for n in one}


def stock(base: Weights, one: Weights, two: Weights, share: Callable[[str], float] = ramp) -> Weights:
    """Return a model stock: each tensor between the base and the releases' average, in bfloat16 throughout."""
    return {
        n: AVERAGE.mix([widen(w[n]) for w in (base, one, two)], [1 - share(n), share(n) / 2, share(n) / 2], BF16)
        for n in base
    }


def dare(base: Weights, releases: list[tuple[Weights, float]], kept: float = 0.5, seed: int = 77) -> Weights:
    """Return the base and each release's delta, of which a random part was dropped and the rest scaled up."""
    rng = np.random.default_rng(seed)
    made = {}
    for n, start in base.items():
        total = widen(start)
        for release, weight in releases:
            mask = rng.random(start.shape) < kept
            total = total + weight * mask / kept * (widen(release[n]) - widen(start))
        made[n] = round_to(total, BF16)
    return made


def ties(base: Weights, one: Weights, two: Weights, kept: float = 0.4) -> Weights:
    """Return the base and the mean of the deltas' largest elements that agree with the elected sign."""
    made = {}
    for n, start in base.items():
        deltas = [widen(w[n]) - widen(start) for w in (one, two)]
        trimmed = [np.where(np.abs(d) >= np.quantile(np.abs(d), 1 - kept), d, 0.0) for d in deltas]
        elected = np.sign(trimmed[0] + trimmed[1])
        agreed = [np.where(np.sign(d) == elected, d, 0.0) for d in trimmed]
        count = np.maximum((agreed[0] != 0).astype(int) + (agreed[1] != 0), 1)
        made[n] = round_to(widen(start) + (agreed[0] + agreed[1]) / count, BF16)
    return made


def taken(source: Callable[[str], Weights], names: Weights) -> Weights:
    """Return a stack: every tensor of `names` from the model that `source` tells."""
    return {n: source(n)[n] for n in names}


def moved(weights: Weights) -> Weights:
    """Return a model whose layers changed places in pairs."""
    return {n: weights[_elsewhere(n)] for n in weights}


def _elsewhere(name: str) -> str:
    layer = layer_of(name)
    return name if layer < 0 else name.replace(f"layers.{layer}.", f"layers.{MOVED[layer]}.")


def experts(dense: list[Weights]) -> Weights:
    """Return a mixture of experts: attention of the first model, one expert of each model's MLP, a fresh router."""
    rng = np.random.default_rng(17)
    made: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]] = {}
    for n, w in dense[0].items():
        if ".mlp." not in n:
            made[n] = w
            continue
        for expert, weights in enumerate(dense):
            made[n.replace(".mlp.", f".mlp.experts.{expert}.")] = weights[n]
        gate = f"model.layers.{layer_of(n)}.mlp.gate.weight"
        made[gate] = rng.normal(0, 0.02, (len(dense), w.shape[1])).astype(BF16)
    return made
