"""A stretch at the Hub's pace: a small part of what `python -m bench.soak` runs through."""

from __future__ import annotations

from collections import Counter

import pytest

from bench.soak import FREE, MOST_MEMORY, Measured, soak


def test_a_quarter_of_an_hour_misses_nothing() -> None:
    """Every upload that came is known, every large one is judged as what it is, and each alert is told once."""
    found = soak(days=0.01, pace=6000, seed=2)
    assert found.missed == []
    assert found.bad_passes == 0 < found.passes
    assert found.repositories == 60
    assert found.large
    assert sum(found.states.values()) >= found.repositories
    assert found.states["uploads.pending"] == 0
    assert found.most["api"] <= FREE.api
    assert found.most["resolvers"] <= FREE.resolvers


@pytest.mark.parametrize(
    ("found", "failures"),
    [
        (Measured(passes=8, rss=[200.0] * 4 + [220.0] * 2 + [250.0] * 2), 0),
        (Measured(passes=8, rss=[250.0] * 8, windows=Counter({(1, "api"): FREE.api, (2, "pages"): 9_999})), 0),
        (Measured(passes=8, rss=[200.0] * 4 + [220.0] * 2 + [254.0] * 2), 1),
        (Measured(passes=8, rss=[*[250.0] * 7, MOST_MEMORY + 1.0]), 2),
        (Measured(passes=8, rss=[250.0] * 8, bad_passes=1), 1),
        (Measured(passes=8, rss=[250.0] * 8, windows=Counter({(1, "api"): FREE.api + 1})), 1),
        (Measured(passes=8, rss=[250.0] * 8, missed=["a/b was told twice"]), 1),
    ],
)
def test_what_must_not_be_is_a_failure(found: Measured, failures: int) -> None:
    """Memory that still grows or is too much, a pass that read nothing, too many requests, and what was missed."""
    assert len(found.problems()) == failures
