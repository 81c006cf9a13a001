"""The cases that alerts opened and the evidence of all uploads. Each method is one transaction, as in Store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine, and_, case, desc, exists, func, or_, select, update

from state.case_records import CaseMessage
from state.cases.opening import add_note, files_of, find, keep_files, notes_of
from state.database.engine import reading, transaction
from state.database.tables import case_notes, cases, evidence, outbox, remarks, uploads
from state.errors import StateError
from state.outbox.digests import SENT_IN_DIGEST
from state.records import AskAttempts, CaseFile, Judged, KeptFile, Note, OutboxMessage


class Cases:
    """What was told, what it rests on, and what has happened since. The only error is StateError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def keep(self, upload_id: int, files: Sequence[KeptFile]) -> None:
        """Write down what evidence of an upload is kept; the same twice is once."""
        with transaction(self._engine) as connection:
            keep_files(connection, upload_id, files)

    def files(self, upload_id: int) -> list[KeptFile]:
        """The evidence of an upload, the oldest first."""
        with reading(self._engine) as connection:
            return files_of(connection, upload_id)

    def get(self, case_id: str) -> CaseFile | None:
        """One case, by its id or an unambiguous beginning of it of six digits or more; None if there is none."""
        key = case_id.lower()
        if len(key) < 6 or not set(key) <= set("0123456789abcdef"):
            raise StateError(f"{case_id!r} is no case: an id is 12 hex digits, of which six or more are enough")
        with reading(self._engine) as connection:
            found = find(connection, select(cases).where(cases.c.case_id.startswith(key)))
        if len(found) > 1:
            raise StateError(
                f"{case_id!r} is the beginning of {len(found)} cases: {', '.join(c.case_id for c in found)}"
            )
        return found[0] if found else None

    def with_id(self, case_id: str) -> CaseFile | None:
        """The case with exactly this id; None if there is none."""
        with reading(self._engine) as connection:
            return next(iter(find(connection, select(cases).where(cases.c.case_id == case_id))), None)

    def all(self, limit: int = 100) -> list[CaseFile]:
        """The newest cases, the newest first."""
        with reading(self._engine) as connection:
            return find(connection, select(cases).order_by(desc(cases.c.opened_at), cases.c.case_id).limit(limit))

    def other_open_cases(self, upload_id: int) -> list[CaseFile]:
        """Open cases about other states of the repository that this upload is a state of, the oldest first."""
        mine = select(uploads.c.identity).where(uploads.c.id == upload_id).scalar_subquery()
        others = and_(uploads.c.identity == mine, uploads.c.id != upload_id, cases.c.state == "open")
        query = select(cases).join(uploads, uploads.c.id == cases.c.upload_id).where(others)
        with reading(self._engine) as connection:
            return find(connection, query.order_by(cases.c.opened_at, cases.c.case_id))

    def due_for_follow_up(self, young: datetime, before: datetime, later: datetime, limit: int) -> list[CaseFile]:
        """Open cases that were last looked after before `later`, or `before` for those opened since `young`.

        The longest ago first.
        """
        waited = or_(cases.c.asked_at < later, and_(cases.c.opened_at >= young, cases.c.asked_at < before))
        due = and_(cases.c.state == "open", waited)
        with reading(self._engine) as connection:
            return find(connection, select(cases).where(due).order_by(cases.c.asked_at).limit(limit))

    def judged(self) -> list[Judged]:
        """Every alert that opened a case, the oldest first; right: somebody confirmed it, and it was not taken back."""
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
        """How often evidence of `kind` was kept for each open case that was opened since then, the oldest first."""
        kept = and_(evidence.c.upload_id == cases.c.upload_id, evidence.c.kind == kind)
        query = (
            select(cases.c.case_id, cases.c.upload_id, func.count(evidence.c.id), func.max(evidence.c.kept_at))
            .select_from(cases.outerjoin(evidence, kept))
            .where(cases.c.state == "open", cases.c.opened_at > since)
            .group_by(cases.c.case_id)
            .order_by(cases.c.opened_at, cases.c.case_id)
        )
        with reading(self._engine) as connection:
            return [AskAttempts(*row) for row in connection.execute(query)]

    def with_other_method(self, method: str, limit: int) -> list[CaseFile]:
        """Open cases whose verdict was last drawn by another method."""
        old = and_(cases.c.state == "open", cases.c.method != method)
        with reading(self._engine) as connection:
            return find(connection, select(cases).where(old).order_by(cases.c.opened_at).limit(limit))

    def mark_followed_up(self, case_id: str, now: datetime, method: str | None = None) -> None:
        """Write down that a case was looked after, or replayed by a method."""
        values = {"asked_at": now} if method is None else {"method": method}
        with transaction(self._engine) as connection:
            connection.execute(update(cases).where(cases.c.case_id == case_id).values(**values))

    def notes(self, case_id: str) -> list[Note]:
        """What happened since, in order."""
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
        """Write down what happened to a case, keep `files` as its evidence, and tell of it, together.

        Returns whether the note was news; the files are kept in any case.
        """
        with transaction(self._engine) as connection:
            if files:
                upload_id = select(cases.c.upload_id).where(cases.c.case_id == note.case_id)
                keep_files(connection, connection.scalars(upload_id).one(), files)
            return add_note(connection, note, messages, **({"state": "retracted"} if retract else {}))

    def case_messages(self, case: CaseFile) -> list[tuple[str, str | None]]:
        """Where a case was told: destination, and the message's id once it was sent."""
        mine = and_(outbox.c.upload_id == case.upload_id, outbox.c.dedupe_key.endswith(f":{case.case_id}"))
        query = select(outbox.c.destination, outbox.c.message_id).where(mine).order_by(outbox.c.id)
        with reading(self._engine) as connection:
            return [(row.destination, row.message_id) for row in connection.execute(query)]

    def case_message(self, case: CaseFile, destination: str) -> CaseMessage | None:
        """The message that told a case in one place, or is to tell it; None: it was never to be told there."""
        mine = and_(outbox.c.upload_id == case.upload_id, outbox.c.dedupe_key.endswith(f":{case.case_id}"))
        query = select(outbox.c.destination, outbox.c.message_id, outbox.c.state, outbox.c.attempts)
        here = query.where(mine, outbox.c.destination == destination)
        with reading(self._engine) as connection:
            row = connection.execute(here.order_by(outbox.c.message_id.is_(None), outbox.c.id).limit(1)).one_or_none()
        return None if row is None else CaseMessage(*row)

    def in_same_digest(self, destination: str, message_id: str) -> list[CaseFile]:
        """The cases of a digest, in its order; none if the message is no digest or tells one case alone."""
        mine = and_(outbox.c.upload_id == cases.c.upload_id, outbox.c.dedupe_key.endswith(":" + cases.c.case_id))
        here = and_(outbox.c.destination == destination, outbox.c.message_id == message_id)
        together = and_(mine, here, outbox.c.last_error == SENT_IN_DIGEST)
        with reading(self._engine) as connection:
            found = find(connection, select(cases).join(outbox, together).order_by(outbox.c.id))
        return found if len(found) > 1 else []
