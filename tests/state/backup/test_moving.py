"""A SQLite database moves to PostgreSQL whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock
from sqlalchemy import Connection, Table, delete

from state.backup import moving
from state.backup.moving import MOVED, move
from state.data_folder import DATABASE
from state.database.engine import only_watch
from state.database.tables import marks
from state.errors import StateError
from state.store import OutboxMessage, Store
from tests import postgres
from tests.state.dump import fill
from tests.state.events import NOW, event


@pytest.fixture
def target(postgres_url: str) -> str:
    """Return the URL of an empty PostgreSQL database."""
    return postgres.new_schema(postgres_url)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Make a data folder with something in every table."""
    with Store.open(f"sqlite:///{tmp_path / DATABASE}") as store:
        fill(store)
    return tmp_path


def test_every_row_is_there_and_the_watch_goes_on(data: Path, target: str) -> None:
    """Counts and contents are equal, new rows get new ids, and no watch goes on with the old file."""
    with Store.open(f"sqlite:///{data / DATABASE}") as store:
        before, history, case = store.tally(NOW), store.history("org/Found"), store.cases.get("c" * 12)
    moved = {table.name: table.rows for table in move(data, target)}
    assert min(moved.values()) > 0
    assert moved["uploads"] == sum(before.uploads.values())
    assert not (data / DATABASE).exists()
    assert (data / MOVED).exists()
    with Store.open(target) as store:
        assert (store.tally(NOW), store.history("org/Found"), store.cases.get("c" * 12)) == (before, history, case)
        assert store.record("feed", [event("org/found"), event("org/new")], None, NOW) == 1
        assert store.history("org/new")[0].id > moved["uploads"]


def test_a_filled_target_is_refused(data: Path, target: str) -> None:
    """Its rows stay alone, and the source stays in its place."""
    with Store.open(target) as store:
        store.record("feed", [event("org/other")], None, NOW)
    with pytest.raises(StateError, match=r"is not empty: it has rows in (events, uploads|uploads, events)"):
        move(data, target)
    assert (data / DATABASE).exists()
    with Store.open(target) as store:
        assert store.counts()["uploads.pending"] == 1


def test_a_difference_moves_nothing(data: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that the target lost is missed, and the whole copy is rolled back."""
    compared = moving._compared

    def without_a_row(old: Connection, new: Connection, table: Table) -> moving.MovedTable:
        if table is marks:
            new.execute(delete(marks))
        return compared(old, new, table)

    monkeypatch.setattr(moving, "_compared", without_a_row)
    with pytest.raises(StateError, match="the rows of marks differ after the move: 1 and 0; nothing moved"):
        move(data, target)
    assert (data / DATABASE).exists()
    with Store.open(target) as store:
        assert set(store.counts().values()) == {0}


def test_a_running_watch_keeps_its_database(data: Path, target: str) -> None:
    """The watch's lock is respected; without a database there is nothing to move."""
    with FileLock(data / "watch.lock"), pytest.raises(StateError, match="a watch is running"):
        move(data, target)
    with pytest.raises(StateError, match="there is no database"):
        move(data / "nowhere", target)


def test_texts_that_no_server_stores_are_replaced(store: Store) -> None:
    """NUL and lone surrogates in a payload neither refuse it nor break a later query."""
    store.post([OutboxMessage("k", "there", {"alert": True, "a\0": ["\ud800", {"b": "x\0y"}, [["\0"]]]})], NOW)
    (row,) = store.alert_digests.claim_alerts("there", NOW, 60, 9)
    assert row.payload == {"alert": True, "a": ["?", {"b": "xy"}, [[""]]]}


def test_one_watch_has_a_server_database_alone(target: str) -> None:
    """The second is refused while the first runs."""
    with Store.open(target) as one, Store.open(target) as other:
        with only_watch(one.engine), pytest.raises(StateError, match="another watch uses"), only_watch(other.engine):
            pass
        with only_watch(other.engine):
            pass
