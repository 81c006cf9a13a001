"""The arithmetics that merging tools use, by name: the right one reproduces every stored weight of its blend.

Read in mergekit (https://github.com/arcee-ai/mergekit) and run on its output: 0.1.5 sums in float32 with fused
multiply-adds in model order and divides by the sum of weights; up to 0.1.4 all is done in the storage type; home-made
scripts mostly sum float32 products. Parents come as float64 arrays that hold stored values exactly, weights as numbers
or as arrays that broadcast against the parents, so that many recipes are tried at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from analyzers.numbers.rounding import Floats, Stored, round_to, widen

Weights = Sequence[float | Floats]  # one of each parent
Singles = NDArray[np.float32]


def _f32(values: float | Floats) -> Singles:
    return np.asarray(values, np.float32)


def _sum_f32(weights: Weights) -> Singles:
    """Return the sum of weights, added one after the other in float32."""
    total = _f32(0.0)
    for weight in weights:
        total = total + _f32(weight)
    return total


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """One way to compute sum(c_i x_i): (parents, coefficients, storage type) -> stored values."""

    name: str
    mix: Callable[[Sequence[Floats], Weights, np.dtype[np.generic]], Stored]
    ordered: bool = False  # the order of the parents matters
    in_storage: bool = False  # intermediate results are rounded to the storage type
    normalises: bool = False  # the weights are divided by their sum


def _once(parents: Sequence[Floats], weights: Weights, dtype: np.dtype[np.generic]) -> Stored:
    """Exact sum, one rounding (float64 is exact enough)."""
    return round_to(sum((c * x for c, x in zip(weights, parents, strict=True)), np.zeros_like(parents[0])), dtype)


def _single_shares(parents: Sequence[Floats], weights: Weights, dtype: np.dtype[np.generic]) -> Stored:
    """Products and sums in float32, then a division by the float32 sum of weights."""
    return round_to(_single_sum(parents, weights) / _sum_f32(weights), dtype)


def _single(parents: Sequence[Floats], weights: Weights, dtype: np.dtype[np.generic]) -> Stored:
    """Products and sums in float32."""
    return round_to(_single_sum(parents, weights), dtype)


def _single_sum(parents: Sequence[Floats], weights: Weights) -> Singles:
    total = np.zeros(parents[0].shape, np.float32)
    for c, x in zip(weights, parents, strict=True):
        total = total + _f32(c) * _f32(x)
    return total


def _fused(parents: Sequence[Floats], weights: Weights, dtype: np.dtype[np.generic]) -> Stored:
    """Fused multiply-adds in float32."""
    return round_to(_fused_sum(parents, weights), dtype)


def _fused_shares(parents: Sequence[Floats], weights: Weights, dtype: np.dtype[np.generic]) -> Stored:
    """Fused multiply-adds in float32, then a division by the float32 sum of weights."""
    return round_to(_fused_sum(parents, weights) / _sum_f32(weights), dtype)


def _fused_sum(parents: Sequence[Floats], weights: Weights) -> Singles:
    total = np.zeros(parents[0].shape, np.float32)
    for c, x in zip(weights, parents, strict=True):
        total = _f32(widen(total) + widen(_f32(c)) * x)  # a product of two floats fits float64
    return total


def _products(parents: Sequence[Floats], weights: Weights, dtype: np.dtype[np.generic]) -> list[Floats]:
    """Return each parent times its weight, weight and product rounded to the storage type."""
    stored = widen(round_to(np.array(weights), dtype))
    return [widen(round_to(c * x, dtype)) for c, x in zip(stored, parents, strict=True)]


def _sums_in_storage(parents: Sequence[Floats], weights: Weights, dtype: np.dtype[np.generic]) -> Stored:
    """Products and their sum rounded to the storage type, the weights kept in float32."""
    total = np.zeros_like(parents[0])
    for c, x in zip(weights, parents, strict=True):
        total = total + widen(round_to(widen(_f32(c)) * x, dtype))
    return round_to(total, dtype)


def _in_storage(parents: Sequence[Floats], weights: Weights, dtype: np.dtype[np.generic]) -> Stored:
    """Products rounded to the storage type, summed in float32 as tensor libraries do, rounded."""
    return round_to(sum(_products(parents, weights, dtype), np.zeros_like(parents[0])), dtype)


def _in_storage_shares(parents: Sequence[Floats], weights: Weights, dtype: np.dtype[np.generic]) -> Stored:
    """The same, divided by the sum of the stored weights, which is rounded too."""
    total = widen(_in_storage(parents, weights, dtype))
    share = widen(round_to(widen(round_to(np.array(weights), dtype)).sum(axis=0), dtype))
    return round_to(np.divide(total, share, out=total.copy(), where=share != 0), dtype)


def _stepwise(parents: Sequence[Floats], weights: Weights, dtype: np.dtype[np.generic]) -> Stored:
    """Every product and every partial sum rounded to the storage type."""
    total = np.zeros_like(parents[0])
    for product in _products(parents, weights, dtype):
        total = widen(round_to(total + product, dtype))
    return total.astype(dtype)


def _task(parents: Sequence[Floats], weights: Weights, dtype: np.dtype[np.generic], scale: float = 1.0) -> Stored:
    """Task arithmetic (https://arxiv.org/abs/2212.04089) in the storage type: the first parent is the base.

    `scale`: what the mixed deltas are multiplied by at the end; `weights` are what comes of it.
    """
    base = parents[0]
    if len(parents) == 1:
        return _in_storage(parents, weights, dtype)
    deltas = [widen(round_to(x - base, dtype)) for x in parents[1:]]
    mixed = _in_storage(deltas, [w / scale for w in weights[1:]], dtype)
    if scale != 1.0:
        mixed = round_to(widen(mixed) * float(np.float32(scale)), dtype)
    return round_to(base + widen(mixed), dtype)


def _average(parents: Sequence[Floats], weights: Weights, dtype: np.dtype[np.generic]) -> Stored:
    """The first parent, and the average of the others, mixed in the storage type (https://arxiv.org/abs/2403.19522)."""
    if len(parents) == 1:
        return _in_storage(parents, weights, dtype)
    total = np.zeros_like(parents[0])
    for x in parents[1:]:
        total = widen(round_to(total + x, dtype))
    average = widen(round_to(total / (len(parents) - 1), dtype))
    return _in_storage([average, parents[0]], [sum(weights[1:]), weights[0]], dtype)


ARITHMETICS: tuple[Arithmetic, ...] = (
    Arithmetic("float32 fused, one rounding", _fused, ordered=True),
    Arithmetic("float32 fused, divided by the sum of weights", _fused_shares, ordered=True, normalises=True),
    Arithmetic("float32, one rounding", _single, ordered=True),
    Arithmetic("float32, divided by the sum of weights", _single_shares, ordered=True, normalises=True),
    Arithmetic("exact sum, one rounding", _once),
    Arithmetic("storage type, one sum", _in_storage, in_storage=True),
    Arithmetic("storage type, divided by the sum of weights", _in_storage_shares, in_storage=True, normalises=True),
    Arithmetic("storage type throughout", _stepwise, ordered=True, in_storage=True),
    Arithmetic("sums in the storage type, weights in float32", _sums_in_storage),
    Arithmetic("task arithmetic in the storage type", _task, ordered=True, in_storage=True),
    Arithmetic("average, then interpolated, in the storage type", _average, ordered=True, in_storage=True),
)
# tried where none of the above reproduces everything
SCALES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 1.1, 1.2, 1.25, 1.5, 2.0)
SCALED: tuple[Arithmetic, ...] = tuple(
    Arithmetic(
        f"task arithmetic times {scale:g} in the storage type",
        partial(_task, scale=scale),
        ordered=True,
        in_storage=True,
    )
    for scale in SCALES
)
