"""Disguises that are computed on demand hold the same weights elsewhere."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.rio397 import disguised
from bench.rio397.disguised import DISGUISES, Disguised, View
from bench.rio397.shards import Tensor
from bench.rio397.weights import Base

SOURCE = Base("base")
MATRIX = Tensor("model.layers.3.mlp.down_proj.weight", "F32", (128, 192))


def stored(weights: Base | Disguised, tensor: Tensor) -> NDArray[np.float32]:
    """Return all of one tensor."""
    return weights.at(tensor, np.arange(prod(tensor.shape))).reshape(tensor.shape).astype(np.float32)


@pytest.mark.parametrize("kind", DISGUISES)
def test_the_same_weights_in_another_place(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All values are there, a rotation apart, which keeps lengths along the residual stream."""
    monkeypatch.setattr(disguised, "HIDDEN", 128)
    monkeypatch.setattr(disguised, "INNER", 192)
    disguised.order.cache_clear()
    name, view = DISGUISES[kind](MATRIX)
    shown = Disguised(SOURCE, {name: view})
    found, known = stored(shown, shown.tensors[0]), stored(SOURCE, MATRIX)
    disguised.order.cache_clear()
    if kind == "rotated":
        assert np.allclose(np.linalg.norm(found, axis=0), np.linalg.norm(known, axis=0), rtol=1e-5)
        assert not np.allclose(found, known)
    else:
        assert (np.sort(found, axis=None) == np.sort(known, axis=None)).all()
        assert (found.shape, name) != (known.shape, MATRIX.name) or (found != known).any()


def test_a_view_is_an_index_on_both_axes() -> None:
    """Rows and columns are where the orders say, and turned where it says so."""
    rows, cols = np.random.default_rng(1).permutation(128), np.random.default_rng(2).permutation(192)
    shown = Disguised(SOURCE, {"own": View(MATRIX, rows, cols, transposed=True)})
    assert (stored(shown, shown.tensors[0]) == stored(SOURCE, MATRIX)[np.ix_(rows, cols)].T).all()
