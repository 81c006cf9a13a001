"""Cases with all that decides whether they are public, read in few queries however many there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, and_, exists, or_, select

from state.case_records import Remark, ReviewState
from state.cases.remarks import as_remark
from state.database.engine import reading
from state.database.tables import case_notes, cases, evidence, outbox, publications, remarks, uploads
from state.records import CaseState, KeptFile, Note

CASE: Final = "case:"  # how the key of a case's message in a channel begins: state/cases/messages.py


@dataclass(frozen=True, slots=True)
class CaseOnRecord:
    """One case with its review state, and the places that its alert reached."""

    case_id: str
    state: CaseState
    standing: ReviewState | None  # None: no bot ever asked about it
    report: dict[str, Any]
    opened_at: datetime
    first_seen: datetime  # of its upload
    gated: bool  # this repository was gated at any time that it was listed or read
    reached: frozenset[str]  # destinations at which its alert arrived
    notes: tuple[Note, ...]  # the oldest first
    remarks: tuple[Remark, ...]  # the oldest first
    files: tuple[KeptFile, ...]  # the oldest first


def on_record(engine: Engine) -> list[CaseOnRecord]:
    """Return every case, the newest first. StateError if the database does not answer."""
    columns = (cases.c.case_id, cases.c.upload_id, cases.c.state, cases.c.report, cases.c.opened_at)
    query = (
        select(*columns, publications.c.standing, uploads.c.first_seen, _gated().label("gated"))
        .select_from(cases.join(uploads, uploads.c.id == cases.c.upload_id).outerjoin(publications))
        .order_by(cases.c.opened_at.desc(), cases.c.case_id)
    )
    with reading(engine) as connection:
        rows = connection.execute(query).all()
        reached = _reached(connection, {row.case_id: row.upload_id for row in rows})
        notes, said, files = _notes(connection), _remarks(connection), _files(connection)
    return [
        CaseOnRecord(
            row.case_id,
            row.state,
            row.standing,
            row.report,
            row.opened_at,
            row.first_seen,
            row.gated,
            frozenset(reached[row.case_id]),
            tuple(notes[row.case_id]),
            tuple(said[row.case_id]),
            tuple(files[row.upload_id]),
        )
        for row in rows
    ]


def _gated() -> ColumnElement[bool]:
    """Return a condition: some state of this repository was gated when it was listed or read."""
    others = uploads.alias()
    same = others.c.identity == uploads.c.identity
    listed = exists().where(same, others.c.gated)
    read = exists().where(same, evidence.c.upload_id == others.c.id, evidence.c.gated)
    return or_(listed, read)


def _reached(connection: Connection, upload_of: Mapping[str, int]) -> defaultdict[str, set[str]]:
    """Return the destinations at which the alert of each case arrived; a message without an id never did."""
    arrived = and_(outbox.c.state == "sent", outbox.c.message_id.is_not(None))
    found: defaultdict[str, set[str]] = defaultdict(set)
    query = select(outbox.c.dedupe_key, outbox.c.destination, outbox.c.upload_id).where(arrived)
    for key, destination, upload_id in connection.execute(query):
        in_channel = key.partition(">")[0].removeprefix(CASE)
        if key.startswith(CASE) and in_channel in upload_of:
            found[in_channel].add(destination)
        elif upload_id is not None and upload_of.get(key.rpartition(":")[2]) == upload_id:
            found[key.rpartition(":")[2]].add(destination)
    return found


def _notes(connection: Connection) -> defaultdict[str, list[Note]]:
    found: defaultdict[str, list[Note]] = defaultdict(list)
    for r in connection.execute(select(case_notes).order_by(case_notes.c.id)):
        found[r.case_id].append(Note(r.case_id, r.kind, r.text, r.unique_key, r.noted_at))
    return found


def _remarks(connection: Connection) -> defaultdict[str, list[Remark]]:
    found: defaultdict[str, list[Remark]] = defaultdict(list)
    for row in connection.execute(select(remarks).order_by(remarks.c.id)):
        found[row.case_id].append(as_remark(row))
    return found


def _files(connection: Connection) -> defaultdict[int, list[KeptFile]]:
    found: defaultdict[int, list[KeptFile]] = defaultdict(list)
    of_cases = evidence.c.upload_id.in_(select(cases.c.upload_id))
    for row in connection.execute(select(evidence).where(of_cases).order_by(evidence.c.id)):
        file = KeptFile(**{name: row._mapping[name] for name in KeptFile.__slots__})
        found[row.upload_id].append(file)
    return found
