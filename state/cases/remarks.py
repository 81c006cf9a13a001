"""Remarks of people on cases, and their messages. Every function works inside a transaction of the caller's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, func, select

from state.case_records import CaseMessage, NewRemark, Remark, RemarkState
from state.cases.messages import CHANNEL, case_message_prefix, remark_row
from state.database.rows import begins, cap, insert_new, message_row
from state.database.tables import outbox, remarks
from state.records import OutboxMessage


def as_remark(row: Row[*tuple[Any, ...]]) -> Remark:
    """Convert a row of `remarks` into its value."""
    return Remark(**{name: row._mapping[name] for name in Remark.__slots__})


def votes(connection: Connection, remark: NewRemark) -> int:
    """Count the people who made the same kind of remark on the case."""
    same = and_(remarks.c.case_id == remark.case_id, remarks.c.kind == remark.kind)
    return connection.scalar(select(func.count(remarks.c.by_user.distinct())).where(same)) or 0


def add(connection: Connection, remark: NewRemark, state: RemarkState, now: datetime) -> Remark | None:
    """Store a remark; returns None if this person made this kind of remark on the case before."""
    row: dict[str, object] = {
        "case_id": remark.case_id,
        "kind": remark.kind,
        "scope": remark.scope,
        "by_user": remark.by_user,
        "text": cap(remark.text),
        "state": state,
        "created_at": now,
    }
    if not insert_new(connection, remarks, [row]):
        return None
    own = [remarks.c[name] == row[name] for name in ("case_id", "kind", "scope", "by_user")]
    return as_remark(connection.execute(select(remarks).where(*own)).one())


def case_messages(connection: Connection, case_id: str, guild_id: str) -> list[CaseMessage]:
    """Return the messages about a case, in one server if given."""
    return messages_with_prefix(
        connection, case_message_prefix(case_id) + (f"{CHANNEL}:{guild_id}:" if guild_id else "")
    )


def messages_with_prefix(connection: Connection, start: str) -> list[CaseMessage]:
    """Return the messages whose keys have this prefix, the oldest first."""
    query = select(outbox.c.destination, outbox.c.message_id, outbox.c.state, outbox.c.attempts)
    mine = query.where(begins(outbox.c.dedupe_key, start))
    return [CaseMessage(*row) for row in connection.execute(mine.order_by(outbox.c.id))]


def channel_messages(connection: Connection, case_id: str, guild_id: str) -> list[CaseMessage]:
    """Return the messages about a case in channels, which have threads, except dead ones."""
    heads = case_messages(connection, case_id, guild_id)
    return [head for head in heads if head.state != "dead" and head.destination.startswith(f"{CHANNEL}:")]


def post_remark(connection: Connection, remark: Remark, now: datetime) -> None:
    """Queue a remark for every channel in its scope."""
    places = channel_messages(connection, remark.case_id, remark.scope)
    post(connection, [remark_row(remark, head) for head in places], now)


def post(connection: Connection, rows: Sequence[OutboxMessage], now: datetime) -> None:
    """Add messages to the outbox."""
    insert_new(connection, outbox, [message_row(row, row.upload_id, now) for row in rows])
