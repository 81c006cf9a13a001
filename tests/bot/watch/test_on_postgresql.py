"""A watch whose database is a PostgreSQL server judges, alerts and follows up as one with a file does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.faults.runs import CAST, NOW, REPOS
from bench.simulated import Moved, World, world
from demo.hub.server import LoopbackHub
from demo.scene import HIDDEN
from state.database.engine import only_watch
from state.store import Store
from tests import postgres
from tests.bot.stage import Stage, stage


@pytest.fixture
def url(postgres_url: str) -> str:
    """Return the URL of an empty database."""
    return postgres.new_schema(postgres_url)


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Stage]:
    """Set a stage on loopback."""
    with stage(tmp_path) as one:
        yield one


def outcome(at: World) -> tuple[Any, ...]:
    """Return what a watch came to: outcomes, alerts, and the metrics of the database."""
    tally = at.store.tally(at.moved.now())
    history = [u for name in REPOS for u in at.store.history(name)]
    uploads = {(u.repo_id, u.state, (u.report or {}).get("finding"), u.weights_digest) for u in history}
    return uploads, sorted(at.told.alerts), tally.uploads, tally.findings, tally.alerts, tally.feeds


def test_it_comes_to_the_same_as_on_sqlite(tmp_path: Path, url: str) -> None:
    """Every outcome, alert and counter is equal after three passes, a follow-up among them."""
    found = []
    for name, where in (("file", None), ("server", url)):
        (tmp_path / name).mkdir()
        moved = Moved(NOW)
        with (
            LoopbackHub(REPOS.values()) as hub,
            world(tmp_path / name, hub, moved, CAST.registry, database_url=where) as at,
        ):
            for _ in range(3):
                assert at.one_pass()
                moved.sleep(4_000)
            found.append(outcome(at))
        assert (tmp_path / name / "data" / "blendwatch.sqlite").exists() == (where is None)
    assert found[0][0] ^ found[1][0] == set()
    assert found[0] == found[1]


def test_commands_read_it_and_nothing_is_sent_twice(at: Stage, url: str) -> None:
    """Two runs of the command send one alert; status, why and case show it; prune refuses; a second watch too."""
    env = {"BLENDWATCH_DATABASE_URL": url}
    for _ in range(2):
        done = at.run("watch", "--once", **env)
        assert done.returncode == 0, done.stderr
    told = [title for title in at.told if HIDDEN in title]
    assert len(told) == 1
    for words in (("status",), ("why", HIDDEN), ("case", "list"), ("rates",)):
        done = at.run(*words, **env)
        assert done.returncode == 0, done.stderr
    assert HIDDEN in at.run("case", "list", **env).stdout
    assert "prune reads the SQLite file alone" in at.run("prune", **env).stderr
    with Store.open(url) as store, only_watch(store.engine):
        assert "another watch uses the database" in at.run("watch", "--once", **env).stderr


def test_a_moved_watch_goes_on(at: Stage, url: str) -> None:
    """After `blendwatch move` the watch sends nothing again; without the new setting it refuses to start."""
    assert at.run("watch", "--once").returncode == 0
    before = len(at.told)
    done = at.run("move", "--to", url)
    assert done.returncode == 0, done.stderr
    assert "every row is there" in done.stdout
    done = at.run("watch", "--once", BLENDWATCH_DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    assert len(at.told) == before
    assert "is empty" in at.run("watch", "--once").stderr
