"""Leases of due messages: one sender takes some, and no other gets them. Inside a caller's transaction."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, case, select, true, update

from state.database.rows import as_message
from state.database.tables import STILL_OPEN, outbox
from state.records import OutboxRow


def lease(
    connection: Connection, now: datetime, seconds: float, limit: int, which: ColumnElement[bool] | None = None
) -> list[OutboxRow]:
    """Lease at most `limit` due messages, the oldest first; `which`: only such.

    After `seconds` a message neither marked sent nor failed can be leased again: its sender was killed.
    """
    waits_until = case((outbox.c.state == "pending", outbox.c.next_at), else_=outbox.c.leased_until)
    due = and_(STILL_OPEN, waits_until <= now, true() if which is None else which)
    query = select(outbox.c.id).where(due).order_by(outbox.c.id).limit(limit)
    ids = connection.scalars(query.with_for_update(skip_locked=True)).all()
    taken = update(outbox).where(outbox.c.id.in_(ids)).returning(*outbox.c)
    until = now + timedelta(seconds=seconds)
    rows = connection.execute(taken.values(state="sending", leased_until=until, attempts=outbox.c.attempts + 1))
    return sorted((as_message(row) for row in rows), key=lambda row: row.id)


def release(connection: Connection, which: ColumnElement[bool], why: str, until: datetime | None = None) -> None:
    """Defer claimed messages, or without `until` close them unsent. Neither counts as an attempt.

    A sent message stays sent. A message closed unsent has no `sent_at` and no message id.
    """
    values = {"state": "sent"} if until is None else {"state": "pending", "next_at": until}
    fewer = case((outbox.c.attempts > 0, outbox.c.attempts - 1), else_=0)
    claimed = update(outbox).where(which, outbox.c.state != "sent")
    connection.execute(claimed.values(**values, last_error=why, leased_until=None, attempts=fewer))


def sending_before(connection: Connection, destination: str, row_id: int) -> bool:
    """Return True while an earlier message is being sent to the same destination."""
    before = and_(outbox.c.destination == destination, outbox.c.state == "sending", outbox.c.id < row_id)
    return connection.scalar(select(outbox.c.id).where(STILL_OPEN, before).limit(1)) is not None
