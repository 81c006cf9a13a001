"""Tiny models quantized to the nearest level, in the layouts that tools write."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Literal

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from analyzers.numbers.quantized import FP4, NF4
from analyzers.numbers.unpacking import DYNAMIC
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


def one_quantized(weights: Weights) -> Weights:
    """Store one matrix of a model as FP8."""
    name = "model.layers.1.mlp.up_proj.weight"
    return {**weights, **fp8()({name: weights[name]})}


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


def packed(codes: NDArray[np.int64], bits: int) -> NDArray[np.uint8]:
    """Pack codes of `bits` bits along rows, the lowest bits first."""
    each = (codes[:, :, None] >> np.arange(bits)) & 1
    found: NDArray[np.uint8] = np.packbits(each.astype(np.uint8).reshape(len(codes), -1), axis=1, bitorder="little")
    return found


def groups(weight: Single, size: int) -> Single:
    """Return the groups of weights that share a scale, [rows, groups, weights]."""
    return weight.reshape(weight.shape[0], -1, size)


def mlx(bits: int, group: int = 32) -> Callable[[Weights], Weights]:
    """Return what stores a model as MLX does: codes by scales and biases before these are rounded to bfloat16."""

    def change(name: str, weight: Single) -> Weights:
        each = groups(weight, group)
        low, high = each.min(axis=2), each.max(axis=2)
        down = np.abs(low) > np.abs(high)
        scale = np.where(down, 1, -1) * np.maximum((high - low) / ((1 << bits) - 1), 1e-7)
        edge = np.where(down, low, high)
        zero = np.rint(edge / scale)
        scale = np.where(zero != 0, edge / np.where(zero != 0, zero, 1), scale)
        bias = np.where(zero != 0, edge, 0)
        codes = np.rint((each - bias[:, :, None]) / scale[:, :, None]).clip(0, (1 << bits) - 1).astype(np.int64)
        words = packed(codes.reshape(weight.shape), bits).view(np.uint32)
        stem = name.removesuffix("weight")
        return {name: words, f"{stem}scales": scale.astype(BF16), f"{stem}biases": bias.astype(BF16)}

    return quantizer(change)


def words(bits: int, *, zeros: bool = False) -> Callable[[Weights], Weights]:
    """Return what stores a model as compressed-tensors' packed integers, groups of 64 with or without zero points."""

    def change(name: str, weight: Single) -> Weights:
        each, half = groups(weight, 64), 1 << (bits - 1)
        low, high = np.minimum(each.min(axis=2), 0), np.maximum(each.max(axis=2), 0)
        span = (high - low) / (2 * half - 1) if zeros else np.maximum(-low, high) / (half - 0.5)
        scale = span.astype(BF16)
        zero = np.rint(-half - low / scale.astype(np.float32)) if zeros else np.zeros_like(low)
        zero = zero.clip(-half, half - 1).astype(np.int64)
        quotient = (each / scale.astype(np.float32)[:, :, None]).astype(BF16).astype(np.float32)
        codes = np.rint(quotient + zero[:, :, None]).clip(-half, half - 1).astype(np.int64) + half
        stem = name.removesuffix("weight")
        found: dict[str, Array] = {f"{stem}weight_packed": packed(codes.reshape(weight.shape), bits).view(np.int32)}
        found |= {f"{stem}weight_scale": scale, f"{stem}weight_shape": np.array(weight.shape, np.int64)}
        if zeros:
            found[f"{stem}weight_zero_point"] = packed((zero + half).T, bits).view(np.int32).T
        return found

    return quantizer(change)


def fp4(values: Single) -> NDArray[np.uint8]:
    """Return the FP4 code nearest to each value, the sign highest."""
    levels = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6], np.float32)
    codes = np.searchsorted((levels[1:] + levels[:-1]) / 2, np.abs(values)).astype(np.uint8)
    found: NDArray[np.uint8] = codes + 8 * np.signbit(values).astype(np.uint8)
    return found


