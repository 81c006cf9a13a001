"""A dense model of 70 billion parameters: its tensors, and its config."""

from __future__ import annotations

from collections.abc import Iterator

from bench.rio397.shards import Tensor

HIDDEN, INNER, LAYERS, VOCABULARY = 8192, 28_672, 80, 128_256
HEAD, HEADS, KEYS = 128, 64, 8
SHARD = 5_000_000_000  # bytes, as save_pretrained divides
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": HIDDEN,
    "intermediate_size": INNER,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": KEYS,
    "head_dim": HEAD,
    "vocab_size": VOCABULARY,
    "tie_word_embeddings": False,
}
MATRICES = {
    "self_attn.q_proj": (HEADS * HEAD, HIDDEN),
    "self_attn.k_proj": (KEYS * HEAD, HIDDEN),
    "self_attn.v_proj": (KEYS * HEAD, HIDDEN),
    "self_attn.o_proj": (HIDDEN, HEADS * HEAD),
    "mlp.gate_proj": (INNER, HIDDEN),
    "mlp.up_proj": (INNER, HIDDEN),
    "mlp.down_proj": (HIDDEN, INNER),
}


def tensors() -> Iterator[Tensor]:
    """Yield the tensors in the model's order."""
    yield Tensor("model.embed_tokens.weight", "BF16", (VOCABULARY, HIDDEN))
    for layer in range(LAYERS):
        for name, shape in MATRICES.items():
            yield Tensor(f"model.layers.{layer}.{name}.weight", "BF16", shape)
        for name in ("input_layernorm", "post_attention_layernorm"):
            yield Tensor(f"model.layers.{layer}.{name}.weight", "BF16", (HIDDEN,))
    yield Tensor("model.norm.weight", "BF16", (HIDDEN,))
    yield Tensor("lm_head.weight", "BF16", (VOCABULARY, HIDDEN))
