"""Where the parts of a quantized matrix lie: codes and scales, often in tensors of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

N = TypeVar("N", int, NDArray[np.int64])
GROUP = "group"  # the plane that says which scales a column has
CHEAP = 64 << 10  # bytes of one part that are read for one sample
COLUMNS = 32  # that are read where a whole window takes more than that
Places = tuple[tuple[int, int, int], ...]  # (row, first column, columns) each


@dataclass(frozen=True, slots=True)
class Part:
    """Blocks of `rows` x `cols` weights, each stored in `size` bytes, in C order from byte `begin` of `shard`.

    `plane`: which of the weights' numbers it holds: "level", "scale", "added" (to the scale), "minus" (levels to be
    taken off), "offset", "group" (which scales a column has); "" where a block holds several. `form`: how the bytes are
    read, a name for `analyzers.numbers.unpacking`. `across`: one block follows another down the matrix, not along its
    rows.
    """

    plane: str
    form: str
    shard: str
    begin: int
    rows: int
    cols: int
    size: int
    across: bool = False


@dataclass(frozen=True, slots=True)
class Packing:
    """How a matrix of `rows` x `cols` weights is quantized; several matrices of one shape lie one below the other.

    `levels`, `chosen`: as in Quantized; no levels for weights that are only in another order.
    `heads`: into how many equal parts the rows of a matrix are cut whose order is another; 0: none.
    `edges`: each offset is a weight, and a whole number of steps from 0, from which the step follows exactly.
    `less`: the levels to be taken off may be stored less one.
    `flat`: columns of a matrix that is stored as one row of `cols` weights, whose blocks end where they like; 0: none.
    """

    rows: int
    cols: int
    levels: str
    parts: tuple[Part, ...]
    chosen: str = ""
    heads: int = 0
    edges: bool = False
    less: bool = False
    flat: int = 0

    def stored(self, row: int) -> int:
        """Return where a row lies: in files for llama.cpp, rows of both halves of each head take turns."""
        if not self.heads:
            return row
        size = self.rows // self.heads
        head, place = divmod(row, size)
        side, pair = divmod(place, size // 2)
        return head * size + 2 * pair + side

    def read(self, places: Places) -> Places:
        """Return what is read of `places`: where codes lie column by column, no more columns than are cheap to reach.

        Those are of the rows whose windows come first in the matrix; COLUMNS of them where all would take too much.
        """
        code = self.parts[0]
        if not code.across:
            return places
        first, last = min(col for _, col, _ in places), max(col + length for _, col, length in places)
        column = code.size * self.rows / (code.rows * code.cols)
        if (last - first) * column <= CHEAP:
            return places
        near = [(row, col, length) for row, col, length in places if col == first]
        cheap = max(length for _, _, length in near) * column <= CHEAP
        return tuple((row, col, length if cheap else min(length, COLUMNS)) for row, col, length in near)

    def laid(self, places: Places) -> Places:
        """Return where places lie as they are stored."""
        return tuple((0, row * self.flat + col, length) for row, col, length in places) if self.flat else places

    def span(self, part: Part, places: Places) -> tuple[int, int]:
        """Return the bytes of `part`, begin and end, that hold `places`, of those that are read.

        All of a small part is, where an index says which of its blocks is whose.
        """
        if self.indexed(part):
            return part.begin, part.begin + self.count(part) * part.size
        places = self.laid(self.read(places))
        firsts = [self.blocks(part, self.stored(row), col) for row, col, _ in places]
        lasts = [self.blocks(part, self.stored(row), col + length - 1) for row, col, length in places]
        return part.begin + min(firsts) * part.size, part.begin + (max(lasts) + 1) * part.size

    def blocks(self, part: Part, row: N, col: N) -> N:
        """Return the number of the block of `part` that holds a weight of a stored row."""
        if part.across:
            return col // part.cols * -(-self.rows // part.rows) + row // part.rows
        return row // part.rows * -(-self.cols // part.cols) + col // part.cols

    def count(self, part: Part) -> int:
        """Return how many blocks a part has."""
        return -(-self.rows // part.rows) * -(-self.cols // part.cols)

    def indexed(self, part: Part) -> bool:
        """Tell whether all of a part is read, because an index may name any of its groups for any column."""
        index = any(p.plane == GROUP for p in self.parts)
        return index and part.plane in ("scale", "minus") and self.count(part) * part.size <= CHEAP
