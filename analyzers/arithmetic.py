"""The arithmetics that merging tools use, by name: the right one reproduces every stored weight of its blend.

Read in mergekit (https://github.com/arcee-ai/mergekit) and run on its output: 0.1.5 sums in float32 with fused
multiply-adds in model order and divides by the sum of weights; up to 0.1.4 all is done in the storage type; home-made
scripts mostly sum float32 products. Parents come as float64 arrays that hold stored values exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from analyzers.rounding import Floats, Stored, round_to, widen


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """One way to compute sum(c_i x_i): (parents, coefficients, storage type) -> stored values."""

    name: str
    mix: Callable[[Sequence[Floats], Sequence[float], np.dtype[np.generic]], Stored]
    ordered: bool  # the order of the parents matters
    in_storage: bool  # intermediate results are rounded to the storage type


def _once(parents: Sequence[Floats], weights: Sequence[float], dtype: np.dtype[np.generic]) -> Stored:
    """Exact sum, one rounding (float64 is exact enough)."""
    return round_to(sum((c * x for c, x in zip(weights, parents, strict=True)), np.zeros_like(parents[0])), dtype)


def _single(parents: Sequence[Floats], weights: Sequence[float], dtype: np.dtype[np.generic]) -> Stored:
    """Products and sums in float32."""
    total = np.zeros(parents[0].shape, np.float32)
    for c, x in zip(weights, parents, strict=True):
        total = total + np.float32(c) * x.astype(np.float32)
    return round_to(total, dtype)


def _fused(parents: Sequence[Floats], weights: Sequence[float], dtype: np.dtype[np.generic]) -> Stored:
    """Fused multiply-adds in float32, then a division by the float32 sum of weights if it is near 1."""
    total = np.zeros(parents[0].shape, np.float32)
    for c, x in zip(weights, parents, strict=True):
        total = (widen(total) + float(np.float32(c)) * x).astype(np.float32)  # a product of two floats fits float64
    share = np.float32(sum(np.float32(c) for c in weights))
    return round_to(total / share if abs(share - 1) < 1e-6 else total, dtype)


def _in_storage(parents: Sequence[Floats], weights: Sequence[float], dtype: np.dtype[np.generic]) -> Stored:
    """Every product and every sum rounded to the storage type, then divided by the stored sum of weights."""
    total, share = np.zeros(parents[0].shape, dtype), np.zeros(1, dtype)
    for c, x in zip(weights, parents, strict=True):
        stored = round_to(np.array([c]), dtype)
        total = round_to(widen(total) + widen(round_to(widen(stored) * x, dtype)), dtype)
        share = round_to(widen(share) + widen(stored), dtype)
    near_one = abs(float(widen(share)[0]) - 1) < 0.02
    return round_to(widen(total) / widen(share), dtype) if near_one else total


def _task(parents: Sequence[Floats], weights: Sequence[float], dtype: np.dtype[np.generic]) -> Stored:
    """Task arithmetic (https://arxiv.org/abs/2212.04089) in the storage type: the first parent is the base."""
    base, total = parents[0], np.zeros(parents[0].shape, dtype)
    for c, x in zip(weights[1:], parents[1:], strict=True):
        delta = widen(round_to(x - base, dtype))
        stored = float(widen(round_to(np.array([c]), dtype))[0])
        total = round_to(widen(total) + widen(round_to(stored * delta, dtype)), dtype)
    return round_to(base + widen(total), dtype)


ARITHMETICS: tuple[Arithmetic, ...] = (
    Arithmetic("exact sum, one rounding", _once, ordered=False, in_storage=False),
    Arithmetic("float32, one rounding", _single, ordered=True, in_storage=False),
    Arithmetic("float32 fused, one rounding", _fused, ordered=True, in_storage=False),
    Arithmetic("storage type throughout", _in_storage, ordered=True, in_storage=True),
    Arithmetic("task arithmetic in the storage type", _task, ordered=True, in_storage=True),
)
