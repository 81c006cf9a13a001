"""What happened to every upload, and every message that is to be told about it.

Each method is one transaction, so the process may be killed between any two of them. Methods may be called
from several threads; the only error is StateError. Times come in with a zone and go out in UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Self, get_args

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    and_,
    case,
    desc,
    func,
    nulls_last,
    or_,
    select,
    update,
)

from analyzers.records import HubEvent
from state.database import open_engine, reading, transaction
from state.errors import StateError
from state.records import AlertState, OutboxMessage, OutboxRow, Settlement, Upload, UploadState
from state.rows import as_message, as_upload, cap, insert_new, message_row, settled_columns, upload_row
from state.tables import STILL_OPEN, cursors, outbox, uploads

__all__ = ["OutboxMessage", "OutboxRow", "Settlement", "StateError", "Store", "Upload"]


class Store:
    """The database. A context manager: leaving it closes every connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the database at `url` (sqlite:///path makes the file) and bring its tables up to date."""
        return cls(open_engine(url))

    @property
    def engine(self) -> Engine:
        """The database, for what else is kept in it (state.cases, state.subscriptions)."""
        return self._engine

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # -- what a feed brought ---------------------------------------------------------------------------------

    def cursor(self, feed: str) -> datetime | None:
        """Up to when `feed` was read; None if never."""
        with reading(self._engine) as connection:
            return connection.scalar(select(cursors.c.read_to).where(cursors.c.feed == feed))

    def record(self, feed: str, events: Sequence[HubEvent], read_to: datetime | None, now: datetime) -> int:
        """Keep what `feed` brought and how far it was read, together; how many uploads were new.

        The cursor never goes back, and None leaves it where it is.
        """
        with transaction(self._engine) as connection:
            new = insert_new(connection, uploads, [upload_row(event, now) for event in events])
            if read_to is not None:
                _advance(connection, feed, read_to, now)
            return new

    # -- uploads ---------------------------------------------------------------------------------------------

    def due(self, now: datetime, limit: int) -> list[Upload]:
        """At most `limit` uploads to be judged now, the biggest first and, of one size, the oldest first."""
        waiting = or_(uploads.c.state == "pending", and_(uploads.c.state == "failed", uploads.c.retry_at <= now))
        order = (nulls_last(desc(uploads.c.parameters)), uploads.c.created_at, uploads.c.id)
        return self._uploads(select(uploads).where(waiting).order_by(*order).limit(limit))

    def settle(self, upload_id: int, settlement: Settlement, alerts: Sequence[OutboxMessage], now: datetime) -> bool:
        """Write down what became of an upload together with what is to be told about it.

        True if that was news; False if the same was written before, when only alerts that are missing are added.
        """
        with transaction(self._engine) as connection:
            stored = connection.execute(
                select(uploads).where(uploads.c.id == upload_id).with_for_update()
            ).one_or_none()
            if stored is None:
                raise StateError(f"upload {upload_id} cannot be settled: there is no such upload")
            values = settled_columns(stored, settlement)
            news = stored.state not in ("found", "skipped") or any(stored._mapping[k] != v for k, v in values.items())
            if news:
                change = update(uploads).where(uploads.c.id == upload_id)
                connection.execute(change.values(**values, attempts=uploads.c.attempts + 1, settled_at=now))
            insert_new(connection, outbox, [message_row(m, m.upload_id or upload_id, now) for m in alerts])
            return news

    def known_weights(self, hub_id_or_repo_id: str, weights_digest: str) -> Upload | None:
        """The newest upload of this repository that had the same weights and was judged; None if there is none."""
        name = hub_id_or_repo_id
        same = or_(uploads.c.identity == name, uploads.c.repo_key == name.lower())
        judged = and_(uploads.c.state == "found", uploads.c.weights_digest == weights_digest)
        query = select(uploads).where(same, judged).order_by(uploads.c.settled_at.desc(), uploads.c.id.desc())
        return next(iter(self._uploads(query.limit(1))), None)

    def history(self, repo_id: str) -> list[Upload]:
        """Every upload seen under this name, in upper or lower case, the newest first."""
        return self._uploads(select(uploads).where(uploads.c.repo_key == repo_id.lower()).order_by(desc(uploads.c.id)))

    # -- messages --------------------------------------------------------------------------------------------

    def post(self, messages: Sequence[OutboxMessage], now: datetime) -> int:
        """Add messages that belong to no settlement (the service's own news); how many were new."""
        with transaction(self._engine) as connection:
            return insert_new(connection, outbox, [message_row(m, m.upload_id, now) for m in messages])

    def messages_of(self, upload_id: int) -> list[OutboxRow]:
        """Every message about an upload, the oldest first."""
        query = select(outbox).where(outbox.c.upload_id == upload_id).order_by(outbox.c.id)
        with reading(self._engine) as connection:
            return [as_message(row) for row in connection.execute(query)]

    def claim(self, now: datetime, lease_seconds: float, limit: int) -> list[OutboxRow]:
        """Take at most `limit` messages that are to be sent, the oldest first; nobody else gets them meanwhile.

        A message neither marked sent nor failed `lease_seconds` later can be claimed again: its sender was killed.
        """
        waits_until = case((outbox.c.state == "pending", outbox.c.next_at), else_=outbox.c.leased_until)
        query = select(outbox.c.id).where(STILL_OPEN, waits_until <= now).order_by(outbox.c.id).limit(limit)
        with transaction(self._engine) as connection:
            ids = connection.scalars(query.with_for_update(skip_locked=True)).all()
            lease = update(outbox).where(outbox.c.id.in_(ids)).returning(*outbox.c)
            until = now + timedelta(seconds=lease_seconds)
            rows = connection.execute(lease.values(state="sending", leased_until=until, attempts=outbox.c.attempts + 1))
            return sorted((as_message(row) for row in rows), key=lambda row: row.id)

    def mark_sent(self, row_id: int, message_id: str | None, now: datetime) -> None:
        """A message arrived. Marked twice, it keeps the first time and the first `message_id` that was known."""
        first = {
            "message_id": func.coalesce(outbox.c.message_id, message_id),
            "sent_at": func.coalesce(outbox.c.sent_at, now),
        }
        self._mark(row_id, state="sent", leased_until=None, last_error=None, **first)

    def mark_failed(self, row_id: int, error: str, next_at: datetime | None, now: datetime) -> None:
        """A message did not arrive: try again at `next_at`, or never (None). One that was sent stays sent."""
        self._mark(
            row_id,
            state=_unless_sent("pending" if next_at else "dead", outbox.c.state),
            next_at=_unless_sent(next_at or now, outbox.c.next_at),
            last_error=_unless_sent(cap(error), outbox.c.last_error),
            leased_until=None,
        )

    def counts(self) -> dict[str, int]:
        """How many uploads and alerts are in each state, as "uploads.found" or "alerts.dead"; zeros included."""
        counted = {f"uploads.{state}": 0 for state in get_args(UploadState)}
        counted |= {f"alerts.{state}": 0 for state in get_args(AlertState)}
        with reading(self._engine) as connection:
            for name, table in (("uploads", uploads), ("alerts", outbox)):
                rows = connection.execute(select(table.c.state, func.count()).group_by(table.c.state))
                counted |= {f"{name}.{state}": number for state, number in rows}
        return counted

    # --------------------------------------------------------------------------------------------------------

    def _uploads(self, query: Select[*tuple[Any, ...]]) -> list[Upload]:
        with reading(self._engine) as connection:
            return [as_upload(row) for row in connection.execute(query)]

    def _mark(self, row_id: int, **values: object) -> None:
        with transaction(self._engine) as connection:
            if connection.execute(update(outbox).where(outbox.c.id == row_id).values(**values)).rowcount == 0:
                raise StateError(f"message {row_id} cannot be marked: there is no such message")


def _advance(connection: Connection, feed: str, read_to: datetime, now: datetime) -> None:
    insert_new(connection, cursors, [{"feed": feed, "read_to": read_to, "moved_at": now}])
    behind = and_(cursors.c.feed == feed, cursors.c.read_to < read_to)
    connection.execute(update(cursors).where(behind).values(read_to=read_to, moved_at=now))


def _unless_sent(value: object, old: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((outbox.c.state == "sent", old), else_=value)
