"""Layouts and disguises of tiny models: all but the last few keep what the network computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from demo.models import BF16, HIDDEN, INNER, LAYERS, VOCABULARY, Weights

HEADS = 4
Disguise = Callable[[Weights, np.random.Generator], Weights]
Order = NDArray[np.int64]
ENDS = ("model.embed_tokens.weight", "lm_head.weight")
WRITERS = ("o_proj.weight", "down_proj.weight")  # rows of which are the residual stream
NAMES = {
    "model.embed_tokens": "tok",
    "lm_head": "out",
    "model.norm": "ln_out",
    "model.layers": "core.stage",
    "self_attn.q_proj": "mix.a",
    "self_attn.k_proj": "mix.b",
    "self_attn.v_proj": "mix.c",
    "self_attn.o_proj": "mix.d",
    "mlp.gate_proj": "ff.x",
    "mlp.up_proj": "ff.y",
    "mlp.down_proj": "ff.z",
}


def stored(values: NDArray[np.floating]) -> NDArray[np.generic]:
    """Store values in bfloat16."""
    return values.astype(np.float32).astype(BF16)


def renamed(weights: Weights, _: np.random.Generator) -> Weights:
    """Give tensors names of their own."""
    found = {}
    for name, weight in weights.items():
        for known, own in NAMES.items():
            name = name.replace(known, own)  # noqa: PLW2901 - part by part
        found[name] = weight
    return found


def transposed(weights: Weights, _: np.random.Generator) -> Weights:
    """Store the matrices of layers as Conv1D does."""
    return {n: w.T if "layers" in n and w.ndim == 2 else w for n, w in weights.items()}


def inner(weights: Weights, rng: np.random.Generator) -> Weights:
    """Put neurons and heads in another order."""
    found = dict(weights)
    for i in range(LAYERS):
        mlp, attention = f"model.layers.{i}.mlp.", f"model.layers.{i}.self_attn."
        neurons = rng.permutation(INNER)
        heads = (rng.permutation(HEADS)[:, None] * (HIDDEN // HEADS) + np.arange(HIDDEN // HEADS)).ravel()
        for stem, rows, last in ((mlp, neurons, ("gate", "up")), (attention, heads, ("q", "k", "v"))):
            for name in last:
                found[f"{stem}{name}_proj.weight"] = weights[f"{stem}{name}_proj.weight"][rows]
        found[f"{mlp}down_proj.weight"] = weights[f"{mlp}down_proj.weight"][:, neurons]
        found[f"{attention}o_proj.weight"] = weights[f"{attention}o_proj.weight"][:, heads]
    return found


def scaled(powers: float) -> Disguise:
    """Return what moves scales between up and down; `powers`: spread of their logarithm, whole steps from 2."""

    def disguise(weights: Weights, rng: np.random.Generator) -> Weights:
        found = dict(weights)
        for i in range(LAYERS):
            up, down = (f"model.layers.{i}.mlp.{name}_proj.weight" for name in ("up", "down"))
            power = rng.normal(0, powers, INNER)
            scale = 2.0 ** (np.round(power) if powers >= 2 else power)
            found[up] = stored(weights[up].astype(np.float64) * scale[:, None])
            found[down] = stored(weights[down].astype(np.float64) / scale)
        return found

    return disguise


def residual(weights: Weights, rng: np.random.Generator) -> Weights:
    """Put residual dimensions in another order."""
    order = rng.permutation(HIDDEN)
    return {n: w[order] if n.endswith(WRITERS) else w[..., order] for n, w in weights.items()}


def rotated(weights: Weights, rng: np.random.Generator) -> Weights:
    """Turn the residual stream, norms folded before."""
    turn, _ = np.linalg.qr(rng.normal(size=(HIDDEN, HIDDEN)))
    found = {}
    plain = folded(weights, rng)
    for name, weight in plain.items():
        exact = weight.astype(np.float64)
        matrix = turn.T @ exact if name.endswith(WRITERS) else exact @ turn if weight.ndim == 2 else exact
        found[name] = stored(matrix)
    return found


def folded(weights: Weights, __: np.random.Generator) -> Weights:
    """Multiply norms into the matrices that follow."""
    found = dict(weights)
    for name, weight in weights.items():
        layer, _, last = name.rpartition("layers.")[2].rpartition(".self_attn.")
        norm = f"model.layers.{layer}.input_layernorm.weight" if layer else "model.norm.weight" * (name == ENDS[1])
        if norm and not last.startswith("o_proj"):
            found[name] = stored(weight.astype(np.float64) * weights[norm].astype(np.float64))
    return {n: np.ones_like(w) if w.ndim == 1 else w for n, w in found.items()}


def vocabulary(weights: Weights, rng: np.random.Generator) -> Weights:
    """Put the rows of the vocabulary in another order."""
    order = rng.permutation(VOCABULARY)
    return {n: w[order] if n in ENDS else w for n, w in weights.items()}


def padded(weights: Weights, rng: np.random.Generator) -> Weights:
    """Append rows to the vocabulary."""
    more = stored(rng.normal(0, 0.02, (64, HIDDEN)))
    return {n: np.concatenate([w, more]) if n in ENDS else w for n, w in weights.items()}


def shallow(weights: Weights, _: np.random.Generator) -> Weights:
    """Leave a layer out."""
    kept = [i for i in range(LAYERS) if i != 1]
    found = {n: w for n, w in weights.items() if "layers" not in n}
    for new, old in enumerate(kept):
        stem = f"model.layers.{old}."
        found |= {n.replace(stem, f"model.layers.{new}."): w for n, w in weights.items() if n.startswith(stem)}
    return found


def upcycled(noise: float) -> Disguise:
    """Return what makes each MLP four equal experts, with noise of so many standard deviations."""

    def disguise(weights: Weights, rng: np.random.Generator) -> Weights:
        found: dict[str, NDArray[np.generic]] = {}
        for name, weight in weights.items():
            if ".mlp." not in name:
                found[name] = weight
                continue
            for expert in range(4):
                changed = stored(weight.astype(np.float64) + rng.normal(0, noise * 0.02, weight.shape))
                found[name.replace(".mlp.", f".mlp.experts.{expert}.")] = changed if noise else weight
        for i in range(LAYERS):
            found[f"model.layers.{i}.mlp.gate.weight"] = stored(rng.normal(0, 0.02, (4, HIDDEN)))
        return found

    return disguise


def noisy(share: float) -> Disguise:
    """Return what adds noise of so many standard deviations of the weights."""
    return lambda weights, rng: {
        n: stored(w.astype(np.float64) + rng.normal(0, share * 0.02, w.shape)) if w.ndim == 2 else w
        for n, w in weights.items()
    }


def all_at_once(weights: Weights, rng: np.random.Generator) -> Weights:
    """Other names, neurons, heads, residual dimensions, and scales that are powers of two."""
    return renamed(residual(scaled(2)(inner(weights, rng), rng), rng), rng)


DISGUISES: Mapping[str, Disguise] = {
    "as it is": lambda weights, _: weights,
    "other names": renamed,
    "transposed": transposed,
    "neurons and heads": inner,
    "residual dimensions": residual,
    "scales of powers of two": scaled(2),
    "other scales": scaled(0.5),
    "all at once": all_at_once,
    "norms folded": folded,
    "rotated": rotated,
    "vocabulary in another order": vocabulary,
    "vocabulary padded": padded,
    "a layer left out": shallow,
    "upcycled": upcycled(0.0),
    "upcycled with noise": upcycled(0.01),
    "noise of .001": noisy(0.001),
}
