"""Where the parts of a quantized matrix lie: codes and scales, often in tensors of their own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """Blocks of `rows` x `cols` weights, each stored in `size` bytes, in C order from byte `begin` of `shard`.

    `plane`: which of the weights' numbers it holds, "level", "scale", "minus" (levels to be taken off) or "offset";
    "" where a block holds several. `form`: how the bytes are read, a name for `analyzers.numbers.unpacking`.
    """

    plane: str
    form: str
    shard: str
    begin: int
    rows: int
    cols: int
    size: int


@dataclass(frozen=True, slots=True)
class Packing:
    """How a matrix of `rows` x `cols` weights is quantized; several matrices of one shape lie one below the other.

    `levels`, `chosen`: as in Quantized; no levels for weights that are only in another order.
    `heads`: into how many equal parts the rows of a matrix are cut whose order is another; 0: none.
    `edges`: each offset is a weight, and a whole number of steps from 0, from which the step follows exactly.
    """

    rows: int
    cols: int
    levels: str
    parts: tuple[Part, ...]
    chosen: str = ""
    heads: int = 0
    edges: bool = False

    def stored(self, row: int) -> int:
        """Return where a row lies: in files for llama.cpp, rows of both halves of each head take turns."""
        if not self.heads:
            return row
        size = self.rows // self.heads
        head, place = divmod(row, size)
        side, pair = divmod(place, size // 2)
        return head * size + 2 * pair + side

    def span(self, part: Part, places: tuple[tuple[int, int, int], ...]) -> tuple[int, int]:
        """Return the bytes of `part`, begin and end, that hold `places`: (row, first column, columns) each."""
        firsts = [self.block(part, self.stored(row), col) for row, col, _ in places]
        lasts = [self.block(part, self.stored(row), col + length - 1) for row, col, length in places]
        return part.begin + min(firsts) * part.size, part.begin + (max(lasts) + 1) * part.size

    def block(self, part: Part, row: int, col: int) -> int:
        """Return the number of the block of `part` that holds a weight of a stored row."""
        return row // part.rows * -(-self.cols // part.cols) + col // part.cols
