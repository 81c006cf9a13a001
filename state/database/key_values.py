"""Small facts and requests that outlive the process: JSON under a name, until dropped."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, delete, desc, select
from sqlalchemy.dialects import postgresql, sqlite

from state.database.engine import reading, transaction
from state.database.rows import begins
from state.database.tables import marks


@dataclass(frozen=True, slots=True)
class KeyValue:
    """Last value stored under a name, and when (UTC)."""

    name: str
    value: Any
    changed_at: datetime


class KeyValues:
    """Key values of one database. The same module reads and writes a name."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, name: str, value: object, now: datetime) -> None:
        """Store a value under a name, in place of any earlier one."""
        self._write([{"name": name, "value": json.dumps(value), "changed_at": now}], ["value", "changed_at"])

    def note(self, names: Sequence[str], now: datetime) -> None:
        """Store the current time under each name. Names that exist keep their value; only `changed_at` changes."""
        first = json.dumps(now.astimezone(UTC).isoformat())
        self._write([{"name": name, "value": first, "changed_at": now} for name in names], ["changed_at"])

    def get(self, name: str) -> KeyValue | None:
        """Return the value under a name; None if there is none."""
        with reading(self._engine) as connection:
            row = connection.execute(select(marks).where(marks.c.name == name)).one_or_none()
        return None if row is None else KeyValue(row.name, json.loads(row.value), row.changed_at)

    def first(self, beginning: str, limit: int) -> list[KeyValue]:
        """Return entries with this name prefix, by value (the first noted first), then by name in descending order."""
        query = select(marks).where(begins(marks.c.name, beginning))
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(marks.c.value, desc(marks.c.name)).limit(limit)).all()
        return [KeyValue(row.name, json.loads(row.value), row.changed_at) for row in rows]

    def drop(self, names: Sequence[str]) -> None:
        """Delete these names."""
        with transaction(self._engine) as connection:
            connection.execute(delete(marks).where(marks.c.name.in_(names)))

    def _write(self, rows: Sequence[Mapping[str, object]], changed: Sequence[str]) -> None:
        """Insert rows, all or none; for a name that exists, only the columns `changed` are written."""
        if not rows:
            return
        with transaction(self._engine) as connection:
            insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            new = insert(marks)
            values = {column: new.excluded[column] for column in changed}
            connection.execute(new.on_conflict_do_update(index_elements=["name"], set_=values), rows)
