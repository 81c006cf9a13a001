"""Ulps and rounding cells of stored weights, quantized ones too: the floor under every residual.

A mix of stored values that is rounded once lies within half an ulp of the exact mix, whatever the parents are, because
the parents' stored values are the true inputs (IEEE 754 round to nearest, ties to even).
"""

from __future__ import annotations

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from analyzers.numbers.quantized import Mask, Quantized

Floats = NDArray[np.float64]
Stored = NDArray[np.generic]
Kept = Stored | Quantized  # weights as an upload keeps them

BF16, F16, F32 = np.dtype(ml_dtypes.bfloat16), np.dtype(np.float16), np.dtype(np.float32)
FRACTION_BITS = {BF16: 7, F16: 10, F32: 23}
SMALLEST_EXPONENT = {BF16: -126, F16: -14, F32: -126}


def widen(stored: Kept) -> Floats:
    """Return the stored values as float64, exactly."""
    return (stored.values if isinstance(stored, Quantized) else stored).astype(np.float64)


def ulp(values: Floats, dtype: np.dtype[np.generic]) -> Floats:
    """Return the distance of neighbouring `dtype` numbers at `values`, in the values' own unit, never 0."""
    _, exponent = np.frexp(values)
    lowest = np.where(values == 0, SMALLEST_EXPONENT[dtype], np.maximum(exponent - 1, SMALLEST_EXPONENT[dtype]))
    spacing: Floats = np.ldexp(1.0, lowest - FRACTION_BITS[dtype])
    return spacing


def round_to(values: NDArray[np.floating], dtype: np.dtype[np.generic]) -> Stored:
    """Return `values` stored as `dtype`, rounded once; out of range becomes infinite, as in every tool."""
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(np.float32).astype(dtype)


def stored_as(kept: Kept) -> str:
    """Return the name of the type, or of the levels, that weights are stored as."""
    return f"{kept.levels} times scales" if isinstance(kept, Quantized) else str(kept.dtype)


def cell(kept: Kept) -> Floats:
    """Return the width of each weight's rounding cell, float64[weights], in the weights' own unit, never 0."""
    return kept.cell if isinstance(kept, Quantized) else ulp(widen(kept), kept.dtype)


def store(values: NDArray[np.floating], like: Kept) -> Stored:
    """Return `values`, [..., weights], as they would be stored where `like` is."""
    return like.nearest(values) if isinstance(like, Quantized) else round_to(values, like.dtype)


def equal(values: NDArray[np.floating], kept: Kept) -> Mask:
    """Tell which of `values`, [..., weights], would be stored as what is kept, bit for bit."""
    return kept.holds(values) if isinstance(kept, Quantized) else np.asarray(round_to(values, kept.dtype) == kept)


def effective_dtype(stored: Stored) -> np.dtype[np.generic]:
    """Return the coarsest type that holds every number: bfloat16 for bfloat16 weights kept in a float32 file."""
    values = widen(stored)
    numbers = values[np.isfinite(values)]
    for dtype in (BF16, F16):
        if stored.dtype == dtype or (numbers.size and np.array_equal(widen(round_to(numbers, dtype)), numbers)):
            return dtype
    return stored.dtype
