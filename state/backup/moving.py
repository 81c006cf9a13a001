"""Move a SQLite database to another server by URL: every row, counted and compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, Integer, Table, func, select, text

from state.data_folder import DATABASE, disk_errors, lock_out_watch
from state.database.engine import open_engine, reading, transaction
from state.database.tables import counts, metadata
from state.errors import StateError

BATCH: Final = 2_000  # rows in memory at once
MOVED: Final = f"{DATABASE}.moved"  # name of the old file afterwards, so that no watch goes on with it


@dataclass(frozen=True, slots=True)
class MovedTable:
    """One table. `digest`: the same in both databases, 64 hex digits."""

    name: str
    rows: int
    digest: str


def move(data: Path, url: str) -> list[MovedTable]:
    """Copy the database of a data folder to an empty one at `url`, compare, then set the old file aside.

    All or nothing: one transaction holds the copy and the comparison. StateError if a watch runs on the folder, if the
    target holds rows or is the source, or if the two differ.
    """
    file = data / DATABASE
    if not file.exists():
        raise StateError(f"there is no database {file} to move")
    with disk_errors(data), lock_out_watch(data):
        source, target = open_engine(f"sqlite:///{file}"), open_engine(url)
        try:
            moved = _copied(source, target)
        finally:
            source.dispose()
            target.dispose()
        file.replace(data / MOVED)
    return moved


def _copied(source: Engine, target: Engine) -> list[MovedTable]:
    tables = [table for table in metadata.sorted_tables if table is not counts]  # triggers count again
    with reading(source) as old, transaction(target) as new:
        filled = [table.name for table in tables if new.execute(select(table).limit(1)).first()]
        if filled:
            raise StateError(f"the database {target.url} is not empty: it has rows in {', '.join(filled)}")
        moved = []
        for table in tables:
            for rows in _batches(old, table):
                new.execute(table.insert(), rows)
            _continue_ids(new, table)
            moved.append(_compared(old, new, table))
        _compared(old, new, counts)
        return moved


def _batches(connection: Connection, table: Table) -> Iterator[list[dict[str, Any]]]:
    query = select(table).order_by(*table.primary_key).execution_options(yield_per=BATCH)
    for part in connection.execute(query).mappings().partitions():
        yield [dict(row) for row in part]


def _continue_ids(connection: Connection, table: Table) -> None:
    """Let new rows get ids after those that were copied."""
    if connection.dialect.name == "postgresql" and "id" in table.c and isinstance(table.c.id.type, Integer):
        last = connection.scalar(select(func.max(table.c.id)))
        if last is not None:
            statement = text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)")
            connection.execute(statement, {"name": table.name, "last": last})


def _compared(old: Connection, new: Connection, table: Table) -> MovedTable:
    (number, digest), there = _summed(old, table), _summed(new, table)
    if there != (number, digest):
        raise StateError(f"the rows of {table.name} differ after the move: {number:,} and {there[0]:,}; nothing moved")
    return MovedTable(table.name, number, digest)


def _summed(connection: Connection, table: Table) -> tuple[int, str]:
    """Return the number of rows that count, and the sum of their digests, which is free of their order."""
    number = total = 0
    for rows in _batches(connection, table):
        for row in rows:
            if table is counts and row["number"] == 0:
                continue
            line = json.dumps(row, sort_keys=True, default=str).encode()
            total = (total + int.from_bytes(hashlib.sha256(line).digest(), "big")) % 2**256
            number += 1
    return number, f"{total:064x}"
