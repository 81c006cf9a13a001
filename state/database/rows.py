"""Conversion between values of records.py and rows of tables.py."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, true
from sqlalchemy.dialects import postgresql, sqlite

from analyzers.records import HubEvent
from state.errors import StateError
from state.records import OutboxMessage, OutboxRow, Settlement, Upload

_UNSTORABLE = re.compile(r"\\u0000|\\ud[89a-f]")  # in JSON: NUL, and surrogates, paired or not
LONGEST_TEXT = 2_000  # characters kept of a reason or an error


def upload_row(event: HubEvent, now: datetime) -> dict[str, object]:
    """Convert an event into a pending row."""
    return {
        "identity": event.hub_id or event.repo_id.lower(),
        "listed_revision": event.revision or "",
        "repo_id": event.repo_id,
        "repo_key": event.repo_id.lower(),
        "hub_id": event.hub_id,
        "revision": event.revision,
        "created_at": event.created_at,
        "parameters": event.parameters,
        "gated": event.gated,
        "state": "pending",
        "reason": "",
        "attempts": 0,
        "first_seen": now,
    }


def message_row(message: OutboxMessage, upload_id: int | None, now: datetime) -> dict[str, object]:
    """Convert a message into a pending row."""
    return {
        "dedupe_key": message.dedupe_key,
        "destination": message.destination,
        "payload": plain_json(message.payload, f"message {message.dedupe_key}"),
        "state": "pending",
        "attempts": 0,
        "next_at": now,
        "upload_id": upload_id,
        "created_at": now,
    }


def settled_columns(stored: Row[*tuple[Any, ...]], settlement: Settlement) -> dict[str, object]:
    """Return the columns that a settlement sets, as they will read back."""
    report = settlement.report
    return {
        "state": settlement.state,
        "reason": cap(settlement.reason),
        "report": None if report is None else plain_json(report, f"the report on {stored.repo_id}"),
        "finding": str((report or {}).get("finding", "unknown")) if settlement.state == "found" else None,
        "retry_at": settlement.retry_at,
        "revision": settlement.revision or stored.revision,
        "weights_digest": settlement.weights_digest or stored.weights_digest,
    }


def as_upload(row: Row[*tuple[Any, ...]]) -> Upload:
    """Convert a row of `uploads` into its value."""
    return Upload(**{name: row._mapping[name] for name in Upload.__slots__})


def as_message(row: Row[*tuple[Any, ...]]) -> OutboxRow:
    """Convert a row of `outbox` into its value."""
    return OutboxRow(**{name: row._mapping[name] for name in OutboxRow.__slots__})


def begins(column: ColumnElement[str], prefix: str) -> ColumnElement[bool]:
    """Select texts with this prefix, by a range that an index answers. The column sorts by code points."""
    if not prefix:
        return true()
    return and_(column >= prefix, column < prefix[:-1] + chr(ord(prefix[-1]) + 1))


def cap(text: str) -> str:
    """Cut to LONGEST_TEXT characters, and replace what no database stores: lone surrogates and NUL."""
    return _clean(text[:LONGEST_TEXT])


def plain_json(value: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Return `value` as it will read back; StateError names `what` if JSON cannot hold it."""
    try:
        written = json.dumps(dict(value), allow_nan=False)
        plain: dict[str, Any] = json.loads(written, object_hook=_storable if _UNSTORABLE.search(written) else None)
    except (TypeError, ValueError, RecursionError) as error:
        raise StateError(f"{what} cannot be stored as JSON: {error}") from error
    return plain


def _storable(value: dict[str, Any]) -> dict[str, Any]:
    """Replace in the texts of an object what no database stores; its lists hold texts or finished objects."""
    return {_clean(name): _cleaned(inner) for name, inner in value.items()}


def _cleaned(value: Any) -> Any:
    if isinstance(value, list):
        return [_cleaned(one) for one in value]
    return _clean(value) if isinstance(value, str) else value


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")


def insert_new(connection: Connection, table: Table, rows: Sequence[dict[str, object]]) -> int:
    """Insert the rows that break no unique constraint. Returns their number."""
    if not rows:
        return 0
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
    return connection.execute(statement, rows).rowcount
