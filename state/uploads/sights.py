"""Times at which the watch itself saw a repository, beside the times that authors' clocks give."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select

from state.database.tables import MARK, cursors, uploads

NO_WEIGHTS: Final = "no weights yet"  # begin of the reason of an upload that was read and had none


@dataclass(frozen=True, slots=True)
class Sighting:
    """Times in UTC; None where nothing was seen."""

    began_at: datetime | None = None  # start of the watch on the Hub
    empty_at: datetime | None = None  # last reading of the repository without weights
    listed_at: datetime | None = None  # first listing of this revision


def sighting(connection: Connection, repo_id: str, hub_id: str | None, revision: str) -> Sighting:
    """Return when a repository and this revision were seen."""
    began = select(func.min(cursors.c.began_at)).where(~cursors.c.feed.startswith(MARK))
    same = uploads.c.identity.in_({repo_id.lower(), hub_id or repo_id.lower()})
    columns = (uploads.c.state, uploads.c.reason, uploads.c.settled_at, uploads.c.listed_revision, uploads.c.first_seen)
    rows = connection.execute(select(*columns).where(same)).all()  # few: one for each revision that was listed
    empty = (r.settled_at for r in rows if r.state == "failed" and r.reason.startswith(NO_WEIGHTS) and r.settled_at)
    listed = (r.first_seen for r in rows if r.listed_revision == revision)
    return Sighting(connection.scalar(began), max(empty, default=None), min(listed, default=None))
