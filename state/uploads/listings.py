"""Storage of a feed's entries: uploads to judge, events of their repositories, and the feed's cursor.

Every function works inside a transaction of the caller's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, select, update

from analyzers.records import HubEvent
from state.database.rows import cap, insert_new, upload_row
from state.database.tables import MARK, cursors, events, uploads
from state.records import FeedState, RepoEvent
from state.uploads.events import Known, detect_events, identity_of

AT_ONCE = 500  # identities in one query
READY = ("weights", "returned", "opened")  # events that may end a failed upload's wait
ENDED_BY = {"deleted": "returned", "gated": "opened"}  # a lasting event does not begin again before it has ended


def record_listed(
    connection: Connection, listed: Sequence[HubEvent], now: datetime, seen_to: datetime | None, *, silent: bool
) -> int:
    """Record entries of a feed. Returns the number of new uploads.

    `seen_to`: all older public entries were seen. `silent`: remember these, never alert.
    """
    began = connection.scalar(select(func.min(cursors.c.began_at)))
    known = _known(connection, [identity_of(e) for e in listed])
    shown = [
        RepoEvent(identity_of(e), e.repo_id, kind, detail, now)
        for e in listed
        for kind, detail in detect_events(e, known.get(identity_of(e)), began, seen_to)
    ]
    record_events(connection, shown)
    ready = {h.identity for h in shown if h.kind in READY}
    for event in listed:
        if identity_of(event) in ready:
            _requeue(connection, event, now)
    rows = [upload_row(e, now) | {"silent": silent} for e in listed]
    return insert_new(connection, uploads, rows)


def record_events(connection: Connection, shown: Iterable[RepoEvent]) -> int:
    """Record events. Returns the number of new ones. A deletion is not repeated before the return."""
    shown = list(shown)
    lasting = {kind: _lasting(connection, kind, [h.identity for h in shown if h.kind == kind]) for kind in ENDED_BY}
    rows: list[dict[str, object]] = [
        {
            "identity": h.identity,
            "repo_id": h.repo_id,
            "repo_key": h.repo_id.lower(),
            "kind": h.kind,
            "detail": cap(h.detail),
            "seen_at": h.seen_at,
            "unique_key": _key(h),
        }
        for h in shown
        if h.identity not in lasting.get(h.kind, ())
    ]
    return insert_new(connection, events, rows)


def advance(connection: Connection, feed: str, read_to: datetime, now: datetime, began_at: datetime | None) -> None:
    """Move a feed's cursor, which never goes back; `began_at` is kept from the first time."""
    insert_new(
        connection,
        cursors,
        [{"feed": feed, "read_to": read_to, "moved_at": now, "began_at": began_at}],
    )
    mine = cursors.c.feed == feed
    connection.execute(
        update(cursors).where(mine).values(moved_at=now, began_at=func.coalesce(cursors.c.began_at, began_at))
    )
    connection.execute(update(cursors).where(and_(mine, cursors.c.read_to < read_to)).values(read_to=read_to))


def feed_states(connection: Connection) -> list[FeedState]:
    """Return how far each feed was read, and up to where everything listed was judged once."""
    waiting = connection.scalar(select(func.min(uploads.c.created_at)).where(uploads.c.state == "pending"))
    rows = connection.execute(select(cursors).where(~cursors.c.feed.startswith(MARK)).order_by(cursors.c.feed)).all()
    return [
        FeedState(r.feed, r.read_to, min(r.read_to, waiting) if waiting else r.read_to, r.began_at, r.moved_at)
        for r in rows
    ]


def _key(shown: RepoEvent) -> str:
    """Return the unique key of an event: deletions may repeat, and listings repeat oftener."""
    again = shown.kind in (*ENDED_BY, *ENDED_BY.values(), "gap", "refilled", "left")
    return f"{shown.identity}:{shown.kind}:{shown.seen_at.isoformat() if again else shown.detail}"


def _known(connection: Connection, identities: Sequence[str]) -> dict[str, Known]:
    found: dict[str, Known] = {}
    for begin in range(0, len(identities), AT_ONCE):
        some = identities[begin : begin + AT_ONCE]
        gone, closed = (_lasting(connection, kind, some) for kind in ENDED_BY)
        query = select(uploads).where(uploads.c.identity.in_(some)).order_by(uploads.c.id)
        for row in connection.execute(query):
            found[row.identity] = _as_known(row, row.identity in gone, row.identity in closed)
        renamed = select(events).where(events.c.identity.in_(some), events.c.kind == "renamed").order_by(events.c.id)
        for row in connection.execute(renamed):
            if row.identity in found:
                found[row.identity] = replace(found[row.identity], repo_id=row.repo_id)
    return found


def _as_known(row: Any, gone: bool, closed: bool) -> Known:
    return Known(row.repo_id, row.listed_revision or None, row.parameters, gone, closed)


def _lasting(connection: Connection, kind: str, identities: Sequence[str]) -> set[str]:
    """Return identities for which this event has not ended yet."""
    kinds = (kind, ENDED_BY[kind])
    query = select(events).where(events.c.identity.in_(identities), events.c.kind.in_(kinds)).order_by(events.c.id)
    last = {row.identity: row.kind for row in connection.execute(query)}
    return {identity for identity, said in last.items() if said == kind}


def _requeue(connection: Connection, event: HubEvent, now: datetime) -> None:
    """Retry at once, with fresh attempts, an upload that waited for its weights or for access."""
    same = and_(uploads.c.identity == identity_of(event), uploads.c.listed_revision == (event.revision or ""))
    waiting = and_(same, uploads.c.parameters.is_(None), uploads.c.state.in_(("pending", "failed")))
    connection.execute(update(uploads).where(waiting).values(parameters=event.parameters))
    tired = and_(same, uploads.c.state == "failed")
    connection.execute(update(uploads).where(tired).values(retry_at=now, attempts=0))
