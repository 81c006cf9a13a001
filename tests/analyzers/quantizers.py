"""Tiny models quantized to the nearest level, in the layouts that tools write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from demo.models import Array, Weights

BF16, F32, E4M3 = np.dtype(ml_dtypes.bfloat16), np.dtype(np.float32), np.dtype(ml_dtypes.float8_e4m3fn)
Scales = Literal["block", "row", "tensor"]
Single = NDArray[np.float32]
BLOCK = 64  # weights of a block's side: two blocks in the smaller dimension of the tiny models


def linear(name: str, weight: Array) -> bool:
    """Tell a matrix that tools quantize: they keep embeddings, heads and norms."""
    return weight.ndim == 2 and "proj" in name


def largest(weight: Single, scales: Scales) -> Single:
    """Return the largest size among the weights that share a scale, in the shape of the scales."""
    rows, cols = weight.shape
    blocks = {"block": (BLOCK, BLOCK), "row": (1, cols), "tensor": (rows, cols)}[scales]
    found: Single = np.abs(weight.reshape(rows // blocks[0], blocks[0], cols // blocks[1], blocks[1])).max(axis=(1, 3))
    return found


def spread(scale: Single, shape: tuple[int, ...]) -> Single:
    """Return the scale of each weight."""
    return np.kron(scale, np.ones((shape[0] // scale.shape[0], shape[1] // scale.shape[1]), np.float32))


def quantizer(change: Callable[[str, Single], Weights]) -> Callable[[Weights], Weights]:
    """Return what quantizes a model: `change` is given the name and the values of each linear matrix."""

    def quantize(weights: Weights) -> Weights:
        found: dict[str, Array] = {}
        for name, weight in weights.items():
            found |= change(name, weight.astype(np.float32)) if linear(name, weight) else {name: weight}
        return found

    return quantize


def fp8(scales: Scales = "block", dtype: np.dtype[np.generic] = F32) -> Callable[[Weights], Weights]:
    """Return what stores a model as FP8 with scales of `dtype`, as DeepSeek-V3 and compressed-tensors do."""

    def change(name: str, weight: Single) -> Weights:
        scale = (largest(weight, scales) / 448).astype(dtype)
        codes = (weight / spread(scale.astype(np.float32), weight.shape)).clip(-448, 448).astype(E4M3)
        return {name: codes, f"{name}_scale{'_inv' if scales == 'block' else ''}": scale}

    return quantizer(change)


def int8(weights: Weights) -> Weights:
    """Store a model as INT8 with a scale of bfloat16 a row, which the codes are chosen by."""

    def change(name: str, weight: Single) -> Weights:
        scale = (largest(weight, "row") / 127.5).astype(BF16)
        quotient = (weight / scale.astype(np.float32)).astype(BF16)
        return {name: np.rint(quotient.astype(np.float32)).clip(-128, 127).astype(np.int8), f"{name}_scale": scale}

    return quantizer(change)(weights)


def bitsandbytes_int8(weights: Weights) -> Weights:
    """Store a model as bitsandbytes' INT8."""

    def change(name: str, weight: Single) -> Weights:
        most = largest(weight, "row")
        codes = np.rint(weight * (127 / most)).astype(np.int8)
        return {name: codes, f"{name.removesuffix('weight')}SCB": most[:, 0]}

    return quantizer(change)(weights)


FORMATS: dict[str, Callable[[Weights], Weights]] = {
    "fp8 in blocks": fp8(),
    "fp8 in rows": fp8("row", BF16),
    "fp8 in tensors": fp8("tensor", BF16),
    "int8 in rows": int8,
    "bitsandbytes int8": bitsandbytes_int8,
}
