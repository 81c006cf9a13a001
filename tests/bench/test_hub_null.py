"""The null of the Hub: a few honest uploads of every shape end, and an alert among them is counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.hub_null.__main__ import plan_of
from bench.hub_null.plain import from_nothing, undisclosed
from bench.hub_null.running import Day, Plan, Shown, run
from bench.hub_null.shapes import SHAPES
from bench.hub_null.table import alarms, has_failed, problems, table


@pytest.mark.timeout(300)
def test_every_shape_comes_to_an_end(tmp_path: Path) -> None:
    """One draw of each: all uploads are found, skipped or failed, and none is told unattended but what is known to."""
    day = run(plan_of(len(SHAPES), seed=0, families=2), tmp_path)
    assert {u.shape for u in day.uploads.values()} == set(SHAPES)
    assert problems(day) == []
    assert all(u.states for u in day.uploads.values())
    assert {u.shape for u in day.uploads.values() if u.audience == "public"} == set()
    assert table(day).count("\n") == len(SHAPES) + 1


def test_an_alert_is_counted(tmp_path: Path) -> None:
    """An undisclosed copy among honest uploads is told, counted in its own shape, and shown with its card."""
    plan = Plan({"from nothing": from_nothing, "planted": undisclosed}, {"from nothing": 2, "planted": 1}, 3, 2)
    day = run(plan, tmp_path)
    assert problems(day) == []
    assert day.alerts_sent == 1
    assert [(u.shape, u.audience) for u in day.uploads.values()].count(("planted", "public")) == 1
    assert [u.audience for u in day.uploads.values()].count("public") == 1
    lines = {line[:28].strip(): line.split() for line in table(day).splitlines()}
    assert lines["planted"][1:4] == ["1", "1", "1.0000"]
    assert lines["from nothing"][2:4] == ["2", "0"]
    assert alarms(day).startswith("ALERT planted")
    assert has_failed(day)


@pytest.mark.parametrize(
    ("audience", "kept"), [("none", "reviewers"), ("reviewers", "reviewers"), ("public", "public")]
)
def test_the_widest_audience_counts(audience: str, kept: str) -> None:
    """An alert that was told is not forgotten because a later verdict is quieter."""
    shown = Shown("mirror", "", "a/b")
    shown.heard("reviewers", "first")
    shown.heard(audience, "second")
    assert shown.audience == kept
    assert shown.why == ("second" if kept == "public" else "first")


def test_an_upload_without_an_end_is_a_failure() -> None:
    """A shape whose upload is still open fails the run, and the table counts it in none of the three states."""
    open_one = Shown("mirror", "", "a/b", states=("pending",), problem="not settled: pending, ")
    day = Day({"a/b": open_one}, passes=3)
    assert has_failed(day)
    assert table(day).splitlines()[1].endswith("0/0/0")
    assert has_failed(Day({}, passes=3, bad_passes=1))
    assert not has_failed(Day({"a/b": replace(open_one, states=("found",), problem="")}, passes=3))
