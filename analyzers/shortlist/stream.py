"""References streamed from disk in chunks and measured against one suspect in float32; nothing of them is kept.

A chunk's float32 copy stays in a processor's cache, so that a pass costs little more than reading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from analyzers.numbers.quantized import Quantized
from analyzers.numbers.rounding import Floats, effective_dtype, ulp, widen
from analyzers.records import Sketch
from analyzers.sketch.fixed_width import SketchClass

Singles = NDArray[np.float32]
Indices = NDArray[np.int64]

CHUNK = 64  # references at a time
SPAN = 2048  # references a task
PROBED = 32  # adjacent weights of a slice: one line of a processor's cache
TEMPERS = (3e-4, 3e-3, 3e-2)  # relative scatter: the nearest are looked for under each
FLOAT32_ERROR = 2.0**-23  # of the larger term: the floor under an ulp
LEAST_POWER = 1e-6  # share of a delta's power that float32 can still tell from nothing


class Run(Protocol):
    """The built-in `map`, or one that uses several threads."""

    def __call__(self, function: Callable[[range], Floats], tasks: Iterable[range], /) -> Iterable[Floats]:
        """Return the results in the order of the tasks."""
        ...


@dataclass(frozen=True, slots=True)
class Pool:
    """The references of one class: `records`, uint8[references, width of the class], may be mapped from disk."""

    of: SketchClass
    allowed: NDArray[np.bool_]  # [references]: those that may be parents
    records: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Target:
    """A suspect's weights side by side, slice after slice in the order of their keys; what is not finite counts 0."""

    sketch: Sketch
    y: Floats  # float64[columns]
    u: Floats  # ulp of each, not below the error of float32 sums
    finite: NDArray[np.bool_]

    @classmethod
    def of(cls, sketch: Sketch) -> Target:
        """Lay out a sketch; it must hold at least one slice."""
        samples = [sketch.samples[k].kept for k in sorted(sketch.samples)]
        plain = [s for s in samples if not isinstance(s, Quantized)]
        kinds = {s.dtype for s in plain}
        stored = np.concatenate([np.zeros(0, np.float32), *(s.astype(np.float32) for s in plain)])
        kind = effective_dtype(stored.astype(kinds.pop()) if len(kinds) == 1 else stored)
        y = np.concatenate([widen(s) for s in samples])
        cells = np.concatenate([s.cell if isinstance(s, Quantized) else ulp(widen(s), kind) for s in samples])
        finite = np.isfinite(y)
        y = np.where(finite, y, 0.0)
        least = 0.1 * float(np.sqrt(np.mean(y**2)))
        u = np.maximum(cells, FLOAT32_ERROR * np.maximum(np.abs(y), least))
        return cls(sketch, y, np.maximum(u, 1e-30), finite)

    def columns(self, of: SketchClass) -> Indices:
        """Return, for each column of a class's widened records, the suspect's; -1 where it has none to compare."""
        starts, at = {}, 0
        for key in sorted(self.sketch.samples):
            starts[key] = at
            at += self.sketch.samples[key].values.size
        found = np.full(of.columns, -1)
        for slot, column in of.shared(self.sketch):
            found[column : column + slot.size] = np.arange(starts[slot.key], starts[slot.key] + slot.size)
        used = found[found >= 0]
        found[found >= 0] = np.where(self.finite[used], used, -1)
        return found[of.order]


@dataclass(frozen=True, slots=True)
class Left:
    """The part that is not explained yet; float64, zero on columns that are not compared."""

    anchor: Floats  # [columns]
    residual: Floats  # [columns]
    weight: Floats  # [columns]
    explained: Floats  # [k, columns]: deltas that are in the fit, orthonormal under `weight`


