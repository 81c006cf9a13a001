"""What one look may spend: every request and byte is paid once, and nothing is read beyond it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from analyzers.relayout.held import Held
from analyzers.sketch.coordinates import Window
from analyzers.sketch.layout import layout_of
from analyzers.sketch.tensor_roles import groups_of
from bot.check.gather import Purse
from bot.sources.folder import LocalSource
from bot.sources.interface import Span
from tests.analyzers.makers import shards_of

WEIGHTS = {"model.layers.0.mlp.up_proj.weight": np.arange(64 * 256, dtype=np.float32).reshape(64, 256)}
ROWS = [Window(row, 0, 256) for row in (3, 40)]


class Counted(LocalSource):
    """A folder that counts what is read of it."""

    spans = 0

    def read(self, spans: Sequence[Span]) -> list[bytes]:
        """See Source.read."""
        self.spans += len(spans)
        return super().read(spans)


def held(folder: Path) -> tuple[Counted, Held]:
    """Return a matrix in a folder."""
    for path, data in shards_of(WEIGHTS).items():
        (folder / path).write_bytes(data)
    source = Counted(folder)
    return source, Held(groups_of(layout_of(source.headers(9)))["layers.mlp.up_proj", 0].slice(-1))


def test_what_was_read_costs_nothing_again(tmp_path: Path) -> None:
    """A part of rows that were read is cut out of them."""
    source, matrix = held(tmp_path)
    purse = Purse(10, 10_000)
    (rows,) = purse.gather(source, [purse.elements(matrix, ROWS)])
    left = purse.requests, purse.size
    assert left == (10 - 3, 10_000 - 2 * 1024)  # two spans, one address
    part = purse.elements(matrix, [Window(40, 8, 4)])
    (chunks,) = purse.gather(source, [part])
    assert part.values(chunks).tolist() == WEIGHTS["model.layers.0.mlp.up_proj.weight"][40, 8:12].tolist()
    assert (purse.requests, purse.size, source.spans, len(rows)) == (*left, 2, 2)


def test_a_dear_matrix_does_not_keep_others_from_being_read(tmp_path: Path) -> None:
    """Each is taken that there is enough for, with those before it."""
    source, matrix = held(tmp_path)
    purse = Purse(3, 1_500)
    wanted = [purse.elements(matrix, w) for w in ([ROWS[0]], ROWS, [Window(3, 0, 9)], [Window(50, 0, 64)])]
    assert list(purse.affordable(source, wanted)) == [0, 2, 3]
