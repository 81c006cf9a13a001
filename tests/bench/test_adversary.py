"""Honest models built to look like blends: the same each time, and quiet."""

from __future__ import annotations

import pytest

from analyzers import explain
from bench.adversary import KINDS, draw, statistics


@pytest.mark.parametrize("kind", KINDS)
def test_a_draw_is_quiet(kind: str) -> None:
    """Nothing is named, and the statistic of a sparse blend stays below its cut."""
    case = draw(kind, 1, 0)
    assert explain(case).kind not in ("blend", "copy")
    assert statistics(case)[0] < 0.75


def test_a_draw_is_the_same_each_time() -> None:
    """Kind, number and seed say everything."""
    one, other = draw("signs", 3, 5), draw("signs", 3, 5)
    assert [k.distance for k in one.kin] == [k.distance for k in other.kin]
    assert one.kin[0].distance != draw("signs", 3, 6).kin[0].distance
