"""Quantized weights: each is one of a few levels times a scale, so its cell is as wide as the gap between levels.

A tool that rounds to the nearest level makes codes that follow from the weight and the stored scale alone, however the
scale was chosen, so a prediction can be held against them bit for bit. Where calibration chose the codes (GPTQ), they
are those of no prediction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

Singles = NDArray[np.float32]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

BF16 = np.dtype(ml_dtypes.bfloat16)
FLOATS = {"e4m3": ml_dtypes.float8_e4m3fn, "e5m2": ml_dtypes.float8_e5m2}
E2M1 = (
    0.0,
    0.5,
    1.0,
    1.5,
    2.0,
    3.0,
    4.0,
    6.0,
)  # https://www.opencompute.org/documents/ocp-microscaling-formats-mx-v1-0-spec-final-pdf
COARSE = "before bitsandbytes' dynamic type"
NF4 = (
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
)  # fmt: skip  # by code, https://arxiv.org/abs/2305.14314
FP4 = tuple(sign * size for sign in (1, -1) for size in (0.0, 0.0625 / 12, 8 / 12, 1.0, 4 / 12, 0.5, 2 / 12, 0.25))
TABLES = {"e2m1": (*E2M1, *(-x for x in E2M1)), "nf4": NF4, "fp4": FP4}
SCALE_BITS = {"before BF16": 7, "before F16": 10, COARSE: 6}  # of the fraction of the scale's type
QUOTIENTS = "by quotients in BF16"
SUM_ERROR = 2.0**-22  # of a quotient in float32, in levels, relative to the level
BEYOND = 3.0  # inner gaps: how wide the outermost cells count, which take in all that lies beyond


@cache
def levels_of(name: str) -> Floats:
    """Return the levels of a table in ascending order, float64[levels]; KeyError if there is none of that name.

    "int8" and the like hold -2^7 to 2^7 - 1, "uint4" and the like 0 to 2^4 - 1.
    """
    if name in FLOATS:
        found = np.arange(256, dtype=np.uint8).view(FLOATS[name]).astype(np.float64)
        return np.unique(found[np.isfinite(found)])
    if name in TABLES:
        return np.unique(np.array(TABLES[name], np.float32)).astype(np.float64)
    kind, bits = name.rstrip("0123456789"), name.lstrip("uint")
    span = 1 << int(bits)
    return np.arange(span, dtype=np.float64) - {"int": span // 2, "uint": 0}[kind]


@dataclass(frozen=True, slots=True, eq=False)
class Quantized:
    """Quantized weights in place of an array of stored ones: `values` = `zero` + `scale` times one of the levels.

    `levels`: a name for `levels_of`. `chosen`: how a tool may have chosen the codes: "" by the scale as it is stored,
    "by quotients in BF16" that it rounded first, or "before BF16" or "before F16", when it had not yet rounded scale
    and zero to that type. `dtype`: the type that the weights had before, in which a merge is replayed.
    """

    values: Singles  # float32[weights]
    scale: Singles  # float32[weights]
    zero: Singles  # float32[weights]
    levels: str
    chosen: str = ""
    dtype: np.dtype[np.generic] = BF16

    @property
    def size(self) -> int:
        """Weights."""
        return self.values.size

    def __getitem__(self, kept: Mask | NDArray[np.int64] | slice) -> Quantized:
        return replace(self, values=self.values[kept], scale=self.scale[kept], zero=self.zero[kept])

    @property
    def cell(self) -> Floats:
        """Twice the wider side of each weight's cell, float64[weights], in the weights' own unit, never 0."""
        table = levels_of(self.levels)
        gaps = np.diff(table)
        sides = np.stack([np.append(BEYOND * gaps[0], gaps), np.append(gaps, BEYOND * gaps[-1])]).max(axis=0)
        size = np.abs(self.scale.astype(np.float64))
        found: Floats = sides[self.codes(self.values)] * size + 2 * self.slack
        if self.chosen == QUOTIENTS:
            found = found + 2.0**-7 * size * _binade(np.abs(self.values.astype(np.float64)) / self._size())
        return np.maximum(found, 1e-30)

    def nearest(self, values: NDArray[np.floating]) -> Singles:
        """Return `values`, [..., weights], as they would be stored under these scales."""
        table = levels_of(self.levels)
        return self.zero + self.scale * table[self.codes(values)].astype(np.float32)

    def holds(self, values: NDArray[np.floating]) -> Mask:
        """Tell which of `values`, [..., weights], lie in the cell of the stored code; ties belong to both."""
        table = levels_of(self.levels)
        edges = np.concatenate([[-np.inf], (table[1:] + table[:-1]) / 2, [np.inf]])
        codes, slack = self.codes(self.values), self.slack / self._size()
        place = self._place(values)
        found = (place >= edges[codes] - slack) & (place <= edges[codes + 1] + slack)
        if self.chosen == QUOTIENTS:
            shift = np.rint(self.zero / self._size())
            rounded = (place + shift).astype(BF16).astype(np.float64) - shift
            found |= (rounded >= edges[codes]) & (rounded <= edges[codes + 1])
        return np.asarray(found)

    def _size(self) -> Floats:
        return np.maximum(np.abs(self.scale.astype(np.float64)), 1e-38)

    def _place(self, values: NDArray[np.floating]) -> Floats:
        """Return where values lie among the levels."""
        with np.errstate(invalid="ignore", over="ignore"):
            return (values.astype(np.float64) - self.zero) / np.where(self.scale < 0, -self._size(), self._size())

    def codes(self, values: NDArray[np.floating]) -> NDArray[np.int64]:
        """Return which level is nearest to each value."""
        table = levels_of(self.levels)
        return np.searchsorted((table[1:] + table[:-1]) / 2, self._place(values))

    @property
    def slack(self) -> Floats:
        """Error of each cell's edges, float64[weights]: the scale that chose the code is not the stored one."""
        reach = np.abs(self.values.astype(np.float64) - self.zero)
        found: Floats = SUM_ERROR * reach
        if self.chosen in SCALE_BITS:
            half = 2.0 ** -(SCALE_BITS[self.chosen] + 1)
            found = found + half * (_binade(self.scale) / self._size() * reach + _binade(self.zero))
        return found


def _binade(values: NDArray[np.floating]) -> Floats:
    """Return the largest power of two that is not above the size of each value; 0 for 0."""
    fraction, exponent = np.frexp(values.astype(np.float64))
    return np.where(fraction == 0, 0.0, np.ldexp(1.0, exponent - 1))


def joined(parts: Sequence[Quantized], dtype: np.dtype[np.generic]) -> Quantized:
    """Return parts that share their levels side by side, made from weights of `dtype`."""
    first = parts[0]
    return Quantized(
        np.concatenate([p.values for p in parts]),
        np.concatenate([p.scale for p in parts]),
        np.concatenate([p.zero for p in parts]),
        first.levels,
        max((p.chosen for p in parts), key=lambda how: (how in SCALE_BITS, how)),
        dtype,
    )
