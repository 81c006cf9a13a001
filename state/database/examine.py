"""Read-only examination of a SQLite database: revision and damage."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from state.database.engine import revisions
from state.errors import StateError

MOST_FAULTS = 10  # named at most
BUSY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """`revision`: of its tables, "" if it has none; `newest`: of this version. `faults`: damage found."""

    revision: str
    newest: str
    known: bool  # True if this version knows `revision`
    faults: tuple[str, ...]


def examine(file: Path) -> DatabaseState:
    """Read the whole file once; StateError if it cannot be read or is not a database."""
    try:
        with closing(_read_only(file)) as opened:
            found = [str(row[0]) for row in opened.execute(f"PRAGMA integrity_check({MOST_FAULTS})")]
            there = opened.execute("SELECT name FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
            rows = opened.execute("SELECT version_num FROM alembic_version").fetchall() if there else []
    except sqlite3.Error as error:
        raise StateError(f"the database {file} cannot be read: {error}") from error
    revision = str(rows[0][0]) if rows else ""
    known = revisions()
    return DatabaseState(revision, known[-1], revision in known, tuple(t for t in found if t != "ok"))


def first_seen(file: Path) -> datetime | None:
    """Return when the watch first saw an upload, None if never. StateError as in examine."""
    try:
        with closing(_read_only(file)) as opened:
            there = opened.execute("SELECT name FROM sqlite_master WHERE name = 'uploads'").fetchone()
            row = opened.execute("SELECT first_seen FROM uploads ORDER BY id LIMIT 1").fetchone() if there else None
    except sqlite3.Error as error:
        raise StateError(f"the database {file} cannot be read: {error}") from error
    return datetime.fromisoformat(row[0]).replace(tzinfo=UTC) if row else None


def _read_only(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)
