"""Weights that are computed on demand: any element of any tensor is a pure function of (model, tensor, index).

Counters are hashed (SplitMix64, Steele et al. 2014) and looked up in a table of normal quantiles. Nothing but
look-ups, sums and products of single elements follows, so a weight does not depend on which others are computed with
it, to the last bit.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Protocol

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from bench.rio397.shards import Tensor

Stored = NDArray[np.generic]
Floats = NDArray[np.float32]
Places = NDArray[np.int64]  # of elements, or of numbers of a stream
STORED = {"BF16": np.dtype(ml_dtypes.bfloat16), "F32": np.dtype(np.float32)}
SIZE = 0.02  # standard deviation of a matrix's weights, up to a power of two
DIRECTIONS = 4  # along which half of a delta's variance lies: training moves rows together
CELLS = 1 << 16


class Weights(Protocol):
    """The weights of one model."""

    def at(self, tensor: Tensor, places: Places) -> Stored:
        """Return the elements of a tensor at `places` in C order, in its own type."""
        ...


@functools.cache
def _quantiles() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the normal quantile at each cell's begin, and the step to the next."""
    normal = NormalDist()
    edges = np.array([normal.inv_cdf((i + 0.5) / (CELLS + 1)) for i in range(CELLS + 1)])
    return edges[:-1], np.diff(edges)


def key_of(*parts: object) -> np.uint64:
    """Return 64 hash bits of `parts`."""
    text = "\x1f".join(map(str, parts)).encode()
    return np.uint64(int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little"))


def normals(key: np.uint64, places: Places) -> NDArray[np.float64]:
    """Return float64[n]: the standard normal numbers at `places` of the stream `key`."""
    x = (places + 1).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + key
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    cell, rest = (x >> np.uint64(48)).astype(np.intp), (x & np.uint64(0xFFFFFFFF)).astype(np.float64)
    at, step = _quantiles()
    return at[cell] + step[cell] * (rest * 2.0**-32)


def scale_of(tensor: Tensor) -> float:
    """Return a tensor's standard deviation: SIZE times a power of two, which rounding does not see."""
    return SIZE * 2.0 ** (int(key_of("scale", tensor.name)) % 3 - 1)


def unit_delta(seed: str, tensor: Tensor, places: Places) -> NDArray[np.float64]:
    """Return a trained-like change of unit variance: half of it independent, half along DIRECTIONS of rows."""
    noise = normals(key_of(seed, "delta", tensor.name), places)
    if len(tensor.shape) < 2:
        return noise
    row, col = np.divmod(places, tensor.shape[-1])
    common = np.zeros(places.size)
    for k in range(DIRECTIONS):
        of_row, of_col = (key_of(seed, what, k, tensor.name) for what in ("rows", "columns"))
        common += _each_once(of_row, row) * _each_once(of_col, col)
    change: NDArray[np.float64] = (noise + common / DIRECTIONS**0.5) / 2**0.5
    return change


def _each_once(key: np.uint64, places: Places) -> NDArray[np.float64]:
    """Return the same as `normals`, quickly where places lie close together or come again and again."""
    first, last = int(places.min()), int(places.max()) + 1
    if last - first > places.size:
        return normals(key, places)
    return normals(key, np.arange(first, last))[places - first]


def round_once(values: NDArray[np.floating], tensor: Tensor) -> Stored:
    """Store float values in the tensor's type."""
    return values.astype(np.float32).astype(STORED[tensor.dtype])


@dataclass(frozen=True, slots=True)
class Base:
    """A model trained from nothing: matrices around zero, norms around one."""

    seed: str

    def at(self, tensor: Tensor, places: Places) -> Stored:
        """See Weights."""
        centre = 1.0 if len(tensor.shape) == 1 and "norm" in tensor.name and not tensor.name.endswith("bias") else 0.0
        drawn = normals(key_of(self.seed, "weights", tensor.name), places)
        return round_once(centre + scale_of(tensor) * drawn, tensor)


@dataclass(frozen=True, slots=True)
class Trained:
    """A base trained on. `lean`: correlation of its delta with that of the model whose seed is `towards`."""

    base: Base
    seed: str
    relative_size: Callable[[Tensor], float]  # of the delta, in standard deviations of the tensor's weights
    towards: str = ""
    lean: float = 0.0

    def at(self, tensor: Tensor, places: Places) -> Stored:
        """See Weights."""
        change = unit_delta(self.seed, tensor, places)
        if self.lean:
            change = (1 - self.lean**2) ** 0.5 * change + self.lean * unit_delta(self.towards, tensor, places)
        start = self.base.at(tensor, places).astype(np.float64)
        return round_once(start + scale_of(tensor) * self.relative_size(tensor) * change, tensor)


@dataclass(frozen=True, slots=True)
class Mixed:
    """share * first + (1 - share) * second, in float32, rounded once."""

    first: Weights
    second: Weights
    share: float

    def at(self, tensor: Tensor, places: Places) -> Stored:
        """See Weights."""
        first, second = (m.at(tensor, places).astype(np.float32) for m in (self.first, self.second))
        return mix(first, second, self.share).astype(STORED[tensor.dtype])


def mix(first: Floats, second: Floats, share: float) -> Floats:
    """Return share * first + (1 - share) * second in float32, not yet stored."""
    return np.float32(share) * first + np.float32(1 - share) * second
