"""Engine of the database: connection settings, transactions, migrations."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.exc import SQLAlchemyError

from state.errors import StateError

UPGRADE_LOCK, WATCH_LOCK = 0x626C6501, 0x626C6502  # numbers of advisory locks in PostgreSQL
MIGRATIONS = Path(__file__).with_name("migrations")

_one_upgrade = threading.Lock()  # Alembic passes arguments to revisions through module globals

# PRAGMA name and value. FULL: a commit survives a power cut, so no alert is sent twice.
# The timeout comes first, because switching to WAL may wait too. Milliseconds.
SQLITE_SETTINGS = (("busy_timeout", "5000"), ("journal_mode", "WAL"), ("synchronous", "FULL"), ("foreign_keys", "ON"))


def open_engine(url: str) -> Engine:
    """Return an engine for `url` with tables of this version; StateError if that fails."""
    try:
        parsed = make_url(url)
    except SQLAlchemyError as error:
        raise StateError(f"{url!r} is not a database URL such as sqlite:///state.db") from error
    _prepare_folder(parsed)
    try:
        engine = create_engine(parsed)
    except (SQLAlchemyError, ImportError) as error:
        raise StateError(f"the database {parsed} needs a driver that is not installed: {error}") from error
    if engine.dialect.name == "sqlite":
        _own_sqlite_transactions(engine)
    try:
        _upgrade(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Run one writing transaction; database errors become StateError."""
    with _own_errors(engine), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Run one reading transaction, which waits for no writer."""
    reader = engine.execution_options(sqlite_begin="DEFERRED")
    with _own_errors(engine), reader.connect() as connection:
        yield connection


@contextmanager
def only_watch(engine: Engine) -> Iterator[None]:
    """Keep other watches off a PostgreSQL database meanwhile; StateError if one is running. A file has its own lock."""
    if engine.dialect.name != "postgresql":
        yield
        return
    with _own_errors(engine):
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    with connection:
        with _own_errors(engine):
            alone = connection.scalar(select(func.pg_try_advisory_lock(WATCH_LOCK)))
        if not alone:
            raise StateError(f"another watch uses the database {engine.url}: stop it first")
        yield
        with _own_errors(engine):
            connection.execute(select(func.pg_advisory_unlock(WATCH_LOCK)))


@contextmanager
def _own_errors(engine: Engine) -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise StateError(f"the database {engine.url} refused: {cause}") from error


def _prepare_folder(url: URL) -> None:
    if url.get_backend_name() != "sqlite":
        return
    if url.database in (None, "", ":memory:"):
        raise StateError("the SQLite database must be a file, such as sqlite:///state.db: threads share it")
    path = Path(str(url.database))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(f"the folder {path.parent} for the database cannot be made: {error.strerror}") from error


def _own_sqlite_transactions(engine: Engine) -> None:
    """Take BEGIN out of the driver's hands, which starts a transaction late and as a reader.

    SQLite refuses a reader that turns into a writer if another wrote meanwhile, whatever the timeout:
    https://docs.sqlalchemy.org/en/21/dialects/sqlite.html#pysqlite-transaction-control
    """

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        try:
            for name, value in SQLITE_SETTINGS:
                cursor.execute(f"PRAGMA {name}={value}")
        finally:
            cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        mode = connection.get_execution_options().get("sqlite_begin", "IMMEDIATE")
        connection.exec_driver_sql(f"BEGIN {mode}")


def revisions() -> list[str]:
    """Return the table revisions that this version knows, the first one first."""
    scripts = ScriptDirectory.from_config(_config()).walk_revisions()
    return [script.revision for script in scripts][::-1]


def damage(path: Path) -> str:
    """Return the damage SQLite finds in an unused database file, "" if none."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(3)")]
            orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
    except sqlite3.Error as error:
        return str(error)
    found += [f"{len(orphans)} rows refer to rows that are not there"] if orphans else []
    return "; ".join(text for text in found if text != "ok")


def _config() -> Config:
    config = Config()  # no ini file: nothing here touches logging
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _upgrade(engine: Engine) -> None:
    """Migrate the tables to the newest revision, all or nothing; StateError if the database is newer than the code."""
    config = _config()
    known = set(revisions())
    with _one_upgrade, transaction(engine) as connection:
        if engine.dialect.name == "postgresql":  # one process upgrades, the others wait
            connection.execute(select(func.pg_advisory_xact_lock(UPGRADE_LOCK)))
        there = set(MigrationContext.configure(connection).get_current_heads())
        if unknown := there - known:
            raise StateError(
                f"the database {engine.url} was written by a newer version (its revision is "
                f"{', '.join(sorted(unknown))}): update the program or open another database"
            )
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise StateError(f"the tables of {engine.url} cannot be brought up to date: {error}") from error
