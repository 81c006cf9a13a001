"""Forget small repositories and those without safetensors: most rows, and nothing relies on them after some days.

A listing shows a new repository again for hours. Later it shows one only after a change, and then it is judged anew.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, exists, func, or_, select

from state.database.tables import MARK, cases, cursors, events, evidence, outbox, uploads
from state.uploads.listings import advance

NO_SAFETENSORS: Final = "no safetensors weights"  # begin of the reason of an upload with other weights alone
FORGOTTEN: Final = f"{MARK}forgotten"  # its cursor: uploads skipped up to then were looked at


def forget_small(connection: Connection, least: int, before: datetime, now: datetime, limit: int) -> int:
    """Delete uploads skipped before a time that had fewer than `least` parameters or no safetensors.

    Looks at `limit` skipped uploads, the longest skipped first, and continues there next time. Events of a repository
    go with its last upload. Kept: the first upload of all, which dates the watch, and each one with a message, evidence
    or a case. Returns the number of deleted uploads.
    """
    done = connection.scalar(select(cursors.c.read_to).where(cursors.c.feed == FORGOTTEN))
    old = [uploads.c.state == "skipped", uploads.c.settled_at < before]
    old += [uploads.c.settled_at >= done] if done else []
    some = select(uploads.c.id, uploads.c.settled_at).where(*old).order_by(uploads.c.settled_at).limit(limit)
    seen = connection.execute(some).all()
    if not seen:
        return 0
    first = select(func.min(uploads.c.id)).scalar_subquery()
    needed = [exists().where(table.c.upload_id == uploads.c.id) for table in (outbox, evidence, cases)]
    useless = or_(uploads.c.parameters < least, uploads.c.reason.startswith(NO_SAFETENSORS))
    mine = (uploads.c.id.in_([row.id for row in seen]), uploads.c.id != first, useless, *(~one for one in needed))
    gone = connection.execute(delete(uploads).where(*mine).returning(uploads.c.identity)).scalars().all()
    left = exists().where(uploads.c.identity == events.c.identity)
    connection.execute(delete(events).where(events.c.identity.in_(set(gone)), ~left))
    advance(connection, FORGOTTEN, seen[-1].settled_at, now, None)
    return len(gone)
