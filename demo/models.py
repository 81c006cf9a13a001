"""Tiny models with planted ancestry: trained-like deltas, mixes with one rounding, and repositories that hold them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import ml_dtypes
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from demo.hub.repository import Blob, BytesBlob, LoopbackRepo

Array = NDArray[np.generic]
Weights = Mapping[str, Array]
BF16 = np.dtype(ml_dtypes.bfloat16)
HIDDEN, INNER, LAYERS, VOCABULARY = 128, 256, 4, 512
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": HIDDEN,
    "intermediate_size": INNER,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "vocab_size": VOCABULARY,
}


def shapes() -> dict[str, tuple[int, ...]]:
    """Return name and shape of every tensor."""
    layer = {
        "self_attn.q_proj": (HIDDEN, HIDDEN),
        "self_attn.k_proj": (HIDDEN, HIDDEN),
        "self_attn.v_proj": (HIDDEN, HIDDEN),
        "self_attn.o_proj": (HIDDEN, HIDDEN),
        "mlp.gate_proj": (INNER, HIDDEN),
        "mlp.up_proj": (INNER, HIDDEN),
        "mlp.down_proj": (HIDDEN, INNER),
        "input_layernorm": (HIDDEN,),
    }
    found: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (VOCABULARY, HIDDEN)}
    for i in range(LAYERS):
        found |= {f"model.layers.{i}.{name}.weight": shape for name, shape in layer.items()}
    return found | {"model.norm.weight": (HIDDEN,), "lm_head.weight": (VOCABULARY, HIDDEN)}


def fresh(rng: np.random.Generator, dtype: np.dtype[np.generic] = BF16) -> Weights:
    """Return a model trained from nothing: independent weights, norms near one."""
    return {
        name: (rng.normal(0, 0.02, shape) if len(shape) > 1 else 1 + rng.normal(0, 0.05, shape)).astype(dtype)
        for name, shape in shapes().items()
    }


@dataclass(frozen=True, slots=True)
class Delta:
    """Trained-like change: of another size in each tensor, and half of it along few common directions."""

    change: Mapping[str, NDArray[np.float64]]

    @classmethod
    def draw(cls, rng: np.random.Generator, size: float) -> Delta:
        """Draw one whose size is about `size` relative to weights of 0.02."""
        return cls({name: _change(rng, shape, size) for name, shape in shapes().items()})

    def lean(self, other: Delta, share: float) -> Delta:
        """Return a delta of the same size whose correlation with `other` is about `share`."""
        rest = float(np.sqrt(1 - share**2))
        return Delta({name: share * other.change[name] + rest * mine for name, mine in self.change.items()})


def _change(rng: np.random.Generator, shape: tuple[int, ...], size: float) -> NDArray[np.float64]:
    scale = 0.02 * size * float(np.exp(rng.normal(0, 0.3)))
    noise = rng.normal(0, 1, shape)
    if len(shape) < 2:
        return scale * noise
    common = rng.normal(0, 1, (shape[0], 4)) @ rng.normal(0, 1, (4, shape[1])) / 2
    change: NDArray[np.float64] = scale * (noise + common) / np.sqrt(2)
    return change


def trained(start: Weights, delta: Delta) -> Weights:
    """Return `start` trained on: changed, and stored again in its own type."""
    return {name: (w.astype(np.float64) + delta.change[name]).astype(w.dtype) for name, w in start.items()}


def mixed(parents: Sequence[Weights], shares: Sequence[float], dtype: np.dtype[np.generic] = BF16) -> Weights:
    """Return the linear mix of `parents`, summed in float32 and rounded once."""
    mixture: dict[str, Array] = {}
    for name in parents[0]:
        terms = (np.float32(c) * p[name].astype(np.float32) for c, p in zip(shares, parents, strict=True))
        mixture[name] = np.sum(list(terms), axis=0, dtype=np.float32).astype(dtype)
    return mixture


def card(title: str, text: str, base_model: Sequence[str] = (), relation: str = "finetune") -> str:
    """Return a model card with front matter."""
    named = "".join(f"\n- {repo_id}" for repo_id in base_model)
    front = f"base_model:{named}\nbase_model_relation: {relation}\n" if base_model else ""
    return f"---\nlicense: apache-2.0\n{front}---\n\n# {title}\n\n{text}\n"


def files(weights: Weights, readme: str, shards: int = 2, config: object = CONFIG) -> dict[str, BytesBlob]:
    """Return the files of a repository: shards, index, config and card."""
    names = sorted(weights)
    cuts = [names[i::shards] for i in range(shards)]
    paths = [f"model-{i + 1:05d}-of-{shards:05d}.safetensors" for i in range(shards)]
    found = {p: save({n: weights[n] for n in cut}, {"format": "pt"}) for p, cut in zip(paths, cuts, strict=True)}
    total = sum(w.nbytes for w in weights.values())
    places = {name: path for path, cut in zip(paths, cuts, strict=True) for name in cut}
    index = json.dumps({"metadata": {"total_size": total}, "weight_map": places}).encode()
    return {path: BytesBlob(data) for path, data in found.items()} | {
        "model.safetensors.index.json": BytesBlob(index),
        "config.json": BytesBlob(json.dumps(config).encode()),
        "README.md": BytesBlob(readme.encode()),
    }


def repo(repo_id: str, weights: Weights, readme: str, created_at: datetime) -> LoopbackRepo:
    """Return a repository whose weights came ten minutes after it."""
    return repo_of(repo_id, files(weights, readme), created_at)


def repo_of(repo_id: str, content: Mapping[str, Blob], created_at: datetime) -> LoopbackRepo:
    """Return such a repository of these files."""
    return LoopbackRepo(
        repo_id=repo_id,
        files=dict(content),
        created_at=created_at,
        weights_at=created_at + timedelta(minutes=10),
    )
