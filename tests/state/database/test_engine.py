"""The database itself: made, reopened, refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from state.database.engine import open_engine
from state.database.tables import metadata
from state.errors import StateError
from state.store import Store
from tests.state.events import NOW, event


def test_reopen(url: str) -> None:
    """A restart keeps every row."""
    with Store.open(url) as store:
        store.record("feed", [event()], NOW, NOW)
    with Store.open(url) as store:
        assert store.cursor("feed") == NOW
        assert len(store.due(NOW, 10)) == 1


def test_migrations_make_the_tables(url: str) -> None:
    """From an empty file, the migrations make exactly the tables that the code uses."""
    engine = open_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_settings(url: str, tmp_path: Path) -> None:
    """The file is in WAL mode, and a connection waits for writers, syncs fully and holds to foreign keys."""
    engine = open_engine(url)
    with engine.connect() as connection:
        names = ("journal_mode", "busy_timeout", "synchronous", "foreign_keys")
        values = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]
    engine.dispose()
    assert values == ["wal", 5000, 2, 1]


def test_newer_database(url: str, tmp_path: Path) -> None:
    """A database written by a newer version is refused by name and left as it was."""
    Store.open(url).close()
    with closing(sqlite3.connect(tmp_path / "state.db")) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StateError, match=r"state\.db was written by a newer version \(its revision is 9999\)"):
        Store.open(url)
    with closing(sqlite3.connect(tmp_path / "state.db")) as raw:
        assert raw.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]


def test_unusable(tmp_path: Path) -> None:
    """A file that is not a database, or cannot be shared or reached, is refused in one sentence."""
    (tmp_path / "text").write_text("this is no database, " * 100)
    cases = {
        f"sqlite:///{tmp_path}/text": "file is not a database",
        f"sqlite:///{tmp_path}/text/state.db": "cannot be made",
        "sqlite://": "must be a file",
        "no url": "not a database URL",
        "nosuch://host/db": "driver that is not installed",
    }
    for url, sentence in cases.items():
        with pytest.raises(StateError, match=sentence):
            Store.open(url)


def test_folder_is_made(tmp_path: Path) -> None:
    """The folder of a new database is made."""
    Store.open(f"sqlite:///{tmp_path}/a/b c/state.db").close()
    assert (tmp_path / "a" / "b c" / "state.db").is_file()
