"""The forms of bench.eyes hold what they say."""

from __future__ import annotations

import numpy as np
import pytest

from bench.eyes.__main__ import SHARES, Cell
from bench.eyes.disguises import DISGUISES
from demo.models import fresh

WEIGHTS = fresh(np.random.default_rng(1))
KEPT = ("other names", "transposed", "neurons and heads", "residual dimensions", "vocabulary in another order")


@pytest.mark.parametrize("name", KEPT)
def test_the_same_values_lie_elsewhere(name: str) -> None:
    """An order or a name changes no value; each but a name moves some."""
    found = DISGUISES[name](WEIGHTS, np.random.default_rng(2))
    before, after = (
        np.sort(np.concatenate([w.astype(np.float32).ravel() for w in m.values()])) for m in (WEIGHTS, found)
    )
    assert (before == after).all()
    same = [n in found and found[n].shape == w.shape and bool((found[n] == w).all()) for n, w in WEIGHTS.items()]
    assert not all(same)


@pytest.mark.parametrize("name", ["rotated", "norms folded"])
def test_embeddings_keep_their_inner_products(name: str) -> None:
    """A rotation of the residual stream leaves lengths, and folding leaves embeddings."""
    found = DISGUISES[name](WEIGHTS, np.random.default_rng(2))
    plain, own = [np.linalg.norm(m["model.embed_tokens.weight"].astype(np.float64), axis=1) for m in (WEIGHTS, found)]
    assert np.allclose(plain, own, rtol=0.01)
    query = "model.layers.0.self_attn.q_proj.weight"
    assert (found[query] != WEIGHTS[query]).mean() > 0.5


def test_an_honest_model_that_is_accused_is_counted() -> None:
    """A cell counts what it says of honest models, and a blend only with both parents."""
    parents = [{"repo_id": name, "coefficient": share} for name, share in SHARES.items()]
    cost = {"requests": 9, "bytes_read": 2_000}
    blend = {"finding": "blend", "alert": True, "parents": parents, "cost": cost}
    half = blend | {"parents": parents[:1]}
    cell = Cell((blend, half), (blend, {"finding": "derivative", "alert": False}))
    assert cell.wrong == 1
    assert cell.text() == "1/2 (blend), 0.0000; 9 requests, 2 kB; 1/2"
    layerwise = blend | {"parents": [parent | {"coefficient": None} for parent in parents]}
    assert Cell((layerwise,), ()).text() == "1/1, no coefficient; 9 requests, 2 kB; 0/0"
