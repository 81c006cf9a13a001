"""Numbers that an operator watches, counted from stored rows, so that they outlive every process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from sqlalchemy import Connection, Select, and_, case, exists, func, or_, select

from state.database.tables import MARK, STILL_OPEN, counts, cursors, evidence, outbox, uploads
from state.records import AlertState, Outcomes, SettledState, UploadState


@dataclass(frozen=True, slots=True)
class Feed:
    """Progress of a listing, and the time of its last complete reading. UTC."""

    name: str
    read_to: datetime
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts at one moment; `uploads` and `alerts` have every state, `findings` those that occurred.

    `due`: uploads to judge now, the first one due at `due_since`. `waiting`: failed uploads to retry
    later. `alerts_since`: creation of the oldest alert still to send.
    """

    feeds: tuple[Feed, ...]
    due: int
    due_since: datetime | None
    waiting: int
    uploads: Mapping[str, int]
    findings: Mapping[str, int]
    alerts: Mapping[str, int]
    alerts_since: datetime | None


def tally(connection: Connection, now: datetime, since: datetime | None) -> Tally:
    """Count; settled uploads and findings only `since` a time, if given."""
    failed = uploads.c.state == "failed"
    due = or_(uploads.c.state == "pending", and_(failed, uploads.c.retry_at <= now))
    waiting = and_(failed, uploads.c.retry_at > now)
    feeds = connection.execute(select(cursors).where(~cursors.c.feed.startswith(MARK)).order_by(cursors.c.feed)).all()
    since_when = case((failed, uploads.c.retry_at), else_=uploads.c.first_seen)
    number, first = connection.execute(select(func.count(), func.min(since_when)).where(due)).one()
    if since is None:
        states, findings = counted(connection, "uploads"), counted(connection, "findings")
    else:
        states, findings = _settled_since(connection, since)
    return Tally(
        feeds=tuple(Feed(row.feed, row.read_to, row.moved_at) for row in feeds),
        due=number,
        due_since=first,
        waiting=connection.scalar(select(func.count()).where(waiting)) or 0,
        uploads=dict.fromkeys(get_args(UploadState), 0) | states,
        findings=findings,
        alerts=dict.fromkeys(get_args(AlertState), 0) | counted(connection, "alerts"),
        alerts_since=connection.scalar(select(func.min(outbox.c.created_at)).where(STILL_OPEN)),
    )


def counted(connection: Connection, name: str) -> dict[str, int]:
    """Return the counters of `alerts` or `uploads` by state, or of `findings` by kind; zeros are left out."""
    query = select(counts.c.label, counts.c.number).where(counts.c.name == name, counts.c.number > 0)
    return _as_counts(connection, query)


def _settled_since(connection: Connection, since: datetime) -> tuple[dict[str, int], dict[str, int]]:
    """Return the uploads settled since then, and all pending ones, by state; and the findings since then by kind."""
    settled = and_(uploads.c.state.in_(get_args(SettledState)), uploads.c.settled_at >= since)
    states = select(uploads.c.state, func.count()).group_by(uploads.c.state)
    kinds = select(uploads.c.finding, func.count()).where(settled, uploads.c.state == "found")
    found = _as_counts(connection, states.where(or_(settled, uploads.c.state == "pending")))
    return found, _as_counts(connection, kinds.group_by(uploads.c.finding))


def _as_counts(connection: Connection, query: Select[str, int]) -> dict[str, int]:
    return {str(name): int(number) for name, number in connection.execute(query)}


def outcomes(connection: Connection) -> list[Outcomes]:
    """Count settled uploads by state and reason; for judged ones the finding is the reason."""
    judged = uploads.c.state == "found"
    kind = func.coalesce(uploads.c.finding, "")
    reason = case((and_(judged, kind != "inconclusive"), ""), else_=uploads.c.reason)
    read = exists().where(evidence.c.upload_id == uploads.c.id, evidence.c.kind == "files")
    form = case((judged, func.coalesce(uploads.c.report["suspect"]["format"].as_string(), "")), else_="")
    labels = kind.label("kind"), reason.label("reason"), read.label("read"), form.label("format")
    parts = select(uploads.c.state, *labels)
    each = parts.where(uploads.c.state != "pending").subquery()
    query = select(each, func.count()).group_by(*each.c)
    return [Outcomes(*row) for row in connection.execute(query)]
