"""Times at which the watch itself saw a repository, beside the times that authors' clocks give."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, and_, func, select

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
    empty = and_(same, uploads.c.state == "failed", uploads.c.reason.startswith(NO_WEIGHTS))
    listed = and_(same, uploads.c.listed_revision == revision)
    return Sighting(
        connection.scalar(began),
        connection.scalar(select(func.max(uploads.c.settled_at)).where(empty)),
        connection.scalar(select(func.min(uploads.c.first_seen)).where(listed)),
    )
