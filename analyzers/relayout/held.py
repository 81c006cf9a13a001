"""Where and how an upload holds a known model's matrices: under other names, transposed, in another order, scaled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from analyzers.numbers.rounding import Floats
from analyzers.records import Sample
from analyzers.sketch.coordinates import DTYPES, Window
from analyzers.sketch.tensor_roles import Slice

Ints = NDArray[np.int64]
NONE = -1  # the place of a row or column that the upload does not have


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """One axis of a known matrix: which row or column of the upload's each is, NONE where it has none.

    `scale`: what the upload's was multiplied by, float64[n]; powers of two unless `rounded`.
    """

    order: Ints
    scale: Floats
    rounded: bool = False  # the scale is an estimate, and the upload's values were rounded again


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A matrix of a known model as an upload holds it. An axis that is None is as it was."""

    slice: Slice  # as it is stored
    transposed: bool = False
    rows: Axis | None = None
    cols: Axis | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of what is stored, turned as the known model has it."""
        found = self.slice.rows, self.slice.cols
        return found[::-1] if self.transposed else found

    @property
    def rounded(self) -> bool:
        """Tell whether its values were rounded again under a scale that is no power of two."""
        return any(axis.rounded for axis in (self.rows, self.cols) if axis)

    def places(self, windows: Sequence[Window]) -> Ints:
        """Return which stored element each weight of the known model's windows is, NONE where there is none."""
        found = []
        for window in windows:
            rows = np.array([window.row])
            cols = np.arange(window.col, window.col + window.length)
            found.append(self._stored(_of(self.rows, rows, self.shape[0]), _of(self.cols, cols, self.shape[1])))
        return np.concatenate(found)

    def _stored(self, rows: Ints, cols: Ints) -> Ints:
        row, col = np.broadcast_arrays(rows, cols)
        down, along = (col, row) if self.transposed else (row, col)
        there = (down >= 0) & (along >= 0)
        found: Ints = np.where(there, (self.slice.first + down) * self.slice.cols + along, NONE)
        return found

    def sample(self, shape: tuple[int, int], windows: Sequence[Window], stored: Floats) -> Sample:
        """Return the known model's windows, of a matrix of `shape`, from the `stored` elements at their `places`.

        What is not held is nan. Powers of two are undone exactly; other scales leave float32.
        """
        values = stored.copy()
        at = 0
        for window in windows:
            part = slice(at, at + window.length)
            if self.rows is not None:
                values[part] /= self.rows.scale[window.row]
            if self.cols is not None:
                values[part] /= self.cols.scale[window.col : window.col + window.length]
            at += window.length
        dtype = np.dtype(np.float32) if self.rounded else DTYPES[self.slice.entry.dtype]
        return Sample(*shape, windows[0].row, values.astype(np.float32).astype(dtype))


def _of(axis: Axis | None, wanted: Ints, size: int) -> Ints:
    if axis is not None:
        return axis.order[wanted]
    return np.where(wanted < size, wanted, NONE)


@dataclass(frozen=True, eq=False)
class Elements:
    """Some elements of one stored tensor, and the spans of bytes that hold them.

    `gap`: bytes between two elements that are cheaper to read than to ask for twice.
    """

    held: Held
    places: Ints
    gap: int

    def spans(self) -> list[tuple[int, int]]:
        """Return (begin, end) in bytes of the shard, none far apart from the next."""
        item, begin = self.held.slice.item_bytes, self.held.slice.entry.begin
        firsts, lasts = self._runs
        return [(begin + int(a) * item, begin + int(b + 1) * item) for a, b in zip(firsts, lasts, strict=True)]

    def values(self, chunks: Sequence[bytes]) -> Floats:
        """Return the elements as float64, nan where there is none, from the bytes of the spans."""
        dtype = DTYPES[self.held.slice.entry.dtype]
        found = np.full(self.places.size, np.nan)
        if not chunks:
            return found
        firsts, _ = self._runs
        read = [np.frombuffer(chunk, dtype) for chunk in chunks]
        starts = np.cumsum([0, *(len(r) for r in read[:-1])])
        there = self.places >= 0
        run = np.searchsorted(firsts, self.places[there], side="right") - 1
        found[there] = np.concatenate(read).astype(np.float64)[starts[run] + self.places[there] - firsts[run]]
        return found

    @cached_property
    def _runs(self) -> tuple[Ints, Ints]:
        each = np.unique(self.places[self.places >= 0])
        far = np.flatnonzero(np.diff(each) * self.held.slice.item_bytes > self.gap)
        empty = np.zeros(0, np.int64)
        if not each.size:
            return empty, empty
        return each[np.r_[0, far + 1]], each[np.r_[far, each.size - 1]]
