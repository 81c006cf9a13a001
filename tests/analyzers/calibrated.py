"""Tiny models quantized with calibration, in the layouts of GPTQ and AWQ."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from demo.models import Weights
from demo.quantizers import F32, Single, quantizer

F16 = np.dtype(np.float16)
GROUP = 32
AWQ_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)


@cache
def activations(cols: int) -> NDArray[np.float64]:
    """Return what a calibration shows of a group of inputs: columns of different sizes that correlate."""
    rng = np.random.default_rng(cols)
    seen = rng.normal(0, 1, (4 * cols, cols)) * rng.lognormal(0, 0.6, cols) + rng.normal(0, 0.5, (4 * cols, 1))
    return np.asarray(seen.T @ seen, np.float64)


def scales_of(weight: Single, bits: int) -> tuple[Single, Single]:
    """Return scales and zero points of groups in a row, [rows, groups]."""
    each, most = weight.reshape(weight.shape[0], -1, GROUP), (1 << bits) - 1
    low, high = np.minimum(each.min(axis=2), 0), np.maximum(each.max(axis=2), 0)
    scale = ((high - low) / most).astype(F16).astype(F32)
    zero: Single = np.rint(-low / scale).clip(1, most)
    return scale, zero


def words(codes: NDArray[np.int64], bits: int, order: tuple[int, ...] | None = None) -> NDArray[np.int32]:
    """Pack codes along the last axis, the lowest bits first."""
    each = codes.reshape(*codes.shape[:-1], -1, 32 // bits)
    each = each[..., list(order)] if order else each
    packed = (each.astype(np.uint64) << np.arange(0, 32, bits, dtype=np.uint64)).sum(axis=-1)
    return np.asarray(packed.astype(np.uint32).view(np.int32), np.int32)


def gptq(bits: int = 4) -> Callable[[Weights], Weights]:
    """Return what quantizes as GPTQ does: what rounding a column misses is made up for by the rest of its group."""

    def change(name: str, weight: Single) -> Weights:
        upper = np.linalg.cholesky(np.linalg.inv(activations(GROUP))).T
        left, codes = weight.astype(np.float64), np.zeros(weight.shape, np.int64)
        scale, zero = scales_of(weight, bits)
        for i in range(weight.shape[1]):
            group, place = divmod(i, GROUP)
            codes[:, i] = np.rint(left[:, i] / scale[:, group] + zero[:, group]).clip(0, (1 << bits) - 1)
            missed = (left[:, i] - (codes[:, i] - zero[:, group]) * scale[:, group]) / upper[place, place]
            left[:, i : (group + 1) * GROUP] -= missed[:, None] * upper[place, place:]
        stem = name.removesuffix("weight")
        return {
            f"{stem}qweight": np.ascontiguousarray(words(codes, bits).T),
            f"{stem}qzeros": words(zero.T.astype(np.int64) - 1, bits),
            f"{stem}scales": scale.T.astype(F16),
            f"{stem}g_idx": (np.arange(weight.shape[1]) // GROUP).astype(np.int32),
        }

    return quantizer(change)


def awq(weights: Weights) -> Weights:
    """Quantize as AWQ does: columns that calibration found large are scaled first, and rows that feed them."""

    def change(name: str, weight: Single) -> Weights:
        factor = np.diag(activations(weight.shape[1])) ** 0.15
        scaled = weight * (factor / factor.mean()).astype(F32)
        if name.endswith(("up_proj.weight", "v_proj.weight")):
            scaled = scaled / np.random.default_rng(1).lognormal(0, 0.3, (weight.shape[0], 1)).astype(F32)
        scaled = scaled.astype(F16).astype(F32)
        scale, zero = scales_of(scaled, 4)
        each = scaled.reshape(scaled.shape[0], -1, GROUP)
        codes = np.rint(each / scale[:, :, None] + zero[:, :, None]).clip(0, 15).astype(np.int64)
        stem = name.removesuffix("weight")
        return {
            f"{stem}qweight": words(codes.reshape(weight.shape).T, 4, AWQ_ORDER),
            f"{stem}qzeros": words(zero.T.astype(np.int64), 4, AWQ_ORDER),
            f"{stem}scales": scale.T.astype(F16),
        }

    return quantizer(change)(weights)


CALIBRATED: dict[str, Callable[[Weights], Weights]] = {"gptq": gptq(), "gptq of 8 bits": gptq(8), "awq": awq}
