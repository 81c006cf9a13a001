"""Tiny models as GGUF files, quantized to the nearest level, in llama.cpp's names and order of rows."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping, Sequence

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from analyzers.sketch.gguf import INSIDE, OUTSIDE
from demo.models import Array, Weights

HEADS, ALIGNMENT = 4, 32
NAMES = {usual: own for own, usual in INSIDE.items()}
NUMBERS = {"F32": 0, "F16": 1, "Q4_0": 2, "Q8_0": 8, "Q6_K": 14, "BF16": 30}
Single = NDArray[np.float32]
PAIRS: Mapping[str, object] = {
    "general.architecture": "llama",
    "llama.attention.head_count": HEADS,
    "llama.attention.head_count_kv": HEADS,
    "tokenizer.ggml.tokens": [f"token {i}" for i in range(40)],
    "tokenizer.ggml.scores": [0.5] * 40,
}


def own_name(name: str) -> str:
    """Return llama.cpp's name of a tensor."""
    outside = {usual: own for own, usual in OUTSIDE.items()} | {"model.norm.weight": "output_norm.weight"}
    match = re.fullmatch(r"model\.layers\.(\d+)\.(.+)\.weight", name)
    return f"blk.{match[1]}.{NAMES[match[2]]}.weight" if match else outside[name]


def permuted(name: str, weight: Array) -> Array:
    """Return a matrix with its rows as the converter orders them."""
    if not name.endswith(("q_proj.weight", "k_proj.weight")):
        return weight
    rows, cols = weight.shape
    return weight.reshape(HEADS, 2, rows // HEADS // 2, cols).swapaxes(1, 2).reshape(rows, cols)


def q8_0(weight: Single) -> bytes:
    """Encode blocks of 32 as ggml does: codes by the scale before it is rounded."""
    blocks = weight.reshape(-1, 32)
    scale = np.abs(blocks).max(axis=1, keepdims=True) / np.float32(127)
    codes = np.rint(blocks / scale).astype(np.int8)
    return np.concatenate([scale.astype(np.float16).view(np.uint8), codes.view(np.uint8)], axis=1).tobytes()


def q4_0(weight: Single) -> bytes:
    """Encode blocks of 32 as ggml does: the weight of the largest size becomes the lowest level."""
    blocks = weight.reshape(-1, 32)
    most = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=1)[:, None], axis=1)
    scale = most / np.float32(-8)
    codes = np.minimum(15, np.floor(blocks / scale + np.float32(8.5))).astype(np.uint8)
    packed = codes[:, :16] | (codes[:, 16:] << 4)
    return np.concatenate([scale.astype(np.float16).view(np.uint8), packed], axis=1).tobytes()


def q6_k(weight: Single) -> bytes:
    """Encode blocks of 256: scales of 16 weights in eight bits, codes by the scales as stored."""
    blocks = weight.reshape(-1, 16, 16)
    wanted = np.abs(blocks).max(axis=2) / np.float32(32)
    whole = (wanted.max(axis=1, keepdims=True) / 127).astype(np.float16)
    scales = np.maximum(np.rint(wanted / whole.astype(np.float32)), 1).astype(np.int8)
    each = (whole.astype(np.float32) * scales)[:, :, None]
    codes = (np.rint(blocks / each).clip(-32, 31) + 32).astype(np.uint8).reshape(-1, 2, 4, 32)
    low = (codes[:, :, :2] & 15) | ((codes[:, :, 2:] & 15) << 4)
    shifts = np.arange(0, 8, 2, dtype=np.uint8)[:, None]
    high = np.bitwise_or.reduce((codes >> 4) << shifts, axis=2)
    count = len(blocks)
    parts = [low.reshape(count, -1), high.reshape(count, -1), scales.view(np.uint8), whole.view(np.uint8)]
    return np.concatenate(parts, axis=1).tobytes()


ENCODERS: Mapping[str, Callable[[Single], bytes]] = {
    "F32": lambda w: w.tobytes(),
    "F16": lambda w: w.astype(np.float16).tobytes(),
    "BF16": lambda w: w.astype(ml_dtypes.bfloat16).tobytes(),
    "Q8_0": q8_0,
    "Q4_0": q4_0,
    "Q6_K": q6_k,
}


def text(value: str) -> bytes:
    """Encode a text."""
    return struct.pack("<Q", len(value.encode())) + value.encode()


def pair(key: str, value: object) -> bytes:
    """Encode a key and its value."""
    if isinstance(value, str):
        return text(key) + struct.pack("<I", 8) + text(value)
    if isinstance(value, list):
        inner = 8 if isinstance(value[0], str) else 6
        items = b"".join(text(v) if inner == 8 else struct.pack("<f", v) for v in value)
        return text(key) + struct.pack("<IIQ", 9, inner, len(value)) + items
    return text(key) + struct.pack("<II", 4, int(str(value)))


def gguf(weights: Weights, kind: str, pairs: Mapping[str, object] = PAIRS) -> bytes:
    """Return a GGUF file; vectors stay float32, and rows of partial blocks are Q8_0."""
    infos, data = b"", b""
    for name, weight in weights.items():
        one = kind if weight.ndim > 1 else "F32"
        if one == "Q6_K" and weight.shape[-1] % 256:
            one = "Q8_0"
        shape: Sequence[int] = weight.shape[::-1]
        place = struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, NUMBERS[one], len(data))
        infos += text(own_name(name)) + place
        encoded = ENCODERS[one](permuted(name, weight).astype(np.float32))
        data += encoded.ljust(-(-len(encoded) // ALIGNMENT) * ALIGNMENT, b"\0")
    head = b"GGUF" + struct.pack("<IQQ", 3, len(weights), len(pairs))
    head += b"".join(pair(k, v) for k, v in pairs.items()) + infos
    return head.ljust(-(-len(head) // ALIGNMENT) * ALIGNMENT, b"\0") + data


def parts(weights: Weights, kind: str, count: int, pairs: Mapping[str, object] = PAIRS) -> dict[str, bytes]:
    """Return a model in so many files; the first alone says what the others are of."""
    names = list(weights)
    cuts = [names[i::count] for i in range(count)]
    said = [pairs, *({"split.no": i} for i in range(1, count))]
    return {
        f"model-{i + 1:05d}-of-{count:05d}.gguf": gguf({n: weights[n] for n in cut}, kind, said[i])
        for i, cut in enumerate(cuts)
    }
