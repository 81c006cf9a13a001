"""Cases as people see them: the finding, its review state, and any retraction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, ScalarSelect, and_, case, exists, func, or_, select

from state.case_records import Case
from state.database.tables import case_notes, cases, evidence, publications
from state.errors import StateError

_TAKEN_BACK: Final = select(case_notes.c.text).where(
    case_notes.c.case_id == cases.c.case_id, case_notes.c.kind == "retracted"
)
ASKED: Final = ("notice_asked", "notice_posted")  # while the last of these and of ENDED is one of these, a case waits
ENDED: Final = (
    *("notice_failed", "notice_answered", "notice_over", "declared", "withdrawn"),
    *("gone", "taken", "weights", "emptied", "corrected"),
)


def _last(kinds: Sequence[str]) -> ScalarSelect[str]:
    """The kind of a case's last note of these kinds."""
    query = select(case_notes.c.kind).where(case_notes.c.case_id == cases.c.case_id, case_notes.c.kind.in_(kinds))
    return query.order_by(case_notes.c.id.desc()).limit(1).scalar_subquery()


# Where a case stands with its reviewers, unless it was taken back, its card leaves them nothing to decide, or it waits
# for its author.
STATE: Final = case(
    (cases.c.state == "retracted", "retracted"),
    (and_(publications.c.standing == "review", _last(("declared", "withdrawn")) == "declared"), "closed"),
    (and_(publications.c.standing == "review", _last((*ASKED, *ENDED)).in_(ASKED)), "asked"),
    else_=publications.c.standing,
)
IN_REVIEW: Final = publications.c.standing == "review"  # holds for "review", "asked" and "closed"; has an index
# What a discussion with a case's author is closed with: the case was taken back, or the card declares every model.
SETTLED: Final = or_(cases.c.state == "retracted", _last(("declared", "withdrawn")) == "declared")
SHOWN: Final = select(
    cases.c.case_id,
    cases.c.upload_id,
    cases.c.report,
    STATE.label("state"),
    func.coalesce(_TAKEN_BACK.limit(1).scalar_subquery(), publications.c.reason).label("reason"),
    cases.c.opened_at,
    publications.c.decided_at,
    publications.c.remind_at,
    publications.c.reminders,
    exists().where(evidence.c.upload_id == cases.c.upload_id, evidence.c.gated).label("gated"),
).join_from(cases, publications)


def as_case(row: Row[*tuple[Any, ...]]) -> Case:
    """Convert a row of SHOWN into its value."""
    return Case(**{name: row._mapping[name] for name in Case.__slots__})


def case_at(connection: Connection, case_id: str) -> Case:
    """Return a case that exists."""
    return as_case(connection.execute(SHOWN.where(cases.c.case_id == case_id)).one())


def locked(connection: Connection, case_id: str) -> Case:
    """Return a case, locked until the transaction ends; StateError if it does not exist."""
    row = connection.execute(SHOWN.where(cases.c.case_id == case_id).with_for_update(of=publications)).one_or_none()
    if row is None:
        raise StateError(f"there is no case {case_id}")
    return as_case(row)
