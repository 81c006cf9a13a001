"""Cases that alerts opened, and the evidence of all uploads. Each method is one transaction, as in Store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine, and_, case, desc, exists, func, or_, select, update

from state.case_records import CaseMessage
from state.cases.opening import add_note, files_of, find, keep_files, next_follow_up, notes_of
from state.database.engine import reading, transaction
from state.database.rows import begins
from state.database.tables import case_notes, cases, evidence, outbox, remarks, uploads
from state.errors import StateError
from state.outbox.digests import SENT_IN_DIGEST
from state.records import AskAttempts, CaseFile, Judged, KeptFile, Note, OutboxMessage


class Cases:
    """Open and retracted cases, their evidence and their notes. The only error is StateError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def keep(self, upload_id: int, files: Sequence[KeptFile]) -> None:
        """Record evidence of an upload; repeating it changes nothing."""
        with transaction(self._engine) as connection:
            keep_files(connection, upload_id, files)

    def files(self, upload_id: int) -> list[KeptFile]:
        """Return the evidence of an upload, the oldest first."""
        with reading(self._engine) as connection:
            return files_of(connection, upload_id)

    def get(self, case_id: str) -> CaseFile | None:
        """Return a case by its id, or by an unambiguous prefix of six digits or more; None if no case matches."""
        key = case_id.lower()
        if len(key) < 6 or not set(key) <= set("0123456789abcdef"):
            raise StateError(f"{case_id!r} is not a case: give six or more of an id's 12 hex digits")
        with reading(self._engine) as connection:
            found = find(connection, select(cases).where(begins(cases.c.case_id, key)))
        if len(found) > 1:
            raise StateError(f"{case_id!r} begins {len(found)} cases: {', '.join(c.case_id for c in found)}")
        return found[0] if found else None

    def with_id(self, case_id: str) -> CaseFile | None:
        """Return the case with exactly this id, else None."""
        with reading(self._engine) as connection:
            return next(iter(find(connection, select(cases).where(cases.c.case_id == case_id))), None)

    def all(self, limit: int = 100) -> list[CaseFile]:
        """Return the newest cases, the newest first."""
        with reading(self._engine) as connection:
            return find(connection, select(cases).order_by(desc(cases.c.opened_at), cases.c.case_id).limit(limit))

    def other_open_cases(self, upload_id: int) -> list[CaseFile]:
        """Return open cases about other states of this upload's repository, the oldest first."""
        mine = select(uploads.c.identity).where(uploads.c.id == upload_id).scalar_subquery()
        others = select(uploads.c.id).where(uploads.c.identity == mine, uploads.c.id != upload_id)
        query = select(cases).where(cases.c.upload_id.in_(others)).order_by(cases.c.opened_at, cases.c.case_id)
        with reading(self._engine) as connection:  # few in any state: asked for by state, all open cases are searched
            return [case for case in find(connection, query) if case.state == "open"]

    def due_for_follow_up(self, now: datetime, limit: int) -> list[CaseFile]:
        """Return open cases due for a follow-up, longest wait first."""
        due = select(cases).where(cases.c.due_at <= now)  # none of a retracted case
        with reading(self._engine) as connection:
            return find(connection, due.order_by(cases.c.due_at, cases.c.case_id).limit(limit))

    def judged(self) -> list[Judged]:
        """Return every alert that opened a case, the oldest first; right: confirmed by a person and not retracted."""
        of_it = remarks.c.case_id == cases.c.case_id
        published = exists().where(of_it, remarks.c.kind == "publish")
        confirmed = exists().where(case_notes.c.case_id == cases.c.case_id, case_notes.c.kind == "confirmed")
        rejected = exists().where(of_it, remarks.c.kind == "reject")
        wrong = or_(cases.c.state == "retracted", rejected)
        judged = case((wrong, "wrong"), (or_(published, confirmed), "right"), else_="undecided")
        alerts = cases.c.report["alert"].as_boolean().is_(True)
        query = select(cases.c.upload_id, cases.c.report, judged).where(alerts)
        with reading(self._engine) as connection:
            return [Judged(*row) for row in connection.execute(query.order_by(cases.c.opened_at, cases.c.case_id))]

    def ask_attempts(self, kind: str, since: datetime) -> list[AskAttempts]:
        """Count the evidence of `kind` kept for each open case opened after `since`, the oldest case first."""
        kept = (evidence.c.upload_id == cases.c.upload_id, evidence.c.kind == kind)
        count, last = (
            select(value).where(*kept).scalar_subquery() for value in (func.count(), func.max(evidence.c.kept_at))
        )
        young = (cases.c.state != "retracted", cases.c.opened_at > since)
        query = select(cases.c.case_id, cases.c.upload_id, count, last).where(*young)
        query = query.order_by(cases.c.opened_at, cases.c.case_id)
        with reading(self._engine) as connection:
            return [AskAttempts(*row) for row in connection.execute(query)]

    def with_other_method(self, method: str, limit: int) -> list[CaseFile]:
        """Return open cases whose verdict another method drew last."""
        other = or_(cases.c.method < method, cases.c.method > method)  # two ranges of an index, unlike !=
        old = and_(cases.c.state == "open", other)
        with reading(self._engine) as connection:
            return find(connection, select(cases).where(old).order_by(cases.c.opened_at).limit(limit))

    def mark_followed_up(self, case: CaseFile, now: datetime) -> None:
        """Record that a case was followed up; the next time comes by its age."""
        values: dict[str, object] = {"asked_at": now, "due_at": next_follow_up(case.opened_at, now)}
        self._change(case.case_id, values)

    def mark_replayed(self, case_id: str, method: str) -> None:
        """Record that a method drew a case's verdict again."""
        self._change(case_id, {"method": method})

    def notes(self, case_id: str) -> list[Note]:
        """Return notes, the oldest first."""
        with reading(self._engine) as connection:
            return notes_of(connection, case_id)

    def note(
        self,
        note: Note,
        messages: Sequence[OutboxMessage],
        *,
        retract: bool = False,
        files: Sequence[KeptFile] = (),
    ) -> bool:
        """Record a note and its `files`, and queue `messages`, together.

        Returns False if the note was recorded before; the files are kept in any case.
        """
        with transaction(self._engine) as connection:
            if files:
                upload_id = select(cases.c.upload_id).where(cases.c.case_id == note.case_id)
                keep_files(connection, connection.scalars(upload_id).one(), files)
            return add_note(connection, note, messages, **({"state": "retracted", "due_at": None} if retract else {}))

    def case_messages(self, case: CaseFile) -> list[tuple[str, str | None]]:
        """Return the destinations of a case's alert, each with the message's id once sent."""
        mine = and_(outbox.c.upload_id == case.upload_id, outbox.c.dedupe_key.endswith(f":{case.case_id}"))
        query = select(outbox.c.destination, outbox.c.message_id).where(mine).order_by(outbox.c.id)
        with reading(self._engine) as connection:
            return [(row.destination, row.message_id) for row in connection.execute(query)]

    def case_message(self, case: CaseFile, destination: str) -> CaseMessage | None:
        """Return the alert message of a case at one destination; None if none was ever queued for it."""
        mine = and_(outbox.c.upload_id == case.upload_id, outbox.c.dedupe_key.endswith(f":{case.case_id}"))
        query = select(outbox.c.destination, outbox.c.message_id, outbox.c.state, outbox.c.attempts)
        here = query.where(mine, outbox.c.destination == destination)
        with reading(self._engine) as connection:
            row = connection.execute(here.order_by(outbox.c.message_id.is_(None), outbox.c.id).limit(1)).one_or_none()
        return None if row is None else CaseMessage(*row)

    def in_same_digest(self, destination: str, message_id: str) -> list[CaseFile]:
        """Return the cases of a digest in its order; empty if the message is not a digest or holds one case."""
        mine = and_(outbox.c.upload_id == cases.c.upload_id, outbox.c.dedupe_key.endswith(":" + cases.c.case_id))
        here = and_(outbox.c.destination == destination, outbox.c.message_id == message_id)
        together = and_(mine, here, outbox.c.last_error == SENT_IN_DIGEST)
        with reading(self._engine) as connection:
            found = find(connection, select(cases).join(outbox, together).order_by(outbox.c.id))
        return found if len(found) > 1 else []

    def _change(self, case_id: str, values: dict[str, object]) -> None:
        with transaction(self._engine) as connection:
            connection.execute(update(cases).where(cases.c.case_id == case_id).values(**values))
