"""The Hub's listing of commits: bounded, in its order, and never more than what can be read of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.hub import Hub
from bot.sources.interface import Missing, Unavailable
from demo.hub.faults import Fault
from demo.hub.repository import LoopbackRepo
from demo.hub.server import LoopbackHub
from tests.bot.hub.makers import model

FIRST = datetime(2026, 6, 1, 12, tzinfo=UTC)


def chain(length: int) -> LoopbackRepo:
    """A model of so many commits, one an hour."""
    state: LoopbackRepo | None = None
    for i in range(length):
        moment = FIRST + timedelta(hours=i)
        state = replace(model(), earlier=state, title=f"Commit {i}", last_modified=moment, revision=f"{i:040x}")
    assert state is not None
    return state


def test_commits_come_newest_first_with_times_and_titles(hub: Hub, site: LoopbackHub) -> None:
    """Up to the revision that is asked for."""
    site.add(chain(3))
    found = hub.repo("org/model").commits(10)
    assert [(c.title, c.at) for c in found] == [(f"Commit {i}", FIRST + timedelta(hours=i)) for i in (2, 1, 0)]
    assert [c.title for c in hub.repo("org/model", f"{1:040x}").commits(10)] == ["Commit 1", "Commit 0"]


def test_long_histories_are_bounded(hub: Hub, site: LoopbackHub) -> None:
    """Pages are followed as far as is needed, and no further than four."""
    site.add(chain(230))
    repo = hub.repo("org/model")
    assert [c.title for c in repo.commits(60)][-1] == "Commit 170"
    assert len(site.seen("/commits/")) == 2
    assert len(repo.commits(10_000)) == 200
    assert len(site.seen("/commits/")) == 6


@pytest.mark.parametrize(
    "row", [{}, {"id": "main"}, {"id": "1" * 40}, {"id": "1" * 40, "date": "never"}, {"date": 1}, 7]
)
def test_a_commit_without_id_or_time_is_left_out(hub: Hub, site: LoopbackHub, row: object) -> None:
    """The others are kept; a title that is no text is empty."""
    good = {"id": "2" * 40, "date": "2026-06-01T12:00:00.000Z", "title": ["x"]}
    body = json.dumps([row, good]).encode()
    site.fault = lambda s: Fault(body=body) if "/commits/" in s.path else None
    (commit,) = hub.repo("org/model").commits(5)
    assert (commit.at, commit.title) == (FIRST, "")


def test_nonsense_and_absence_are_errors_in_a_sentence(hub: Hub, site: LoopbackHub) -> None:
    """A list that is none is unavailable; a repository that is gone is missing."""
    site.fault = lambda s: Fault(body=b"{}") if "/commits/" in s.path else None
    with pytest.raises(Unavailable, match="the commits of org/model is not a list"):
        hub.repo("org/model").commits(5)
    with pytest.raises(Missing):
        hub.repo("org/absent").commits(5)
