"""Sketches of one class: the same slices at the same coordinates, so that a sketch is one record of fixed width.

A record is the raw stored bits, slice after slice, types of four bytes first so that every value is aligned. The
number of rows of a matrix is no part of the class: a padded vocabulary leaves the coordinates as they are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from analyzers.numbers.rounding import BF16
from analyzers.records import Sample, SampleSpec, Sketch, SliceKey
from analyzers.sketch.coordinates import DTYPES

WORD = 8  # bytes: records begin at multiples of it
NAMES = {dtype: name for name, dtype in DTYPES.items()}


@dataclass(frozen=True, slots=True)
class Slot:
    """One slice of a class: where its weights were read and how they are stored."""

    key: SliceKey
    cols: int
    row: int
    size: int  # weights
    dtype: str  # a key of DTYPES

    def holds(self, sample: Sample | None) -> bool:
        """Tell whether a sample of the same slice has the same coordinates, in whatever type."""
        return sample is not None and (self.cols, self.row, self.size) == (sample.cols, sample.row, sample.values.size)


@dataclass(frozen=True, slots=True)
class Run:
    """Adjacent slices of one type in a record: `size` weights of `dtype`, from byte `begin` and column `column`."""

    dtype: np.dtype[np.generic]
    begin: int
    column: int
    size: int

    @property
    def in_pairs(self) -> bool:
        """Tell whether the run consists of whole words of two bfloat16."""
        return self.dtype == BF16 and self.size % 2 == 0 and self.begin % 4 == 0


@dataclass(frozen=True, slots=True)
class Probe:
    """Some adjacent weights of a record: the words that hold them, and their columns."""

    dtype: np.dtype[np.generic]
    words: NDArray[np.int64]
    columns: NDArray[np.int64]


@dataclass(frozen=True)
class SketchClass:
    """What sketches must agree in to be kept and compared as rows of one table."""

    spec: SampleSpec
    slots: tuple[Slot, ...]

    @classmethod
    def of(cls, sketch: Sketch) -> SketchClass:
        """Return the class of a sketch; ValueError where a slice is of a type that is never sampled."""
        slots = [
            Slot(key, s.cols, s.row, s.values.size, _dtype_name(key, s.values.dtype))
            for key, s in sketch.samples.items()
        ]
        return cls(sketch.spec, tuple(sorted(slots, key=lambda s: (-DTYPES[s.dtype].itemsize, s.dtype, s.key))))

    @cached_property
    def columns(self) -> int:
        """Weights in a record."""
        return sum(slot.size for slot in self.slots)

    @cached_property
    def width(self) -> int:
        """Bytes of a record."""
        return -(-sum(slot.size * DTYPES[slot.dtype].itemsize for slot in self.slots) // WORD) * WORD

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """The stretches of one type that a record consists of."""
        found: list[Run] = []
        begin = column = 0
        for name, group in groupby(self.slots, key=lambda s: s.dtype):
            size = sum(slot.size for slot in group)
            found.append(Run(DTYPES[name], begin, column, size))
            begin, column = begin + size * DTYPES[name].itemsize, column + size
        return tuple(found)

    @cached_property
    def digest(self) -> str:
        """A text that is equal for equal classes, usable in a file name."""
        return f"{self.spec.name}-{hashlib.sha256(json.dumps(self.describe()).encode()).hexdigest()[:32]}"

    def describe(self) -> list[list[str | int]]:
        """Return the slots as JSON can hold them; `parse` reads them back."""
        return [[s.key.role, s.key.layer, s.key.expert, s.cols, s.row, s.size, s.dtype] for s in self.slots]

    @classmethod
    def parse(cls, spec: SampleSpec, described: Sequence[Sequence[str | int]]) -> SketchClass:
        """Read what `describe` returned; ValueError, KeyError or TypeError for anything else."""
        slots = [
            Slot(SliceKey(str(role), int(layer), int(expert)), int(cols), int(row), int(size), str(dtype))
            for role, layer, expert, cols, row, size, dtype in described
        ]
        if any(s.dtype not in DTYPES or s.size < 0 for s in slots):
            raise ValueError("a slot of a type or size that is never sampled")
        return cls(spec, tuple(slots))

    def pack(self, sketch: Sketch) -> bytes:
        """Return the record of a sketch of this class, `width` bytes."""
        bits = b"".join(np.ascontiguousarray(sketch.samples[slot.key].values).tobytes() for slot in self.slots)
        return bits.ljust(self.width, b"\0")

    def unpack(self, record: bytes, rows: Sequence[int]) -> dict[SliceKey, Sample]:
        """Return the samples of one record, in the order of their keys; `rows` of each slot's matrix."""
        found: dict[SliceKey, Sample] = {}
        begin = 0
        for slot, count in zip(self.slots, rows, strict=True):
            values = np.frombuffer(record, DTYPES[slot.dtype], slot.size, begin)
            found[slot.key] = Sample(count, slot.cols, slot.row, values)
            begin += values.nbytes
        return dict(sorted(found.items()))

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """Which column of a record stands where `widen` writes: of a run of bfloat16, the even ones come first."""
        found = [np.arange(0)]
        for run in self.runs:
            columns = run.column + np.arange(run.size)
            found += [columns[::2], columns[1::2]] if run.in_pairs else [columns]
        return np.concatenate(found)

    def widen(self, records: NDArray[np.uint8], out: NDArray[np.float32]) -> None:
        """Write records, uint8[n, width], as their values into float32[n, columns], exactly, in the order `order`.

        A word that holds two bfloat16 becomes two float32 by a shift and a mask, at half the cost of one at a time.
        """
        for run in self.runs:
            stored = records[:, run.begin : run.begin + run.size * run.dtype.itemsize]
            place = out[:, run.column : run.column + run.size]
            if run.in_pairs:
                words, half = stored.view(np.uint32), run.size // 2
                np.left_shift(words, 16, out=place[:, :half].view(np.uint32))
                np.bitwise_and(words, 0xFFFF0000, out=place[:, half:].view(np.uint32))
            else:
                np.copyto(place, stored.view(run.dtype), casting="unsafe")

    def probe(self, slot: Slot, column: int, size: int) -> Probe:
        """Return about `size` adjacent weights in the middle of a slot that begins at `column`, in whole words."""
        run = next(r for r in self.runs if r.column <= column < r.column + r.size)
        item = run.dtype.itemsize
        begin = run.begin + (column - run.column) * item
        first, last = -(-begin // WORD), (begin + slot.size * item) // WORD
        count = min(size * item // WORD, last - first)
        first += (last - first - count) // 2
        start = run.column + (first * WORD - run.begin) // item
        return Probe(run.dtype, first + np.arange(count), start + np.arange(count * WORD // item))

    def take(self, records: NDArray[np.uint8], probes: Sequence[Probe]) -> NDArray[np.float32]:
        """Return the weights of probes side by side, float32[n, weights]; probes come in the order of their words."""
        found = []
        for dtype, group in groupby(probes, key=lambda p: p.dtype):
            words = np.concatenate([p.words for p in group])
            stored = records.view(np.uint64).take(words, axis=1)
            if dtype == BF16:
                bits = stored.view(np.uint16).astype(np.uint32)
                found.append(np.left_shift(bits, 16, out=bits).view(np.float32))
            else:
                found.append(stored.view(dtype).astype(np.float32))
        return np.concatenate(found, axis=1) if len(found) != 1 else found[0]

    def values(self, records: NDArray[np.uint8], slot: Slot, column: int) -> NDArray[np.generic]:
        """Return the stored weights of a slot that begins at `column`, [n, size], of all records."""
        run = next(r for r in self.runs if r.column <= column < r.column + r.size)
        begin = run.begin + (column - run.column) * run.dtype.itemsize
        return records[:, begin : begin + slot.size * run.dtype.itemsize].view(run.dtype)

    def shared(self, sketch: Sketch) -> Iterator[tuple[Slot, int]]:
        """Yield (slot, first column) of every slice that `sketch` sampled at the same coordinates."""
        column = 0
        for slot in self.slots:
            if slot.holds(sketch.samples.get(slot.key)):
                yield slot, column
            column += slot.size


def _dtype_name(key: SliceKey, dtype: np.dtype[np.generic]) -> str:
    if dtype not in NAMES:
        raise ValueError(f"{key} has values of type {dtype}")
    return NAMES[dtype]
