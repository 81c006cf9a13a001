"""Blocks of GGUF tensors -> levels and scales, by ggml's own layout (ggml-common.h, ggml-quants.c).

Every function is given uint8[blocks, bytes] and returns the planes of `analyzers.numbers.unpacking`, float32[blocks,
1, n].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Single = NDArray[np.float32]
Planes = Mapping[str, Single]
E2M1 = np.array([0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12], np.float32) / 2


def half(blocks: Bytes, at: int) -> Single:
    """Return the float16 at byte `at` of each block, float32[blocks, 1]."""
    return np.ascontiguousarray(blocks[:, at : at + 2]).view(np.float16).astype(np.float32)


def nibbles(packed: Bytes) -> Bytes:
    """Return the low halves of all bytes, then the high halves, along the last axis."""
    return np.concatenate([packed & 15, packed >> 4], axis=-1)


def bits(packed: Bytes, count: int = 1) -> Bytes:
    """Return `count` bits at a time, lowest first, of each byte: uint8[..., 8 / count, bytes]."""
    shifts = np.arange(0, 8, count, dtype=np.uint8)[:, None]
    return (packed[..., None, :] >> shifts) & np.uint8((1 << count) - 1)


def _planes(level: NDArray[np.generic], **others: Single) -> Planes:
    """Return planes of whole blocks: [blocks, weights], or [blocks, groups] for groups of adjacent weights."""
    wide = level.shape[1]
    found = {"level": level.astype(np.float32)} | others
    return {k: np.repeat(v, wide // v.shape[1], axis=1)[:, None, :] for k, v in found.items()}


def q8_0(blocks: Bytes) -> Planes:
    """Scale, then 32 signed bytes."""
    return _planes(blocks[:, 2:].view(np.int8), scale=half(blocks, 0))


def q4(blocks: Bytes, *, offset: bool) -> Planes:
    """Scale, an offset in Q4_1, then 16 bytes of two levels."""
    if offset:
        return _planes(nibbles(blocks[:, 4:]), scale=half(blocks, 0), offset=half(blocks, 2))
    return _planes(nibbles(blocks[:, 2:]).astype(np.int16) - 8, scale=half(blocks, 0))


def q5(blocks: Bytes, *, offset: bool) -> Planes:
    """Scale, an offset in Q5_1, 32 fifth bits, then 16 bytes of two levels."""
    at = 4 if offset else 2
    fifth = np.unpackbits(blocks[:, at : at + 4], axis=1, bitorder="little")
    levels = nibbles(blocks[:, at + 4 :]) | (fifth << 4)
    if offset:
        return _planes(levels, scale=half(blocks, 0), offset=half(blocks, 2))
    return _planes(levels.astype(np.int16) - 16, scale=half(blocks, 0))


def q2_k(blocks: Bytes) -> Planes:
    """16 groups of 16: scale and minimum of four bits each, 64 bytes of four levels, two float16."""
    levels = bits(blocks[:, 16:80].reshape(-1, 2, 32), 2).reshape(-1, 256)
    scale = half(blocks, 80) * (blocks[:, :16] & 15)
    return _planes(levels, scale=scale, offset=-(half(blocks, 82) * (blocks[:, :16] >> 4)))


def q3_k(blocks: Bytes) -> Planes:
    """32 bytes of third bits, 64 bytes of four levels, 16 scales of six bits, one float16."""
    third = bits(blocks[:, :32]).reshape(-1, 256)
    low = bits(blocks[:, 32:96].reshape(-1, 2, 32), 2).reshape(-1, 256)
    packed = blocks[:, 96:108]
    high = bits(packed[:, 8:], 2).reshape(-1, 16)
    scales = nibbles(packed[:, :8]) | (high << 4)
    levels = low.astype(np.int16) - np.where(third, 0, 4)
    return _planes(levels, scale=half(blocks, 108) * (scales.astype(np.float32) - 32))


def _six_bits(packed: Bytes) -> tuple[Single, Single]:
    """Return eight scales and eight minima of six bits each out of twelve bytes."""
    low, middle, high = packed[:, :4], packed[:, 4:8], packed[:, 8:]
    scale = np.concatenate([low & 63, (high & 15) | ((low >> 6) << 4)], axis=1)
    minimum = np.concatenate([middle & 63, (high >> 4) | ((middle >> 6) << 4)], axis=1)
    return scale.astype(np.float32), minimum.astype(np.float32)


def q4_k(blocks: Bytes) -> Planes:
    """Two float16, eight groups' scales and minima, 128 bytes of two levels."""
    scale, minimum = _six_bits(blocks[:, 4:16])
    levels = nibbles(blocks[:, 16:].reshape(-1, 4, 32)).reshape(-1, 256)
    return _planes(levels, scale=half(blocks, 0) * scale, offset=-(half(blocks, 2) * minimum))


def q5_k(blocks: Bytes) -> Planes:
    """Two float16, eight groups' scales and minima, 32 bytes of fifth bits, 128 bytes of two levels."""
    scale, minimum = _six_bits(blocks[:, 4:16])
    fifth = bits(blocks[:, 16:48]).reshape(-1, 256)
    levels = nibbles(blocks[:, 48:].reshape(-1, 4, 32)).reshape(-1, 256) | (fifth << 4)
    return _planes(levels, scale=half(blocks, 0) * scale, offset=-(half(blocks, 2) * minimum))


def q6_k(blocks: Bytes) -> Planes:
    """128 bytes of two low halves, 64 bytes of four high pairs, 16 signed scales, one float16."""
    low = nibbles(blocks[:, :128].reshape(-1, 2, 64)).reshape(-1, 256)
    high = bits(blocks[:, 128:192].reshape(-1, 2, 32), 2).reshape(-1, 256)
    levels = (low | (high << 4)).astype(np.int16) - 32
    return _planes(levels, scale=half(blocks, 208) * blocks[:, 192:208].view(np.int8).astype(np.float32))


def mxfp4(blocks: Bytes) -> Planes:
    """A scale that is a power of two, then 16 bytes of two levels."""
    scale = np.ldexp(np.float32(1), blocks[:, :1].astype(np.int32) - 127).astype(np.float32)
    return _planes(E2M1[nibbles(blocks[:, 1:])], scale=scale)


BLOCKS: Mapping[str, Callable[[Bytes], Planes]] = {
    "Q8_0": q8_0,
    "Q4_0": partial(q4, offset=False),
    "Q4_1": partial(q4, offset=True),
    "Q5_0": partial(q5, offset=False),
    "Q5_1": partial(q5, offset=True),
    "Q2_K": q2_k,
    "Q3_K": q3_k,
    "Q4_K": q4_k,
    "Q5_K": q5_k,
    "Q6_K": q6_k,
    "MXFP4": mxfp4,
}
