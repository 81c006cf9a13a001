"""What the watch saw of one state of a repository: its own word, beside what authors' clocks say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, and_, func, select

from state.database.tables import MARK, cursors, uploads

NO_WEIGHTS: Final = "no weights yet"  # how the reason of an upload begins that was read and had none


@dataclass(frozen=True, slots=True)
class Sighting:
    """Times in UTC; None where there was nothing to see."""

    began_at: datetime | None = None  # from when on the Hub is watched
    empty_at: datetime | None = None  # when the repository was last read and had no weights
    listed_at: datetime | None = None  # when this state of it was first listed


def sighting(connection: Connection, repo_id: str, hub_id: str | None, revision: str) -> Sighting:
    """Return what was seen of a repository and of this revision."""
    began = select(func.min(cursors.c.began_at)).where(~cursors.c.feed.startswith(MARK))
    same = uploads.c.identity.in_({repo_id.lower(), hub_id or repo_id.lower()})
    empty = and_(same, uploads.c.state == "failed", uploads.c.reason.startswith(NO_WEIGHTS))
    listed = and_(same, uploads.c.listed_revision == revision)
    return Sighting(
        connection.scalar(began),
        connection.scalar(select(func.max(uploads.c.settled_at)).where(empty)),
        connection.scalar(select(func.min(uploads.c.first_seen)).where(listed)),
    )
