"""Weights as bfloat16 arrays by their names on the Hub, and the folder that a repository is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import ml_dtypes
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from bench.trained.corpus import VOCABULARY

Weights = Mapping[str, NDArray[np.generic]]  # bfloat16

BF16 = np.dtype(ml_dtypes.bfloat16)
HIDDEN, INNER, LAYERS, HEADS, KV_HEADS = 128, 352, 6, 4, 2
SHARDS = 2
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "dtype": "bfloat16",
    "head_dim": HIDDEN // HEADS,
    "hidden_act": "silu",
    "hidden_size": HIDDEN,
    "initializer_range": 0.02,
    "intermediate_size": INNER,
    "max_position_embeddings": 512,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": HEADS,
    "num_hidden_layers": LAYERS,
    "num_key_value_heads": KV_HEADS,
    "rms_norm_eps": 1e-06,
    "rope_theta": 10000.0,
    "tie_word_embeddings": False,
    "vocab_size": VOCABULARY,
}


def shapes() -> dict[str, tuple[int, ...]]:
    """Return name and shape of every tensor, as LlamaForCausalLM has them."""
    kv = HIDDEN // HEADS * KV_HEADS
    layer: dict[str, tuple[int, ...]] = {
        "input_layernorm": (HIDDEN,),
        "self_attn.q_proj": (HIDDEN, HIDDEN),
        "self_attn.k_proj": (kv, HIDDEN),
        "self_attn.v_proj": (kv, HIDDEN),
        "self_attn.o_proj": (HIDDEN, HIDDEN),
        "post_attention_layernorm": (HIDDEN,),
        "mlp.gate_proj": (INNER, HIDDEN),
        "mlp.up_proj": (INNER, HIDDEN),
        "mlp.down_proj": (HIDDEN, INNER),
    }
    found: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (VOCABULARY, HIDDEN)}
    for i in range(LAYERS):
        found |= {f"model.layers.{i}.{name}.weight": shape for name, shape in layer.items()}
    return found | {"model.norm.weight": (HIDDEN,), "lm_head.weight": (VOCABULARY, HIDDEN)}


def fresh(seed: int) -> Weights:
    """Return untrained weights: normal with deviation 0.02, norms one."""
    rng = np.random.default_rng(seed)
    return {n: (rng.normal(0, 0.02, s) if len(s) > 1 else np.ones(s)).astype(BF16) for n, s in shapes().items()}


def write(folder: Path, weights: Weights, card: str) -> None:
    """Write a repository: card, config, shards and their index."""
    folder.mkdir(parents=True, exist_ok=True)
    names = list(weights)
    per_shard = -(-len(names) // SHARDS)
    where: dict[str, str] = {}
    for i in range(SHARDS):
        file = f"model-{i + 1:05d}-of-{SHARDS:05d}.safetensors"
        part = names[i * per_shard : (i + 1) * per_shard]
        save_file({n: np.ascontiguousarray(weights[n]) for n in part}, folder / file, metadata={"format": "pt"})
        where |= dict.fromkeys(part, file)
    index = {"metadata": {"total_size": sum(w.nbytes for w in weights.values())}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
    (folder / "README.md").write_text(card)


def read(folder: Path) -> Weights:
    """Read all weights of a repository."""
    return {n: w for shard in sorted(folder.glob("*.safetensors")) for n, w in load_file(shard).items()}


def card(title: str, declares: Sequence[str], relation: str, text: str) -> str:
    """Return a README.md; without declared parents it names none."""
    lines = ["---", "license: apache-2.0", "library_name: transformers"]
    if declares:
        lines += ["base_model:", *(f"- {d}" for d in declares), f"base_model_relation: {relation}"]
    return "\n".join([*lines, "---", "", f"# {title}", "", text, ""])
