"""Columns in another order, with scales: found where they are the same, and nowhere else."""

from __future__ import annotations

import numpy as np

from analyzers.relayout.column_match import ROWS, match

RNG = np.random.default_rng(3)
KNOWN = RNG.normal(0, 1, (ROWS, 600))
ORDER = RNG.permutation(600)
BACK = np.argsort(ORDER)  # where each known column is


def test_powers_of_two_and_signs_are_told_exactly() -> None:
    """A tenth of training on top changes nothing."""
    scale = RNG.choice([-4.0, -1.0, 0.5, 1.0, 8.0], 600)
    found = match((KNOWN + RNG.normal(0, 0.1, KNOWN.shape))[:, ORDER] * scale, KNOWN)
    assert found is not None
    assert not found.rounded
    assert (found.order == BACK).all()
    assert (found.scale == scale[BACK]).all()


def test_other_scales_are_estimates() -> None:
    """They are marked, since what was stored was rounded again."""
    scale = np.exp(RNG.normal(0, 0.5, 600))
    found = match(KNOWN[:, ORDER] * scale, KNOWN)
    assert found is not None
    assert found.rounded
    assert np.allclose(found.scale, scale[BACK])


def test_missing_columns_have_no_place() -> None:
    """Of a pruned matrix each column is found."""
    found = match(KNOWN[:, 100:], KNOWN)
    assert found is not None
    assert (found.order[:100] == -1).all()
    assert (found.order[100:] == np.arange(500)).all()


def test_strangers_are_nowhere_in_each_other() -> None:
    """Independent columns, and such as share what is common to all, match none; neither do constants."""
    other = np.random.default_rng(4).normal(0, 1, KNOWN.shape)
    assert match(other, KNOWN) is None
    assert match(other + 9, KNOWN + 9) is None
    assert match(np.ones_like(other), KNOWN) is None
