"""Three shapes of tiny models: dense, mixture of experts, and a hybrid of state space and attention.

The names of tensors are those of LlamaForCausalLM, Qwen3MoeForCausalLM and BambaForCausalLM in transformers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from bench.trained.corpus import VOCABULARY

BF16 = np.dtype(ml_dtypes.bfloat16)
HIDDEN, INNER, LAYERS, HEADS, KV_HEADS = 128, 352, 6, 4, 2
EXPERTS, ACTIVE, EXPERT_INNER = 8, 2, 96
STATE_INNER, STATE_HEADS, STATE, CONVOLVED = 256, 8, 16, 4  # of a state space layer: width, heads, state, taps
ATTENTION_LAYERS: Final = (2, 5)  # of the hybrid

Dimensions = dict[str, tuple[int, ...]]

_COMMON: Final[dict[str, Any]] = {
    "dtype": "bfloat16",
    "hidden_act": "silu",
    "hidden_size": HIDDEN,
    "initializer_range": 0.02,
    "max_position_embeddings": 512,
    "num_attention_heads": HEADS,
    "num_hidden_layers": LAYERS,
    "num_key_value_heads": KV_HEADS,
    "rms_norm_eps": 1e-06,
    "tie_word_embeddings": False,
    "vocab_size": VOCABULARY,
}


@dataclass(frozen=True, slots=True)
class Shape:
    """Config and tensors of a model. `tensors`: name -> dimensions."""

    config: dict[str, Any]
    tensors: Dimensions


def _attention() -> Dimensions:
    kv = HIDDEN // HEADS * KV_HEADS
    return {
        "self_attn.q_proj": (HIDDEN, HIDDEN),
        "self_attn.k_proj": (kv, HIDDEN),
        "self_attn.v_proj": (kv, HIDDEN),
        "self_attn.o_proj": (HIDDEN, HIDDEN),
    }


def _gated(at: str, inner: int) -> Dimensions:
    names = {"gate_proj": (inner, HIDDEN), "up_proj": (inner, HIDDEN), "down_proj": (HIDDEN, inner)}
    return {f"{at}.{name}": dims for name, dims in names.items()}


def _state_space() -> Dimensions:
    convolved = STATE_INNER + 2 * STATE
    return {
        "mamba.in_proj": (STATE_INNER + convolved + STATE_HEADS, HIDDEN),
        "mamba.conv1d": (convolved, 1, CONVOLVED),
        "mamba.A_log": (STATE_HEADS,),
        "mamba.D": (STATE_HEADS,),
        "mamba.dt_bias": (STATE_HEADS,),
        "mamba.norm": (STATE_INNER,),
        "mamba.out_proj": (HIDDEN, STATE_INNER),
    }


def _model(layers: list[Dimensions], last_norm: str = "norm") -> Dimensions:
    found: Dimensions = {"model.embed_tokens.weight": (VOCABULARY, HIDDEN)}
    for i, layer in enumerate(layers):
        for name, dims in layer.items():
            suffix = "" if name.split(".")[-1] in ("A_log", "D", "dt_bias") else ".weight"
            found[f"model.layers.{i}.{name}{suffix}"] = dims
    return found | {f"model.{last_norm}.weight": (HIDDEN,), "lm_head.weight": (VOCABULARY, HIDDEN)}


def _norms(second: str) -> Dimensions:
    return {"input_layernorm": (HIDDEN,), second: (HIDDEN,)}


def _dense() -> Shape:
    config = {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "head_dim": HIDDEN // HEADS,
        "intermediate_size": INNER,
        "mlp_bias": False,
        "model_type": "llama",
        "rope_theta": 10000.0,
    }
    layer = _norms("post_attention_layernorm") | _attention() | _gated("mlp", INNER)
    return Shape(_COMMON | config, _model([layer] * LAYERS))


def _experts() -> Shape:
    config = {
        "architectures": ["Qwen3MoeForCausalLM"],
        "head_dim": HIDDEN // HEADS,
        "model_type": "qwen3_moe",
        "moe_intermediate_size": EXPERT_INNER,
        "norm_topk_prob": True,
        "num_experts": EXPERTS,
        "num_experts_per_tok": ACTIVE,
    }
    layer = _norms("post_attention_layernorm") | _attention() | {"mlp.gate": (EXPERTS, HIDDEN)}
    for expert in range(EXPERTS):
        layer |= _gated(f"mlp.experts.{expert}", EXPERT_INNER)
    return Shape(_COMMON | config, _model([layer] * LAYERS))


def _hybrid() -> Shape:
    config = {
        "architectures": ["BambaForCausalLM"],
        "attn_layer_indices": list(ATTENTION_LAYERS),
        "intermediate_size": INNER,
        "mamba_d_conv": CONVOLVED,
        "mamba_d_state": STATE,
        "mamba_n_heads": STATE_HEADS,
        "model_type": "bamba",
    }
    layers = []
    for i in range(LAYERS):
        mixer = _attention() if i in ATTENTION_LAYERS else _state_space()
        layers.append(_norms("pre_ff_layernorm") | mixer | _gated("feed_forward", INNER))
    return Shape(_COMMON | config, _model(layers, "final_layernorm"))


SHAPES: Final = {"dense": _dense(), "experts": _experts(), "hybrid": _hybrid()}


def fresh(shape: Shape, seed: int) -> dict[str, NDArray[np.generic]]:
    """Return untrained weights: matrices normal with deviation 0.02, norms one, decays as Dao and Gu 2024 draw them."""
    rng = np.random.default_rng(seed)
    return {name: _fresh(rng, name, dims).astype(BF16) for name, dims in shape.tensors.items()}


def _fresh(rng: np.random.Generator, name: str, dims: tuple[int, ...]) -> NDArray[np.float64]:
    if name.endswith("A_log"):
        return np.log(rng.uniform(1, 16, dims))
    if name.endswith("dt_bias"):
        step = np.exp(rng.uniform(np.log(1e-3), np.log(1e-1), dims))
        return step + np.log(-np.expm1(-step))  # softplus gives the step
    if "conv1d" in name:
        return rng.uniform(-0.5, 0.5, dims)
    return rng.normal(0, 0.02, dims) if len(dims) > 1 else np.ones(dims)
