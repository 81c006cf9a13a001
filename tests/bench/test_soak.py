"""A stretch at the Hub's pace: a small part of what `python -m bench.soak` runs through."""

from __future__ import annotations

from bench.soak import FREE, soak


def test_a_quarter_of_an_hour_misses_nothing() -> None:
    """Every upload that came is known, every large one is judged as what it is, and each alert is told once."""
    found = soak(days=0.01, pace=6000, seed=2)
    assert found.missed == []
    assert found.repositories == 60
    assert found.large
    assert sum(found.states.values()) >= found.repositories
    assert found.states["uploads.pending"] == 0
    assert found.most["api"] <= FREE.api
    assert found.most["resolvers"] <= FREE.resolvers
