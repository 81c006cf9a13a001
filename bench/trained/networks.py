"""Forward passes of the tiny models with PyTorch. Each layer computes what the names of its tensors say.

After Touvron et al. 2023 (dense), Fedus et al. 2022 (experts chosen by token) and Dao and Gu 2024 (state space
duality, in its quadratic form).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from bench.trained.shapes import (
    ACTIVE,
    CONVOLVED,
    EXPERTS,
    HEADS,
    HIDDEN,
    KV_HEADS,
    LAYERS,
    STATE,
    STATE_HEADS,
    STATE_INNER,
)

Tensors = Mapping[str, Tensor]


def logits(w: Tensors, ids: Tensor) -> Tensor:
    """Return float32[examples, tokens, vocabulary] of a model of any of the shapes. `ids`: int64[examples, tokens]."""
    x = w["model.embed_tokens.weight"][ids]
    turn = _rotation(ids.shape[1])
    for i in range(LAYERS):
        at = f"model.layers.{i}."
        h = _norm(x, w[f"{at}input_layernorm.weight"])
        attends = f"{at}self_attn.q_proj.weight" in w
        x = x + (_attention(w, f"{at}self_attn.", h, turn) if attends else _state_space(w, f"{at}mamba.", h))
        dense = f"{at}post_attention_layernorm.weight"
        h = _norm(x, w[dense] if dense in w else w[f"{at}pre_ff_layernorm.weight"])
        x = x + _feed_forward(w, at, h)
    last = "model.norm.weight" if "model.norm.weight" in w else "model.final_layernorm.weight"
    return functional.linear(_norm(x, w[last]), w["lm_head.weight"])


def _norm(x: Tensor, weight: Tensor) -> Tensor:
    return functional.rms_norm(x, (x.shape[-1],), weight, 1e-6)


def _feed_forward(w: Tensors, at: str, h: Tensor) -> Tensor:
    if f"{at}mlp.gate.weight" in w:
        return _experts(w, f"{at}mlp.", h)
    return _gated(w, f"{at}mlp." if f"{at}mlp.gate_proj.weight" in w else f"{at}feed_forward.", h)


def _gated(w: Tensors, at: str, h: Tensor) -> Tensor:
    gate = functional.silu(functional.linear(h, w[f"{at}gate_proj.weight"]))
    return functional.linear(gate * functional.linear(h, w[f"{at}up_proj.weight"]), w[f"{at}down_proj.weight"])


def _experts(w: Tensors, at: str, h: Tensor) -> Tensor:
    """Return the weighted sum of the chosen experts; all are computed, which is simpler at this size."""
    best, chosen = functional.linear(h, w[f"{at}gate.weight"]).softmax(-1).topk(ACTIVE, -1)
    share = torch.zeros(*h.shape[:-1], EXPERTS).scatter(-1, chosen, best / best.sum(-1, keepdim=True))
    answers = torch.stack([_gated(w, f"{at}experts.{e}.", h) for e in range(EXPERTS)], -1)
    return (answers * share[..., None, :]).sum(-1)


def _attention(w: Tensors, at: str, h: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    examples, tokens, _ = h.shape

    def heads(name: str, count: int) -> Tensor:
        return functional.linear(h, w[f"{at}{name}.weight"]).view(examples, tokens, count, -1).transpose(1, 2)

    q = _rotate(heads("q_proj", HEADS), turn)
    k = _rotate(heads("k_proj", KV_HEADS), turn).repeat_interleave(HEADS // KV_HEADS, 1)
    v = heads("v_proj", KV_HEADS).repeat_interleave(HEADS // KV_HEADS, 1)
    mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    return functional.linear(mixed.transpose(1, 2).reshape(examples, tokens, HIDDEN), w[f"{at}o_proj.weight"])


def _rotation(tokens: int) -> tuple[Tensor, Tensor]:
    size = HIDDEN // HEADS
    angle = torch.outer(torch.arange(tokens).float(), 10000.0 ** (-torch.arange(0, size, 2) / size))
    angle = torch.cat((angle, angle), -1)
    return angle.cos(), angle.sin()


def _rotate(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    a, b = x.chunk(2, -1)
    return x * turn[0] + torch.cat((-b, a), -1) * turn[1]


def _state_space(w: Tensors, at: str, h: Tensor) -> Tensor:
    """Return y_t = sum over s <= t of (C_t . B_s) exp(sum of the decays between s and t) dt_s x_s, gated and normed."""
    examples, tokens, _ = h.shape
    parts = functional.linear(h, w[f"{at}in_proj.weight"])
    gate, mixed, step = parts.split((STATE_INNER, STATE_INNER + 2 * STATE, STATE_HEADS), -1)
    taps = w[f"{at}conv1d.weight"]
    mixed = functional.conv1d(mixed.transpose(1, 2), taps, padding=CONVOLVED - 1, groups=len(taps))[..., :tokens]
    x, b, c = functional.silu(mixed.transpose(1, 2)).split((STATE_INNER, STATE, STATE), -1)
    x = x.view(examples, tokens, STATE_HEADS, -1)
    step = functional.softplus(step + w[f"{at}dt_bias"])  # [examples, tokens, heads]
    decay = (-w[f"{at}A_log"].exp() * step).cumsum(1)
    between = decay[:, :, None] - decay[:, None]  # [examples, to, from, heads]
    causal = torch.ones(tokens, tokens, dtype=torch.bool).tril()[None, :, :, None]
    kernel = between.masked_fill(~causal, float("-inf")).exp() * (c @ b.transpose(1, 2))[..., None]
    y = torch.einsum("etsh,eshd->ethd", kernel, x * step[..., None]) + x * w[f"{at}D"][:, None]
    y = y.reshape(examples, tokens, STATE_INNER) * functional.silu(gate)
    return functional.linear(_norm(y, w[f"{at}norm.weight"]), w[f"{at}out_proj.weight"])