def nvfp4(weights: Weights) -> Weights:
    """Store a model as NVFP4 with a divisor for each matrix, as compressed-tensors does."""

    def change(name: str, weight: Single) -> Weights:
        each = groups(weight, 16)
        divisor = np.float32(448 * 6) / np.abs(weight).max(keepdims=True)[0]
        scale = (np.abs(each).max(axis=2) / 6 * divisor).astype(E4M3)
        step = scale.astype(np.float32) / divisor
        codes = fp4(each / step[:, :, None]).reshape(weight.shape)
        stem = name.removesuffix("weight")
        return {
            f"{stem}weight_packed": codes[:, ::2] | (codes[:, 1::2] << 4),
            f"{stem}weight_scale": scale,
            f"{stem}weight_global_scale": divisor,
        }

    return quantizer(change)(weights)


def mxfp4(weights: Weights) -> Weights:
    """Store a model as MXFP4: scales that are powers of two, of 32 weights in a row."""

    def change(name: str, weight: Single) -> Weights:
        each = groups(weight, 32)
        exponent = np.floor(np.log2(np.abs(each).max(axis=2))) - 2
        codes = fp4(each / np.exp2(exponent)[:, :, None]).reshape(weight.shape)
        stem = name.removesuffix("weight")
        return {
            f"{stem}weight_packed": codes[:, ::2] | (codes[:, 1::2] << 4),
            f"{stem}weight_scale": (exponent + 127).astype(np.uint8),
        }

    return quantizer(change)(weights)


def flat(table: tuple[float, ...], name: str, *, nested: bool = False) -> Callable[[Weights], Weights]:
    """Return what stores a model as bitsandbytes' four bits; `nested`: its blocks' largest sizes are quantized, too."""
    levels = np.unique(np.array(table, np.float32))
    codes = np.array([np.array(table, np.float32).tolist().index(x) for x in levels.tolist()], np.uint8)

    def change(stem: str, weight: Single) -> Weights:
        each = weight.reshape(-1, 64)
        most = np.abs(each).max(axis=1)
        places = np.searchsorted((levels[1:] + levels[:-1]) / 2, each / most[:, None])
        pairs = codes[places].reshape(-1, 2)
        offset = float(most.mean())
        found: dict[str, Array] = {stem: ((pairs[:, 0] << 4) | pairs[:, 1])[:, None], f"{stem}.absmax": most}
        if nested:
            less = most - np.float32(offset)
            parts = [less[i : i + 256] for i in range(0, less.size, 256)]
            scales = np.array([np.abs(part).max() for part in parts], np.float32)
            nearest = [
                np.abs(DYNAMIC - (part / s)[:, None]).argmin(axis=1) for part, s in zip(parts, scales, strict=True)
            ]
            found |= {f"{stem}.absmax": np.concatenate(nearest).astype(np.uint8), f"{stem}.nested_absmax": scales}
        said = np.frombuffer(json.dumps({"blocksize": 64, "nested_offset": offset}).encode(), np.uint8)
        return found | {f"{stem}.quant_state.bitsandbytes__{name}": said}

    return quantizer(change)


FINE: dict[str, Callable[[Weights], Weights]] = {
    "fp8 in blocks": fp8(),
    "fp8 in rows": fp8("row", BF16),
    "fp8 in tensors": fp8("tensor", BF16),
    "int8 in rows": int8,
    "bitsandbytes int8": bitsandbytes_int8,
    "mlx of 8 bits": mlx(8),
    "mlx of 6 bits": mlx(6),
    "packed int8": words(8),
}
COARSE: dict[str, Callable[[Weights], Weights]] = {
    "mlx of 4 bits": mlx(4),
    "mlx of 3 bits": mlx(3),
    "packed int4": words(4),
    "packed int4 with zero points": words(4, zeros=True),
    "nvfp4": nvfp4,
    "mxfp4": mxfp4,
    "nf4": flat(NF4, "nf4"),
    "fp4": flat(FP4, "fp4"),
}
FORMATS = FINE | COARSE
