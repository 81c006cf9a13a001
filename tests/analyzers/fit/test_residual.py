"""What is left over once a mix is taken away: nothing, noise, or what training leaves."""

from __future__ import annotations

import numpy as np
import pytest

from analyzers.compare.row_motion import MIN_ROW, row_dependence
from analyzers.fit.residual import Residue, residue
from demo.models import Delta, Weights, mixed, trained
from tests.analyzers.makers import base_weights, case, family, known, noisy, release_weights

SHARES = (0.565, 0.435)


def left(weights: Weights) -> Residue:
    """Measure what is left of a model without the mix of release and base."""
    aligned = case(weights, family()[:2]).aligned
    assert aligned is not None
    by_role = {r.role: row for r, row in zip(aligned.references, aligned.candidates, strict=True)}
    return residue(aligned, SHARES[0] * by_role["release"] + SHARES[1] * by_role["base"], 4)


def blend() -> Weights:
    """The mix itself."""
    return mixed([release_weights(1), base_weights()], SHARES)


@pytest.mark.parametrize("seed", range(4))
def test_noise_is_told_from_training(seed: int) -> None:
    """Noise is of one relative size and independent between rows; a training of the same size is neither."""
    noise = left(noisy(blend(), 1e-2, 20 + seed))
    trained_on = left(trained(blend(), Delta.draw(np.random.default_rng(400 + seed), 1e-2)))
    assert (noise.is_noise, noise.is_structure) == (True, False)
    assert (trained_on.is_noise, trained_on.is_structure) == (False, True)
    assert noise.size == pytest.approx(1e-2, rel=0.2)
    assert trained_on.row_dependence > 2 * noise.row_dependence


def test_low_rank_training_is_structure() -> None:
    """An adapter merged into a blend moves all rows along the same few directions."""
    rng = np.random.default_rng(9)
    changed = dict(blend())
    for name, w in blend().items():
        if w.ndim == 2:
            update = rng.normal(0, 1, (w.shape[0], 4)) @ rng.normal(0, 1, (4, w.shape[1])) / 2
            changed[name] = (w.astype(np.float64) + 2e-4 * update).astype(w.dtype)
    assert left(changed).is_structure


def test_a_pure_mix_leaves_neither() -> None:
    """Rounding is no structure, and of next to no size."""
    found = left(blend())
    assert (found.size < 1e-3, found.is_structure) == (True, False)


def test_too_few_tensors_say_nothing() -> None:
    """A residue in a few tensors is called neither noise nor structure."""
    few = {n: w for n, w in noisy(blend(), 1e-2).items() if ".layers.0.self_attn" in n}
    aligned = case(few, [known("a/Base", base_weights(), "base")]).aligned
    assert aligned is not None
    found = residue(aligned, aligned.candidates[0], 4)
    assert 0 < found.tensors < 8
    assert (found.is_noise, found.is_structure) == (False, False)


def test_rows_that_moved_together() -> None:
    """Independent rows give about 1, equal ones their length; short or unmoved rows say nothing."""
    rng = np.random.default_rng(1)
    independent = [d for _ in range(200) for d in row_dependence(rng.normal(0, 1, (4, 64)))]
    assert np.mean(independent) == pytest.approx(1.0, abs=0.2)
    assert row_dependence(np.tile(rng.normal(0, 1, 64), (4, 1))) == pytest.approx([64.0, 64.0])
    assert row_dependence(rng.normal(0, 1, (4, MIN_ROW - 1))) == []
    assert row_dependence(np.zeros((4, 64))) == []
