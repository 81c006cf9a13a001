"""Cases: what was found, what reviewers decided, what people said about it, and the messages all that brings about.

Each method is one transaction: a decision and the messages that follow from it are stored together or not at all, so
the process may be killed between any two of them. Nothing done twice has an effect twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, desc, func, or_, select, update

from state.case_outbox import ROOM, answer_row, head_prefix, note_row, review_row
from state.case_records import Case, CaseState, Head, NewNote, Note, NoteState
from state.database import reading, transaction
from state.errors import StateError
from state.records import OutboxMessage
from state.rows import cap, insert_new, message_row, plain_json
from state.tables import cases, notes, outbox, uploads

_DECIDES: Mapping[str, CaseState] = {"publish": "published", "reject": "rejected", "retract": "retracted"}
_FROM: Mapping[str, tuple[CaseState, ...]] = {
    "publish": ("review",),
    "reject": ("review",),
    "retract": ("published",),
}


class Cases:
    """The cases in one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # -- reading -----------------------------------------------------------------------------------------------

    def get(self, case_id: str) -> Case | None:
        """The case of this id, or the only one whose id begins like this; None if there is none."""
        query = select(cases).where(cases.c.case_id.startswith(case_id, autoescape=True)).limit(2)
        found = self._cases(query)
        exact = [case for case in found if case.case_id == case_id]
        return exact[0] if exact else found[0] if len(found) == 1 and case_id else None

    def of_repo(self, repo_id: str) -> list[Case]:
        """The cases of a repository, the newest first."""
        query = select(cases).where(cases.c.repo_key == repo_id.lower())
        return self._cases(query.order_by(desc(cases.c.opened_at), cases.c.case_id))

    def search(self, text: str, limit: int, states: Sequence[CaseState] = ("published",)) -> list[Case]:
        """The newest cases whose id begins with `text` or whose repository's name has it."""
        like = or_(
            cases.c.case_id.startswith(text.lower(), autoescape=True),
            cases.c.repo_key.contains(text.lower(), autoescape=True),
        )
        query = select(cases).where(like, cases.c.state.in_(states))
        return self._cases(query.order_by(desc(cases.c.opened_at), cases.c.case_id).limit(limit))

    def repos(self, text: str, limit: int) -> list[str]:
        """Names of repositories that were seen and have `text` in them, the newest first."""
        newest = func.max(uploads.c.id)
        query = select(func.max(uploads.c.repo_id)).where(uploads.c.repo_key.contains(text.lower(), autoescape=True))
        query = query.group_by(uploads.c.repo_key).order_by(desc(newest)).limit(limit)
        with reading(self._engine) as connection:
            return list(connection.scalars(query))

    def published_since(self, since: datetime) -> list[Case]:
        """What was published since then, the oldest first."""
        query = select(cases).where(cases.c.state == "published", cases.c.opened_at >= since)
        return self._cases(query.order_by(cases.c.opened_at, cases.c.case_id))

    def waiting(self) -> int:
        """How many cases wait for reviewers."""
        with reading(self._engine) as connection:
            return connection.scalar(select(func.count()).select_from(cases).where(cases.c.state == "review")) or 0

    def notes(self, case_id: str, scope: str = "") -> list[Note]:
        """What was said about a case everywhere and in one server, the oldest first."""
        query = select(notes).where(notes.c.case_id == case_id, notes.c.scope.in_({"", scope}))
        with reading(self._engine) as connection:
            return [_note(row) for row in connection.execute(query.order_by(notes.c.id))]

    def note(self, note_id: int) -> Note | None:
        """One note."""
        with reading(self._engine) as connection:
            row = connection.execute(select(notes).where(notes.c.id == note_id)).one_or_none()
        return None if row is None else _note(row)

    def heads(self, case_id: str) -> list[Head]:
        """The messages that tell a case, in every channel."""
        with reading(self._engine) as connection:
            return _heads(connection, case_id, "")

    # -- writing -----------------------------------------------------------------------------------------------

    def open(
        self,
        report: Mapping[str, Any],
        state: CaseState,
        rows: Sequence[OutboxMessage],
        now: datetime,
        remind_at: datetime | None = None,
    ) -> bool:
        """Open a case with the messages that tell it. False if it was open: then only missing messages are added,
        and only if it still is in `state`."""
        case_id, repo_id = str(report["case"]), str(report["suspect"]["repo_id"])
        row = {
            "case_id": case_id,
            "repo_key": repo_id.lower(),
            "report": plain_json(report, f"case {case_id}"),
            "state": state,
            "reason": "",
            "opened_at": now,
            "remind_at": remind_at,
            "reminders": 0,
        }
        with transaction(self._engine) as connection:
            new = insert_new(connection, cases, [row])
            if new or connection.scalar(select(cases.c.state).where(cases.c.case_id == case_id)) == state:
                _post(connection, rows, now)
        return bool(new)

    def decide(self, note: NewNote, needed: int, rows: Sequence[OutboxMessage], now: datetime) -> tuple[Case, int]:
        """Write down a reviewer's decision. Return the case, and how many reviewers have decided like that.

        Once `needed` have, the case changes its state, and `rows` are posted; a retraction is told under every
        message about the case. StateError if there is no such case, or it is decided already.
        """
        with transaction(self._engine) as connection:
            case = _locked(connection, note.case_id)
            if case.state not in _FROM[note.kind]:
                raise StateError(f"case {note.case_id} is {case.state} already")
            stored = _add_note(connection, note, "done", now)
            votes = _votes(connection, note)
            if votes >= needed:
                changed = {"state": _DECIDES[note.kind], "reason": cap(note.text), "decided_at": now, "remind_at": None}
                connection.execute(update(cases).where(cases.c.case_id == note.case_id).values(**changed))
                _post(connection, rows, now)
                if note.kind == "retract" and stored is not None:
                    _tell(connection, stored, now)
            return _case_at(connection, note.case_id), votes

    def add(self, note: NewNote, now: datetime) -> bool:
        """Write down what a moderator says, and tell it under the case's messages in that server. False if known."""
        with transaction(self._engine) as connection:
            _locked(connection, note.case_id)
            stored = _add_note(connection, note, "done", now)
            if stored is not None:
                _tell(connection, stored, now)
        return stored is not None

    def answer(self, note: NewNote, reviewers: str, now: datetime) -> bool:
        """Keep an author's answer until a reviewer accepts it. False if this person has answered before."""
        with transaction(self._engine) as connection:
            _locked(connection, note.case_id)
            stored = _add_note(connection, note, "open", now)
            if stored is not None:
                _post(connection, [answer_row(stored, reviewers)], now)
        return stored is not None

    def settle_answer(self, note_id: int, state: NoteState, by_user: str, now: datetime) -> Note:
        """Accept or refuse an answer; an accepted one is told under every message about the case."""
        with transaction(self._engine) as connection:
            change = update(notes).where(notes.c.id == note_id, notes.c.kind == "answer", notes.c.state == "open")
            done = connection.execute(change.values(state=state, decided_by=by_user))
            row = connection.execute(select(notes).where(notes.c.id == note_id)).one_or_none()
            if row is None or done.rowcount == 0:
                raise StateError(f"answer {note_id} is settled already" if row is not None else "no such answer")
            if state == "accepted":
                _tell(connection, _note(row), now)
            return _note(row)

    def remind(self, now: datetime, destination: str, next_at: datetime) -> int:
        """Show the reviewers again what they left for too long; how many cases that were."""
        overdue = and_(cases.c.state == "review", cases.c.remind_at <= now)
        with transaction(self._engine) as connection:
            rows = connection.execute(select(cases.c.case_id, cases.c.reminders).where(overdue)).all()
            again = [review_row(row.case_id, destination, row.reminders + 1) for row in rows]
            _post(connection, again, now)
            change = update(cases).where(cases.c.case_id.in_([row.case_id for row in rows]))
            connection.execute(change.values(reminders=cases.c.reminders + 1, remind_at=next_at))
            return len(rows)

    def _cases(self, query: Any) -> list[Case]:
        with reading(self._engine) as connection:
            return [_case(row) for row in connection.execute(query)]


