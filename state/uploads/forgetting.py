"""Forget uploads that were skipped, such as small ones: nineteen of twenty rows, and nothing relies on them later.

A listing shows a repository again for hours; after that it counts as new only if its files change.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, exists, select

from state.database.tables import cases, events, evidence, outbox, uploads


def forget_skipped(connection: Connection, before: datetime, limit: int) -> int:
    """Delete at most `limit` uploads skipped before a time, the oldest first, and events of their repositories.

    Kept: uploads with a report, a message, evidence or a case, and events of a repository with any other upload.
    """
    needed = [exists().where(table.c.upload_id == uploads.c.id) for table in (outbox, evidence, cases)]
    old = (uploads.c.state == "skipped", uploads.c.settled_at < before, uploads.c.report.is_(None))
    query = select(uploads.c.id, uploads.c.identity).where(*old, *(~one for one in needed))
    rows = connection.execute(query.order_by(uploads.c.settled_at).limit(limit)).all()
    connection.execute(delete(uploads).where(uploads.c.id.in_([row.id for row in rows])))
    seen = exists().where(uploads.c.identity == events.c.identity)
    connection.execute(delete(events).where(events.c.identity.in_({row.identity for row in rows}), ~seen))
    return len(rows)
