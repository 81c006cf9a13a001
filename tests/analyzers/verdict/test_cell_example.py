"""The weight that a page shows holds the planted mix in its cell, and a wrong mix has none to show."""

from __future__ import annotations

import pytest

from analyzers.records import Compared
from analyzers.verdict.cell_example import cell_example
from tests.analyzers.makers import BASE, RELEASE, base_weights, case, known, release_weights
from tests.analyzers.test_blend import two

PARENTS = (known(BASE, base_weights(), "base"), known(RELEASE, release_weights(1), declares=[BASE]))


def test_the_example_holds_the_planted_mix_and_no_parent() -> None:
    """Every decisive weight agrees with the planted coefficients."""
    seen = Compared(case(two({RELEASE: 0.6, BASE: 0.4}), PARENTS).suspect, PARENTS)
    found = cell_example(seen, {BASE: 0.4, RELEASE: 0.6})
    assert found is not None
    assert abs(found.mix) <= 0.5
    assert all(abs(place) > 0.5 for place in found.parents.values())
    assert set(found.parents) == {BASE, RELEASE}
    assert found.decisive > 50
    assert found.inside == pytest.approx(found.decisive, rel=0.02)
    mixed = 0.4 * found.parents[BASE] + 0.6 * found.parents[RELEASE]
    assert mixed == pytest.approx(found.mix, abs=1e-6)


def test_wrong_coefficients_agree_with_few_cells() -> None:
    """A mix that was not made meets cells by chance alone."""
    seen = Compared(case(two({RELEASE: 0.6, BASE: 0.4}), PARENTS).suspect, PARENTS)
    found = cell_example(seen, {BASE: -3.0, RELEASE: 4.0})
    assert found is None or found.inside < 0.2 * found.decisive


def test_a_parent_that_is_not_at_hand_leaves_nothing_to_show() -> None:
    """Nor does a single model."""
    seen = Compared(case(two({RELEASE: 0.6, BASE: 0.4}), PARENTS).suspect, PARENTS)
    assert cell_example(seen, {BASE: 0.4, "gone/Away": 0.6}) is None
    assert cell_example(seen, {BASE: 1.0}) is None