def _case(row: Row[Any]) -> Case:
    return Case(**{name: row._mapping[name] for name in Case.__slots__})


def _note(row: Row[Any]) -> Note:
    return Note(**{name: row._mapping[name] for name in Note.__slots__})


def _case_at(connection: Connection, case_id: str) -> Case:
    return _case(connection.execute(select(cases).where(cases.c.case_id == case_id)).one())


def _locked(connection: Connection, case_id: str) -> Case:
    row = connection.execute(select(cases).where(cases.c.case_id == case_id).with_for_update()).one_or_none()
    if row is None:
        raise StateError(f"there is no case {case_id}")
    return _case(row)


def _votes(connection: Connection, note: NewNote) -> int:
    same = and_(notes.c.case_id == note.case_id, notes.c.kind == note.kind)
    return connection.scalar(select(func.count(notes.c.by_user.distinct())).where(same)) or 0


def _add_note(connection: Connection, note: NewNote, state: NoteState, now: datetime) -> Note | None:
    """Store a note; None if this person said the same kind of thing of this case before."""
    row = {
        "case_id": note.case_id,
        "kind": note.kind,
        "scope": note.scope,
        "by_user": note.by_user,
        "text": cap(note.text),
        "state": state,
        "created_at": now,
    }
    if not insert_new(connection, notes, [row]):
        return None
    own = [notes.c[name] == row[name] for name in ("case_id", "kind", "scope", "by_user")]
    return _note(connection.execute(select(notes).where(*own)).one())


def _heads(connection: Connection, case_id: str, guild_id: str) -> list[Head]:
    start = head_prefix(case_id) + (f"room:{guild_id}:" if guild_id else "")
    query = select(outbox.c.destination, outbox.c.message_id, outbox.c.state)
    between = and_(outbox.c.dedupe_key >= start, outbox.c.dedupe_key < start[:-1] + chr(ord(start[-1]) + 1))
    return [Head(*row) for row in connection.execute(query.where(between).order_by(outbox.c.id))]


def _tell(connection: Connection, note: Note, now: datetime) -> None:
    """Tell a note wherever it holds."""
    heads = [head for head in _heads(connection, note.case_id, note.scope) if head.state != "dead"]
    rooms = [head for head in heads if head.destination.startswith(f"{ROOM}:")]  # a webhook's message stays as it is
    _post(connection, [note_row(note, head) for head in rooms], now)


def _post(connection: Connection, rows: Sequence[OutboxMessage], now: datetime) -> None:
    insert_new(connection, outbox, [message_row(row, row.upload_id, now) for row in rows])
