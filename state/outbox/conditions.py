"""Conditions that an operator must know while they last: one notice at the begin, one at the end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, select, update

from state.database.rows import cap, insert_new, message_row
from state.database.tables import conditions, outbox
from state.records import Condition, OutboxMessage

Message = Callable[[Condition], OutboxMessage]


def open_conditions(connection: Connection) -> list[Condition]:
    """Return the conditions that last, the oldest first."""
    query = select(conditions).where(conditions.c.ended_at.is_(None)).order_by(conditions.c.id)
    return [Condition(r.name, r.text, r.began_at, r.ended_at) for r in connection.execute(query)]


def set_condition(connection: Connection, name: str, text: str | None, now: datetime, message: Message) -> bool:
    """Begin a condition (a text) or end it (None). Returns False if nothing changed.

    The notice enters the outbox in the same transaction. A lasting condition is not repeated, whatever its text.
    """
    old = next((c for c in open_conditions(connection) if c.name == name), None)
    if (old is None) == (text is None):
        return False
    if text is not None:
        new = Condition(name, cap(text), now, None)
        connection.execute(conditions.insert().values(name=name, text=new.text, began_at=now, ended_at=None))
    else:
        assert old is not None  # noqa: S101 - nothing to end otherwise
        new = Condition(name, old.text, old.began_at, now)
        lasting = (conditions.c.name == name) & conditions.c.ended_at.is_(None)
        connection.execute(update(conditions).where(lasting).values(ended_at=now))
    insert_new(connection, outbox, [message_row(message(new), None, now)])
    return True