def stream(pool: Pool, measure: Callable[[NDArray[np.uint8]], Floats], run: Run) -> Floats:
    """Return what `measure` says of all references, float64[numbers, references]; it is given a chunk of records."""

    def task(span: range) -> Floats:
        chunks = range(span.start, span.stop, CHUNK)
        with np.errstate(all="ignore"):  # a reference may hold anything; what is not a number is never chosen
            return np.concatenate([measure(pool.records[i : min(i + CHUNK, span.stop)]) for i in chunks], axis=1)

    count = len(pool.records)
    spans = [range(first, min(first + SPAN, count)) for first in range(0, count, SPAN)]
    return np.concatenate(list(run(task, spans)), axis=1)


def nearness(pool: Pool, target: Target, run: Run) -> tuple[Floats, NDArray[np.bool_]]:
    """Return weighted squared distances, float64[tempers, references], and which slices look equal,
    bool[references, shared slices]. Both are told from a few adjacent weights of each slice.
    """
    probes = [pool.of.probe(slot, column, PROBED) for slot, column in pool.of.shared(target.sketch)]
    probe = np.concatenate([p.columns for p in probes])
    at = np.empty(pool.of.columns, np.int64)
    at[pool.of.order] = target.columns(pool.of)
    at = at[probe]
    size = float(np.sqrt(np.mean(target.y**2))) or 1.0
    u = np.where(at >= 0, target.u[at], 0.0)
    weights = np.stack([np.where(at >= 0, 1.0 / (u**2 / 12 + (t * size) ** 2), 0.0) for t in TEMPERS])
    spread = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32).T
    y = np.where(at >= 0, target.y[at], 0.0).astype(np.float32)
    ends = np.cumsum([0, *(p.columns.size for p in probes)])[:-1]

    def measure(records: NDArray[np.uint8]) -> Floats:
        gap = pool.of.take(records, probes) - y
        same = np.logical_and.reduceat(gap == 0, ends, axis=1)
        return np.concatenate([((gap * gap) @ spread).T, same.T]).astype(np.float64)

    found = stream(pool, measure, run)
    distances = np.where(pool.allowed & ~np.isnan(found[: len(TEMPERS)]), found[: len(TEMPERS)], np.inf)
    return distances, (found[len(TEMPERS) :] > 0).T & pool.allowed[:, None]


def significance(pool: Pool, target: Target, left: Left, run: Run) -> Floats:
    """Return |z|, float64[references]: the coefficient of each delta, freed of what is explained, in standard errors.

    -1 for a reference that may not be chosen. Good to a few percent; float64 decides.
    """
    at = target.columns(pool.of)
    scale = float(left.weight.max())
    weight = left.weight / scale
    anchor, weights = _spread(left.anchor, at), _spread(weight, at)
    residual = _spread(weight * left.residual, at)
    explained = [_spread(weight * q * np.sqrt(scale), at) for q in left.explained]

    def measure(records: NDArray[np.uint8]) -> Floats:
        room = np.empty((len(records), pool.of.columns), np.float32)
        pool.of.widen(records, room)
        np.subtract(room, anchor, out=room)
        share = room @ residual
        known = sum(((room @ q).astype(np.float64) ** 2 for q in explained), np.zeros(len(room)))
        np.multiply(room, room, out=room)
        power = (room @ weights).astype(np.float64)
        z: Floats = np.abs(share) / np.sqrt(np.maximum(power - known, LEAST_POWER * power + 1e-300))
        return z[None, :]

    z = stream(pool, measure, run)[0] * np.sqrt(scale)
    return np.where(pool.allowed & np.isfinite(z), z, -1.0)


def rows(pool: Pool, target: Target, records: Sequence[int]) -> Floats:
    """Return references on the suspect's columns, float64[records, columns], NaN where they have none."""
    at = target.columns(pool.of)
    values = np.empty((len(records), pool.of.columns), np.float32)
    pool.of.widen(pool.records[list(records)], values)
    found = np.full((len(records), target.y.size), np.nan)
    found[:, at[at >= 0]] = values[:, at >= 0]
    return found


def _spread(vector: Floats, at: Indices) -> Singles:
    """Return a vector over the suspect's columns as one over a class's columns, 0 where the suspect has none."""
    return np.where(at >= 0, vector[at], 0.0).astype(np.float32)
