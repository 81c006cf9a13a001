"""A database is looked at without being changed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from state.database.examine import examine
from state.errors import StateError
from state.store import Store


def test_a_whole_one_gives_its_revision(url: str, tmp_path: Path) -> None:
    """This works while it is in use."""
    with Store.open(url):
        found = examine(tmp_path / "state.db")
    assert (found.known, found.faults) == (True, ())
    assert found.revision == found.newest


def test_an_older_or_newer_one_is_left_as_it_is(tmp_path: Path, url: str) -> None:
    """Nothing is upgraded by being looked at."""
    Store.open(url).close()
    with closing(sqlite3.connect(tmp_path / "state.db")) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    for _ in range(2):
        found = examine(tmp_path / "state.db")
        assert (found.revision, found.known) == ("9999", False)


def test_what_is_wrong_inside_is_named(tmp_path: Path) -> None:
    """A value that may not be there, in a file that is otherwise well."""
    with closing(sqlite3.connect(tmp_path / "x.db")) as raw, raw:
        raw.execute("CREATE TABLE t (a, b)")
        raw.execute("INSERT INTO t VALUES (NULL, 1)")
        raw.execute("PRAGMA writable_schema = ON")
        raw.execute("UPDATE sqlite_master SET sql = 'CREATE TABLE t (a NOT NULL, b)'")
    found = examine(tmp_path / "x.db")
    assert (found.revision, found.known) == ("", False)
    assert found.faults == ("NULL value in t.a",)


def test_what_is_no_database_is_an_error(tmp_path: Path) -> None:
    """And a file that is not there is not made."""
    (tmp_path / "text").write_text("this is no database" * 100)
    for name in ("text", "gone"):
        with pytest.raises(StateError, match="cannot be read"):
            examine(tmp_path / name)
    assert not (tmp_path / "gone").exists()
