"""The canary sings where blends are found, and says what came out where they are not."""

from __future__ import annotations

from bot.health.canary import BASE, RELEASE, run_canary


def test_it_sings() -> None:
    """The planted blend is found, with weights that are drawn anew every time."""
    assert [run_canary() for _ in range(3)] == [None] * 3


def test_it_falls_silent_for_a_watch_that_sees_something_else() -> None:
    """Other coefficients than the expected ones are not good enough, and what came out is told."""
    told = run_canary(expected=0.6) or ""
    assert f"0.565 {RELEASE} + 0.435 {BASE}" in told
