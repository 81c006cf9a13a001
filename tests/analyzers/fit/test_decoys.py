"""Decoys: the same sizes elsewhere, and no weight tells where all sizes are one."""

from __future__ import annotations

import numpy as np

from analyzers.fit.decoys import decoy, telling

RNG = np.random.default_rng(3)
TENSORS = np.repeat(np.arange(4), 250)
U = np.ldexp(1.0, -RNG.integers(10, 13, 1000))
DELTA = RNG.normal(0, 0.02, 1000)


def test_a_decoy_has_the_signs_and_the_sizes_of_its_own_tensor_and_ulp() -> None:
    """Only the places of sizes change, and only among weights alike."""
    found = decoy(DELTA, U, TENSORS)
    assert (np.sign(found) == np.sign(DELTA)).all()
    for tensor in range(4):
        for u in np.unique(U):
            alike = (tensor == TENSORS) & (u == U)
            assert np.sort(np.abs(found[alike])).tolist() == np.sort(np.abs(DELTA[alike])).tolist()
    assert np.abs(found - DELTA).min() > 0.2 * 0.02


def test_weights_tell_where_sizes_vary_and_not_where_they_are_one() -> None:
    """Steps of one size are the same steps in any model."""
    assert telling(DELTA[None], U, TENSORS, 4.0).mean() > 0.5
    assert not telling(np.sign(DELTA)[None] * 0.02, U, TENSORS, 4.0).any()
