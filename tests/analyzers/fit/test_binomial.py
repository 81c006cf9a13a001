"""Exact bounds on a rate are those of the tables."""

from __future__ import annotations

import pytest

from analyzers.fit.binomial import upper_bound


@pytest.mark.parametrize(
    ("count", "of", "bound"),
    [
        (0, 60, 1 - 0.05 ** (1 / 60)),
        (0, 10_000, 1 - 0.05 ** (1 / 10_000)),
        (1, 10, 0.3942),
        (500, 5_000, 0.107),
        (3, 3, 1.0),
        (0, 0, 1.0),
    ],
)
def test_the_bound_is_clopper_and_pearsons(count: int, of: int, bound: float) -> None:
    """1 - .05^(1/n) where none was seen; numbers of a table where some were; 1 where nothing tells."""
    assert upper_bound(count, of) == pytest.approx(bound, rel=5e-3)
