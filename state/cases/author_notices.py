"""Cases whose authors are asked before anybody is alerted. Each method is one transaction, as in Publications.

What happens to such a case is in its notes: `notice_asked` by a reviewer, `notice_posted` on the Hub, what ends the
wait, and `notice_closed`, the last comment there. Nothing else is kept of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Engine, exists, func, select, update

from state.case_records import Case, NewRemark
from state.cases.opening import add_note
from state.cases.remarks import add, post, votes
from state.cases.view import IN_REVIEW, SETTLED, SHOWN, STATE, as_case, case_at, locked
from state.database.engine import reading, transaction
from state.database.tables import case_notes, cases, publications
from state.errors import StateError
from state.records import Note, OutboxMessage

POSTED: Final = ("notice_posted", "notice_closed")  # notes that a discussion begins and ends with


class AuthorNotices:
    """The cases of one database that wait for their authors. The only error is StateError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def waiting(self) -> list[Case]:
        """Return the cases that wait, the oldest first."""
        query = SHOWN.where(IN_REVIEW, STATE == "asked").order_by(cases.c.opened_at, cases.c.case_id)
        with reading(self._engine) as connection:
            return [as_case(row) for row in connection.execute(query)]

    def to_close(self) -> list[Case]:
        """Return the cases whose discussion is open, although they were taken back or the card declares every model."""
        noted = [exists().where(case_notes.c.case_id == cases.c.case_id, case_notes.c.kind == kind) for kind in POSTED]
        query = SHOWN.where(noted[0], ~noted[1], SETTLED).order_by(cases.c.opened_at, cases.c.case_id)
        with reading(self._engine) as connection:
            return [as_case(row) for row in connection.execute(query)]

    def posted_since(self, since: datetime) -> int:
        """Return how many notices were posted after a time."""
        posted = (case_notes.c.kind == "notice_posted", case_notes.c.noted_at > since)
        with reading(self._engine) as connection:
            return connection.scalar(select(func.count()).select_from(case_notes).where(*posted)) or 0

    def ask(self, remark: NewRemark, needed: int, note: Note, remind_at: datetime, now: datetime) -> tuple[Case, int]:
        """Record that a reviewer would publish once the author was asked. Return the case, and how many would publish.

        Once `needed` would, `note` says that the case waits. The reviewers see it again at `remind_at` if it still
        does. Raises StateError if there is no such case, or it is not in review.
        """
        with transaction(self._engine) as connection:
            found = locked(connection, remark.case_id)
            if found.state != "review":
                raise StateError(f"case {remark.case_id} is {found.state} already")
            add(connection, remark, "done", now)
            count = votes(connection, remark)
            if count >= needed:
                add_note(connection, note, ())
                mine = publications.c.case_id == remark.case_id
                connection.execute(update(publications).where(mine).values(remind_at=remind_at))
            return case_at(connection, remark.case_id), count

    def publish(self, note: Note, rows: Sequence[OutboxMessage], now: datetime) -> None:
        """Publish a case that has waited, with `note`, which says so; raises StateError if it does not wait."""
        with transaction(self._engine) as connection:
            found = locked(connection, note.case_id)
            if found.state != "asked":
                raise StateError(f"case {note.case_id} is {found.state} already")
            add_note(connection, note, ())
            changed = {"standing": "published", "decided_at": now, "remind_at": None}
            mine = publications.c.case_id == note.case_id
            connection.execute(update(publications).where(mine).values(**changed))
            post(connection, rows, now)
