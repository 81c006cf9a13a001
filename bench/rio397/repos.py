"""Repositories for the loopback Hub whose shards are computed when they are read."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from bench.rio397.shards import Shard, Tensor, index_of
from bench.rio397.weights import Weights
from demo.hub.repository import Blob, BytesBlob, LoopbackRepo
from demo.models import card

CONFIG = {
    "architectures": ["Qwen3_5MoeForConditionalGeneration"],
    "model_type": "qwen3_5_moe",
    "image_token_id": 248056,
    "video_token_id": 248057,
    "vision_start_token_id": 248053,
    "vision_end_token_id": 248054,
    "tie_word_embeddings": False,
    "text_config": {
        "model_type": "qwen3_5_moe_text",
        "dtype": "bfloat16",
        "hidden_size": 4096,
        "num_hidden_layers": 60,
        "full_attention_interval": 4,
        "layer_types": [*["linear_attention"] * 3, "full_attention"] * 15,
        "num_attention_heads": 32,
        "num_key_value_heads": 2,
        "head_dim": 256,
        "attn_output_gate": True,
        "attention_bias": False,
        "linear_conv_kernel_dim": 4,
        "linear_key_head_dim": 128,
        "linear_value_head_dim": 128,
        "linear_num_key_heads": 16,
        "linear_num_value_heads": 64,
        "mamba_ssm_dtype": "float32",
        "num_experts": 512,
        "num_experts_per_tok": 10,
        "moe_intermediate_size": 1024,
        "shared_expert_intermediate_size": 1024,
        "vocab_size": 248320,
        "max_position_embeddings": 262144,
        "rms_norm_eps": 1e-6,
        "hidden_act": "silu",
        "mtp_num_hidden_layers": 1,
        "mtp_use_dedicated_embeddings": False,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 10000000,
            "partial_rotary_factor": 0.25,
            "mrope_interleaved": True,
            "mrope_section": [11, 11, 10],
        },
        "eos_token_id": 248044,
    },
    "vision_config": {
        "model_type": "qwen3_5_moe_vision",
        "depth": 27,
        "hidden_size": 1152,
        "intermediate_size": 4304,
        "num_heads": 16,
        "in_channels": 3,
        "patch_size": 16,
        "temporal_patch_size": 2,
        "spatial_merge_size": 2,
        "out_hidden_size": 4096,
        "num_position_embeddings": 2304,
    },
}


@dataclass(frozen=True, slots=True)
class ShardBlob:
    """One shard of one model: only the elements that a range touches are ever computed."""

    shard: Shard
    weights: Weights

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self.shard.size

    def read(self, begin: int, end: int) -> bytes:
        """Bytes `begin` to `end` (exclusive)."""
        end = min(end, self.size)
        parts = [self.shard.header[begin:end]]
        first = max(bisect_right(self.shard.begins, begin) - 1, 0)
        for tensor, at in zip(self.shard.tensors[first:], self.shard.begins[first:], strict=True):
            if at >= end:
                break
            parts.append(self._part(tensor, begin - at, end - at))
        return b"".join(parts)

    def _part(self, tensor: Tensor, begin: int, end: int) -> bytes:
        """Return the bytes of a tensor from `begin` to `end`, as far as it has them."""
        begin, end = max(begin, 0), min(end, tensor.nbytes)
        if begin >= end:
            return b""
        item = tensor.item_bytes
        first = begin // item
        whole = self.weights.at(tensor, np.arange(first, -(-end // item))).tobytes()
        return whole[begin - first * item : end - first * item]


def repo(
    repo_id: str,
    weights: Weights,
    shards: Mapping[str, Shard],
    created_at: datetime,
    base_model: str = "",
    config: Mapping[str, object] = CONFIG,
) -> LoopbackRepo:
    """Return a model whose weights came an hour after its repository, with a card that declares `base_model`."""
    declared = [base_model] if base_model else []
    text = f"Post-trained from {base_model}." if base_model else "Trained from scratch."
    files: dict[str, Blob] = {path: ShardBlob(shard, weights) for path, shard in shards.items()}
    for path, content in {
        "model.safetensors.index.json": index_of(shards),
        "config.json": json.dumps(config, indent=2).encode(),
        "README.md": card(repo_id.partition("/")[2], text, declared).encode(),
    }.items():
        files[path] = BytesBlob(content)
    counted = sum(t.nbytes // t.item_bytes for s in shards.values() for t in s.tensors)
    return LoopbackRepo(
        repo_id=repo_id,
        files=files,
        created_at=created_at,
        weights_at=created_at + timedelta(hours=1),
        counted=counted,
    )
