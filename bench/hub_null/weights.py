"""Weights of tiny language models: trained from nothing, tuned in the ways of real uploads, and merged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Weights = Mapping[str, Array]
Ways = Literal["full", "adapter", "upper layers"]

BF16 = np.dtype(ml_dtypes.bfloat16)
HIDDEN, INNER, LAYERS, VOCABULARY = 128, 192, 4, 256
SPREAD = 0.02  # of weights that were drawn at the start of a training
MATRICES = {
    "self_attn.q_proj": (HIDDEN, HIDDEN),
    "self_attn.k_proj": (HIDDEN, HIDDEN),
    "self_attn.v_proj": (HIDDEN, HIDDEN),
    "self_attn.o_proj": (HIDDEN, HIDDEN),
    "mlp.gate_proj": (INNER, HIDDEN),
    "mlp.up_proj": (INNER, HIDDEN),
    "mlp.down_proj": (HIDDEN, INNER),
}
NORMS = ("input_layernorm", "post_attention_layernorm")
EMBEDDING, HEAD, LAST_NORM = "model.embed_tokens.weight", "lm_head.weight", "model.norm.weight"


def shapes(layers: int = LAYERS) -> dict[str, tuple[int, ...]]:
    """Return name and shape of every tensor."""
    found: dict[str, tuple[int, ...]] = {EMBEDDING: (VOCABULARY, HIDDEN)}
    for i in range(layers):
        found |= {f"model.layers.{i}.{name}.weight": shape for name, shape in MATRICES.items()}
        found |= {f"model.layers.{i}.{name}.weight": (HIDDEN,) for name in NORMS}
    return found | {LAST_NORM: (HIDDEN,), HEAD: (VOCABULARY, HIDDEN)}


def config(layers: int = LAYERS, **more: object) -> dict[str, object]:
    """Return the config of a model of these shapes."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "vocab_size": VOCABULARY,
        "torch_dtype": "bfloat16",
    } | more


def drawn(rng: np.random.Generator, wanted: Mapping[str, tuple[int, ...]], dtype: np.dtype[Any] = BF16) -> Weights:
    """Return weights that were trained from nothing, under these names."""
    spread = SPREAD * float(np.exp(rng.normal(0, 0.2)))
    return {name: _start(rng, shape, spread).astype(dtype) for name, shape in wanted.items()}


def _start(rng: np.random.Generator, shape: tuple[int, ...], spread: float) -> NDArray[np.float32]:
    noise = rng.standard_normal(shape, np.float32)
    return noise * np.float32(spread) if len(shape) > 1 else 1 + noise * np.float32(0.05)


def tuned(rng: np.random.Generator, start: Weights, size: float, way: Ways = "full") -> Weights:
    """Return `start` trained on, by about `size` of its own size; what a way leaves alone stays as it is."""
    found = dict(start)
    for name, weight in start.items():
        if way == "adapter" and not name.endswith("_proj.weight"):
            continue
        if way == "upper layers" and not name.startswith((f"model.layers.{LAYERS - 1}.", "model.norm", "lm_head")):
            continue
        changed = weight.astype(np.float32) + _change(rng, weight.shape, size, low_rank=way == "adapter")
        found[name] = changed.astype(weight.dtype)
    return found


def _change(rng: np.random.Generator, shape: tuple[int, ...], size: float, *, low_rank: bool) -> NDArray[np.float32]:
    """Return one matrix's change: low in rank, or half of it along few directions that its rows share."""
    scale = np.float32(SPREAD * size * np.exp(rng.normal(0, 0.4)))
    if len(shape) < 2:
        return scale * rng.standard_normal(shape, np.float32)
    rank = 8 if low_rank else 4
    across = int(np.prod(shape[1:]))
    common = rng.standard_normal((shape[0], rank), np.float32) @ rng.standard_normal((rank, across), np.float32)
    common = (common / np.float32(np.sqrt(rank))).reshape(shape)
    if low_rank:
        return scale * common
    return scale * (common + rng.standard_normal(shape, np.float32)) / np.float32(np.sqrt(2))


def size_of(rng: np.random.Generator) -> float:
    """Draw how far a training moves weights, relative to their size: from a few steps to a long run."""
    return float(np.exp(rng.uniform(np.log(5e-4), np.log(6e-2))))


def way_of(rng: np.random.Generator) -> Ways:
    """Draw how somebody trains."""
    ways: tuple[Ways, ...] = ("full", "full", "adapter", "adapter", "upper layers")
    return ways[int(rng.integers(len(ways)))]


def linear(parents: Sequence[Weights], shares: Sequence[float]) -> Weights:
    """Return a weighted sum, in float32, rounded once."""
    found: dict[str, Array] = {}
    for name, first in parents[0].items():
        total = np.zeros(first.shape, np.float32)
        for parent, share in zip(parents, shares, strict=True):
            total += np.float32(share) * parent[name].astype(np.float32)
        found[name] = total.astype(first.dtype)
    return found


def spherical(one: Weights, other: Weights, share: float) -> Weights:
    """Return a spherical interpolation, tensor by tensor."""
    found: dict[str, Array] = {}
    for name, first in one.items():
        a, b = first.astype(np.float64), other[name].astype(np.float64)
        cosine = float(np.sum(a * b) / (np.linalg.norm(a) * np.linalg.norm(b)))
        angle = np.arccos(np.clip(cosine, -1, 1))
        if angle < 1e-4:
            mix = (1 - share) * a + share * b
        else:
            mix = (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / np.sin(angle)
        found[name] = mix.astype(first.dtype)
    return found


def sparse(rng: np.random.Generator, base: Weights, others: Sequence[Weights], density: float) -> Weights:
    """Return the base with randomly kept parts of the others' changes, scaled up for what was dropped."""
    found: dict[str, Array] = {}
    for name, first in base.items():
        start = first.astype(np.float32)
        total = start.copy()
        for other in others:
            change = other[name].astype(np.float32) - start
            kept = rng.random(first.shape, np.float32) < density
            total += np.where(kept, change, 0) / np.float32(density * len(others))
        found[name] = total.astype(first.dtype)
    return found


def stacked(source: Weights, order: Sequence[int]) -> Weights:
    """Return a model whose layers are these of `source`, in this order."""
    found = {name: w for name, w in source.items() if ".layers." not in name}
    for place, layer in enumerate(order):
        begin = f"model.layers.{layer}."
        found |= {f"model.layers.{place}.{n.removeprefix(begin)}": w for n, w in source.items() if n.startswith(begin)}
    return found


def upcycled(rng: np.random.Generator, source: Weights, experts: int, size: float) -> Weights:
    """Return a mixture of experts, each begun as a copy of the dense matrices; `size` 0 leaves them copies."""
    found: dict[str, Array] = {}
    for name, weight in source.items():
        if ".mlp." not in name:
            found[name] = weight
            continue
        before, _, after = name.partition(".mlp.")
        for number in range(experts):
            change = _change(rng, weight.shape, size, low_rank=False) if size else np.float32(0)
            mixed = (weight.astype(np.float32) + change).astype(weight.dtype)
            found[f"{before}.mlp.experts.{number}.{after}"] = mixed
    for layer in range(LAYERS):
        gate = rng.standard_normal((experts, HIDDEN), np.float32) * np.float32(SPREAD)
        found[f"model.layers.{layer}.mlp.gate.weight"] = gate.astype(BF16)
    return found


def parameters(weights: Weights) -> int:
    """Return how many numbers these are."""
    return sum(int(w.size) for w in weights.values())
