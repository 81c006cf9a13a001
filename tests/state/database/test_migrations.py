"""A database of any released version becomes one of this version, with all its rows."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Boolean, Engine, MetaData, create_engine, inspect, select, text

from state.database.engine import _config, damage, open_engine, revisions
from state.database.tables import metadata
from state.errors import StateError
from state.store import Store
from tests import postgres
from tests.state.dump import SCHEMAS, fill
from tests.state.events import MINUTE, NOW, event

Rows = dict[str, list[dict[str, Any]]]


def loaded(revision: str, folder: Path) -> Path:
    """Load a database as the code of `revision` left it."""
    path = folder / "state.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript((SCHEMAS / f"{revision}.sql").read_text(encoding="utf-8"))
    return path


def rows(path: Path) -> Rows:
    """Return every row of every table except Alembic's own."""
    with closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        tables = [t for (t,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        found = {t: [dict(r) for r in database.execute(f"SELECT * FROM {t} ORDER BY 1")] for t in tables}
    return {table: kept for table, kept in found.items() if table != "alembic_version"}


def _written_out(index: Any) -> dict[str, Any]:
    """The condition of a partial index as text: two equal ones are not equal otherwise."""
    return {"dialect_options": {name: str(value) for name, value in index.get("dialect_options", {}).items()}}


def described(engine: Engine) -> dict[str, Any]:
    """Describe all tables of a database, independent of their order."""
    about = inspect(engine)

    def sorted_by_name(found: Any) -> list[Any]:
        return sorted(found, key=lambda one: str(one.get("name")))

    return {
        table: {
            "columns": [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in about.get_columns(table)],
            "key": about.get_pk_constraint(table),
            "foreign": sorted_by_name(about.get_foreign_keys(table)),
            "unique": sorted_by_name(about.get_unique_constraints(table)),
            "checks": sorted_by_name(about.get_check_constraints(table)),
            "indexes": sorted_by_name([index | _written_out(index) for index in about.get_indexes(table)]),
        }
        for table in sorted(about.get_table_names())
    }


def test_the_migrations_make_what_the_tables_say(tmp_path: Path) -> None:
    """Names and constraints included, of which Alembic's own comparison sees but a part."""
    migrated, made = open_engine(f"sqlite:///{tmp_path / 'a.db'}"), create_engine(f"sqlite:///{tmp_path / 'b.db'}")
    metadata.create_all(made)
    found = described(migrated)
    assert found.pop("alembic_version")
    assert found == described(made)
    migrated.dispose()
    made.dispose()


def test_every_revision_has_a_dump() -> None:
    """A migration is tested from what there was before it. A new one needs: python -m tests.state.dump."""
    assert sorted(path.stem for path in SCHEMAS.glob("*.sql")) == sorted(revisions())


@pytest.mark.parametrize("revision", revisions())
def test_from_every_revision(tmp_path: Path, revision: str) -> None:
    """The rows survive, the database is sound, and its tables are those of a new one."""
    path = loaded(revision, tmp_path)
    before = rows(path)
    assert all(before.values()), "a table of the dump is empty, so it shows nothing"
    engine, fresh = open_engine(f"sqlite:///{path}"), open_engine(f"sqlite:///{tmp_path / 'fresh.db'}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_heads() == (revisions()[-1],)
    assert described(engine) == described(fresh)
    engine.dispose()
    fresh.dispose()
    assert damage(path) == ""
    after = rows(path)
    for table, kept in before.items():
        shared = kept[0].keys() & after[table][0].keys()
        assert [{c: r[c] for c in shared} for r in after[table]] == [{c: r[c] for c in shared} for r in kept]


@pytest.mark.parametrize("revision", revisions())
def test_an_old_database_goes_on(tmp_path: Path, revision: str) -> None:
    """Seen uploads are not new, waiting ones are handed out, and sent alerts are not sent again."""
    with Store.open(f"sqlite:///{loaded(revision, tmp_path)}") as store:
        assert store.record("feed", [event("org/found"), event("org/new")], None, NOW) == 1
        due = {upload.repo_id for upload in store.due(NOW + 60 * MINUTE, 10)}
        assert due == {"org/tried", "org/Pending", "org/hub", "org/Größe", "org/new"}
        waiting = {row.dedupe_key for row in store.claim(NOW + 60 * MINUTE, 60, 10)}
        assert {key for key in waiting if not key.startswith("disk")} == {"k2", "k3", "news"}
        assert [row.state for row in store.messages_of(1)][:2] == ["sent", "dead"]


def test_the_newest_dump_is_what_this_version_writes(tmp_path: Path) -> None:
    """The dump of the newest revision was made by today's code and not by hand."""
    with Store.open(f"sqlite:///{tmp_path / 'new.db'}") as store:
        fill(store)
    assert rows(loaded(revisions()[-1], tmp_path)) == rows(tmp_path / "new.db")


def test_a_database_from_the_future_is_one_clear_error(tmp_path: Path) -> None:
    """It names the revision and what to do, and nothing is changed."""
    path = loaded(revisions()[-1], tmp_path)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '7777'")
    before = path.read_bytes()
    with pytest.raises(StateError, match=r"newer version \(its revision is 7777\): update the program") as caught:
        Store.open(f"sqlite:///{path}")
    assert "\n" not in str(caught.value)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT * FROM alembic_version").fetchall() == [("7777",)]
    assert len(path.read_bytes()) == len(before)


def _cast(kind: Any, engine: Engine) -> str:
    """Return a column's type in SQL without its collation."""
    return str(kind.compile(engine.dialect)).partition(" COLLATE")[0]


def _in_postgresql(path: Path, revision: str, url: str) -> Engine:
    """Make a PostgreSQL database of `revision` with the rows of a SQLite one."""
    engine = create_engine(url)
    with engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        there = MetaData()
        there.reflect(connection)
        old = rows(path)
        for table in there.sorted_tables:
            for row in old.get(table.name, ()):
                values = {c: bool(v) if isinstance(table.c[c].type, Boolean) else v for c, v in row.items()}
                names = ", ".join(values)
                marks = ", ".join(f"CAST(:{c} AS {_cast(table.c[c].type, engine)})" for c in values)
                if table.name != "counts":  # triggers count
                    connection.execute(text(f"INSERT INTO {table.name} ({names}) VALUES ({marks})"), values)
    return engine


@pytest.mark.parametrize("revision", revisions())
def test_from_every_revision_on_postgresql(tmp_path: Path, revision: str, postgres_url: str) -> None:
    """The rows of a PostgreSQL database survive as those of a SQLite one do, types and counters included."""
    path, url = loaded(revision, tmp_path), postgres.new_schema(postgres_url)
    _in_postgresql(path, revision, f"{url}%20-ctimezone%3DUTC").dispose()
    one, other = open_engine(url), open_engine(f"sqlite:///{path}")
    with one.connect() as new, other.connect() as old:
        context = MigrationContext.configure(new, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        for table in metadata.sorted_tables:
            some = select(table) if table.name != "counts" else select(table).where(table.c.number > 0)
            assert sorted(map(repr, new.execute(some))) == sorted(map(repr, old.execute(some))), table.name
    one.dispose()
    other.dispose()


def test_two_processes_upgrade_one_database(postgres_url: str) -> None:
    """The second waits for the first, and finds everything made."""
    url = postgres.new_schema(postgres_url)
    script = "import sys; from state.database.engine import open_engine; open_engine(sys.argv[1]).dispose()"
    both = [subprocess.Popen([sys.executable, "-c", script, url]) for _ in range(2)]
    assert [one.wait() for one in both] == [0, 0]
