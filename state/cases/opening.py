"""Rows of cases, their evidence and their notes, each with its entry in the log. Inside a caller's transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Select, select, update

from state.database.rows import cap, insert_new, message_row, plain_json
from state.database.tables import case_notes, cases, evidence, outbox
from state.proof.canonical import canonical
from state.proof.log import NewEntry, append
from state.records import CaseFile, KeptFile, Note, OutboxMessage

# Follow-ups of a case: up to which age, and how often. A card is mostly corrected in the first days.
FOLLOW_UPS: Final = (
    (timedelta(days=3), timedelta(hours=1)),
    (timedelta(days=30), timedelta(days=1)),
    (timedelta(days=365), timedelta(days=7)),
)


def next_follow_up(opened_at: datetime, now: datetime) -> datetime | None:
    """Return when a case followed up now is due again; None once it is too old."""
    return next((now + every for until, every in FOLLOW_UPS if now - opened_at < until), None)


def keep_files(connection: Connection, upload_id: int, files: Sequence[KeptFile]) -> None:
    """Record evidence of an upload, and enter what is new in the log."""
    for f in files:
        row: dict[str, object] = {"upload_id": upload_id, **{name: getattr(f, name) for name in KeptFile.__slots__}}
        if insert_new(connection, evidence, [row]):
            append(connection, [NewEntry(f"kept {f.kind}", upload_id, f.digest, f.size, f.kept_at)])


def files_of(connection: Connection, upload_id: int) -> list[KeptFile]:
    """Return the evidence of an upload, the oldest first."""
    query = select(evidence).where(evidence.c.upload_id == upload_id).order_by(evidence.c.id)
    return [KeptFile(**{name: row._mapping[name] for name in KeptFile.__slots__}) for row in connection.execute(query)]


def open_case(
    connection: Connection, upload_id: int, case_id: str, report: dict[str, Any], method: str, now: datetime
) -> None:
    """Open a case; an existing one stays as it is."""
    row: dict[str, object] = {
        "case_id": case_id,
        "upload_id": upload_id,
        "state": "open",
        "method": method,
        "report": plain_json(report, f"the report of case {case_id}"),
        "opened_at": now,
        "asked_at": now,
        "due_at": next_follow_up(now, now),
    }
    if insert_new(connection, cases, [row]):
        _enter(connection, "case opened", upload_id, case_id, canonical(row["report"]), now)


def find(connection: Connection, query: Select[Any]) -> list[CaseFile]:
    """Return the cases of a query."""
    return [CaseFile(**{name: row._mapping[name] for name in CaseFile.__slots__}) for row in connection.execute(query)]


def notes_of(connection: Connection, case_id: str) -> list[Note]:
    """Return notes, the oldest first."""
    query = select(case_notes).where(case_notes.c.case_id == case_id).order_by(case_notes.c.id)
    return [Note(r.case_id, r.kind, r.text, r.unique_key, r.noted_at) for r in connection.execute(query)]


def add_note(connection: Connection, note: Note, messages: Sequence[OutboxMessage], **changes: object) -> bool:
    """Record a note, change its case and queue the messages, together. Returns False if the note is known."""
    row: dict[str, object] = {
        "case_id": note.case_id,
        "kind": note.kind,
        "text": cap(note.text),
        "unique_key": note.key,
        "noted_at": note.noted_at,
    }
    if not insert_new(connection, case_notes, [row]):
        return False
    upload_id = connection.scalars(select(cases.c.upload_id).where(cases.c.case_id == note.case_id)).one()
    _enter(connection, f"note {note.kind}", upload_id, note.case_id, note_content(note), note.noted_at)
    if changes:
        connection.execute(update(cases).where(cases.c.case_id == note.case_id).values(**changes))
    insert_new(connection, outbox, [message_row(m, m.upload_id, note.noted_at) for m in messages])
    return True


def note_content(note: Note) -> bytes:
    """Return the canonical JSON of a note as it is stored, whose digest is in the log."""
    return canonical({"case": note.case_id, "kind": note.kind, "text": cap(note.text), "key": note.key})


def _enter(connection: Connection, kind: str, upload_id: int, case_id: str, content: bytes, now: datetime) -> None:
    digest = hashlib.sha256(content).hexdigest()
    append(connection, [NewEntry(kind, upload_id, digest, len(content), now, case_id)])
