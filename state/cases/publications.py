"""Publication of cases: reviewers' decisions, people's remarks, and the messages that follow from both.

The watch keeps findings in `cases` and later notes in `case_notes`; this module reads both.

Each method is one transaction: it stores a decision and its messages together or not at all.
The process may be killed between any two methods. Repeating a method has no second effect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Select, and_, desc, exists, func, or_, select, update

from state.case_records import Case, CaseMessage, NewRemark, PublicState, Remark, RemarkState, ReviewState
from state.cases.messages import answer_row, news_row, review_prefix, review_row
from state.cases.opening import notes_of
from state.cases.remarks import (
    add,
    as_remark,
    case_messages,
    channel_messages,
    messages_with_prefix,
    post,
    post_remark,
    votes,
)
from state.cases.view import IN_REVIEW, SHOWN, STATE, as_case, case_at, locked
from state.database.engine import reading, transaction
from state.database.rows import begins, cap, insert_new
from state.database.tables import cases, outbox, publications, remarks, uploads
from state.errors import StateError
from state.outbox.leases import sending_before
from state.records import Note, OutboxMessage

_DECIDES: Mapping[str, ReviewState] = {"publish": "published", "reject": "rejected"}
UNDECIDED = ("review", "closed", "asked")


class Publications:
    """Cases of one database, with their review state."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # -- reading -----------------------------------------------------------------------------------------------

    def get(self, case_id: str) -> Case | None:
        """Return the case with this id, else the only one whose id has this prefix, else None."""
        found = self._cases(SHOWN.where(begins(cases.c.case_id, case_id)).limit(2)) if case_id else []
        exact = [one for one in found if one.case_id == case_id]
        return exact[0] if exact else found[0] if len(found) == 1 else None

    def of_repo(self, repo_id: str) -> list[Case]:
        """Return the cases of a repository, the newest first."""
        query = SHOWN.where(publications.c.repo_key == repo_id.lower())
        return self._cases(query.order_by(desc(cases.c.opened_at), cases.c.case_id))

    def search(self, text: str, limit: int, states: Sequence[PublicState] = ("published",)) -> list[Case]:
        """Return the newest cases whose id begins with `text` or whose repository's name contains it."""
        like = or_(
            cases.c.case_id.startswith(text.lower(), autoescape=True),
            publications.c.repo_key.contains(text.lower(), autoescape=True),
        )
        query = SHOWN.where(like, STATE.in_(states))
        return self._cases(query.order_by(desc(cases.c.opened_at), cases.c.case_id).limit(limit))

    def repos(self, text: str, limit: int) -> list[str]:
        """Return names of seen repositories that contain `text`, the newest first."""
        newest = func.max(uploads.c.id)
        query = select(func.max(uploads.c.repo_id)).where(uploads.c.repo_key.contains(text.lower(), autoescape=True))
        query = query.group_by(uploads.c.repo_key).order_by(desc(newest)).limit(limit)
        with reading(self._engine) as connection:
            return list(connection.scalars(query))

    def published_since(self, since: datetime) -> list[Case]:
        """Return published cases opened since then, the oldest first."""
        query = SHOWN.where(STATE == "published", cases.c.opened_at >= since)
        return self._cases(query.order_by(cases.c.opened_at, cases.c.case_id))

    def waiting(self) -> int:
        """Count the cases that wait for reviewers."""
        with reading(self._engine) as connection:
            return connection.scalar(SHOWN.with_only_columns(func.count()).where(IN_REVIEW, STATE == "review")) or 0

    def remarks(self, case_id: str, scope: str = "") -> list[Remark]:
        """Return remarks on a case that hold everywhere or in one server, the oldest first."""
        query = select(remarks).where(remarks.c.case_id == case_id, remarks.c.scope.in_({"", scope}))
        with reading(self._engine) as connection:
            return [as_remark(row) for row in connection.execute(query.order_by(remarks.c.id))]

    def remark(self, remark_id: int) -> Remark | None:
        """Return one remark."""
        with reading(self._engine) as connection:
            row = connection.execute(select(remarks).where(remarks.c.id == remark_id)).one_or_none()
        return None if row is None else as_remark(row)

    def upload_of(self, case_id: str) -> int:
        """Return the upload of a case; StateError if the case does not exist."""
        with reading(self._engine) as connection:
            upload_id: int | None = connection.scalar(select(cases.c.upload_id).where(cases.c.case_id == case_id))
        if upload_id is None:
            raise StateError(f"there is no case {case_id}")
        return upload_id

    def news(self, case_id: str) -> list[Note]:
        """Return the notes of a case, the oldest first."""
        with reading(self._engine) as connection:
            return notes_of(connection, case_id)

    def case_messages(self, case_id: str) -> list[CaseMessage]:
        """Return the messages about a case in every channel."""
        with reading(self._engine) as connection:
            return case_messages(connection, case_id, "")

    def review_messages(self, case_id: str) -> list[CaseMessage]:
        """Return the messages that show a case to reviewers."""
        with reading(self._engine) as connection:
            return messages_with_prefix(connection, review_prefix(case_id))

    def sending_before(self, destination: str, row_id: int) -> bool:
        """Return True while an earlier message is being sent to this destination."""
        with reading(self._engine) as connection:
            return sending_before(connection, destination, row_id)

    # -- writing -----------------------------------------------------------------------------------------------

    def open(
        self,
        case_id: str,
        standing: ReviewState,
        rows: Sequence[OutboxMessage],
        now: datetime,
        remind_at: datetime | None = None,
    ) -> bool:
        """Give a case its review state and queue `rows`. StateError if the case does not exist.

        Returns False if the case had a state. Then `rows` are queued only if that state still holds.
        """
        with transaction(self._engine) as connection:
            report = connection.scalar(select(cases.c.report).where(cases.c.case_id == case_id))
            if report is None:
                raise StateError(f"there is no case {case_id}")
            row: dict[str, object] = {
                "case_id": case_id,
                "repo_key": str(report["suspect"]["repo_id"]).lower(),
                "standing": standing,
                "reason": "",
                "remind_at": remind_at,
                "reminders": 0,
            }
            new = insert_new(connection, publications, [row])
            if case_at(connection, case_id).state == standing:  # and not retracted before its alert was sent
                post(connection, rows, now)
        return bool(new)

    def adopt_earlier_cases(self, destination: str) -> int:
        """Count cases never queued for `destination` as published: alerts from before the bot. Returns their number."""
        asked = exists().where(outbox.c.upload_id == cases.c.upload_id, outbox.c.destination == destination)
        known = exists().where(publications.c.case_id == cases.c.case_id)
        with transaction(self._engine) as connection:
            alerted = connection.execute(select(cases.c.case_id, cases.c.report).where(~asked, ~known)).all()
            rows: list[dict[str, object]] = [
                {
                    "case_id": row.case_id,
                    "repo_key": str(row.report["suspect"]["repo_id"]).lower(),
                    "standing": "published",
                    "reason": "",
                    "reminders": 0,
                }
                for row in alerted
            ]
            return insert_new(connection, publications, rows)

    def decide(self, remark: NewRemark, needed: int, rows: Sequence[OutboxMessage], now: datetime) -> tuple[Case, int]:
        """Record a reviewer's vote to publish or reject. Returns the case and the number of equal votes.

        At `needed` votes the case changes its state, and `rows` are queued. StateError if the case does not exist
        or is decided.
        """
        with transaction(self._engine) as connection:
            found = locked(connection, remark.case_id)
            if found.state not in (UNDECIDED if remark.kind == "reject" else ("review", "asked")):
                raise StateError(f"case {remark.case_id} is {found.state} already")
            add(connection, remark, "done", now)
            count = votes(connection, remark)
            if count >= needed:
                changed = {"standing": _DECIDES[remark.kind], "reason": cap(remark.text), "decided_at": now}
                mine = publications.c.case_id == remark.case_id
                connection.execute(update(publications).where(mine).values(**changed, remind_at=None))
                post(connection, rows, now)
            return case_at(connection, remark.case_id), count

    def confirm(self, remark: NewRemark, remind_at: datetime | None, now: datetime) -> tuple[Case, int]:
        """Record that a reviewer confirms a case, without publishing. Returns the case and the number of confirmations.

        Reviewers see it again at `remind_at`, if given. StateError as in decide.
        """
        with transaction(self._engine) as connection:
            found = locked(connection, remark.case_id)
            if found.state not in UNDECIDED:
                raise StateError(f"case {remark.case_id} is {found.state} already")
            add(connection, remark, "done", now)
            if remind_at is not None:
                mine = publications.c.case_id == remark.case_id
                connection.execute(update(publications).where(mine).values(remind_at=remind_at))
            return case_at(connection, remark.case_id), votes(connection, remark)

    def record_decision(self, remark: NewRemark, now: datetime) -> bool:
        """Record the author of a decision that is stored elsewhere. Returns False if known."""
        with transaction(self._engine) as connection:
            locked(connection, remark.case_id)
            return add(connection, remark, "done", now) is not None

    def add_remark(self, remark: NewRemark, now: datetime) -> bool:
        """Record a moderator's remark and queue it for the case's messages in that server. Returns False if known."""
        with transaction(self._engine) as connection:
            locked(connection, remark.case_id)
            stored = add(connection, remark, "done", now)
            if stored is not None:
                post_remark(connection, stored, now)
        return stored is not None

    def post_news(self, case_id: str, key: str, reviewers: str, now: datetime) -> None:
        """Queue the note with this key for every channel that has the case.

        `reviewers`, if given, get every note while they have not decided, and every retraction. If they published
        the case, they also get notes on a card that now declares every model, or no longer.
        """
        card = key.split(":")[1] in ("declared", "withdrawn")
        with transaction(self._engine) as connection:
            places = [head.destination for head in channel_messages(connection, case_id, "")]
            standing = connection.scalar(select(publications.c.standing).where(publications.c.case_id == case_id))
            state = connection.scalar(select(cases.c.state).where(cases.c.case_id == case_id))
            published = standing == "published" and card and messages_with_prefix(connection, review_prefix(case_id))
            if reviewers and (standing == "review" or published or (standing and state == "retracted")):
                places.append(reviewers)
            post(connection, [news_row(case_id, key, place) for place in places], now)

    def answer(self, remark: NewRemark, reviewers: str, now: datetime) -> bool:
        """Keep an author's answer until a reviewer accepts it. Returns False if this person answered before."""
        with transaction(self._engine) as connection:
            locked(connection, remark.case_id)
            stored = add(connection, remark, "open", now)
            if stored is not None:
                post(connection, [answer_row(stored, reviewers)], now)
        return stored is not None

    def settle_answer(self, remark_id: int, state: RemarkState, by_user: str, now: datetime) -> Remark:
        """Accept or refuse an answer; an accepted one is queued for every message about the case."""
        with transaction(self._engine) as connection:
            unsettled = and_(remarks.c.id == remark_id, remarks.c.kind == "answer", remarks.c.state == "open")
            done = connection.execute(update(remarks).where(unsettled).values(state=state, decided_by=by_user))
            row = connection.execute(select(remarks).where(remarks.c.id == remark_id)).one_or_none()
            if row is None or done.rowcount == 0:
                raise StateError(f"answer {remark_id} is settled already" if row is not None else "no such answer")
            if state == "accepted":
                post_remark(connection, as_remark(row), now)
            return as_remark(row)

    def remind(self, now: datetime, destination: str, next_at: datetime) -> int:
        """Show the reviewers again what they left for too long; how many cases that were."""
        overdue = and_(IN_REVIEW, publications.c.remind_at <= now, STATE.in_(("review", "asked")))
        with transaction(self._engine) as connection:
            rows = connection.execute(SHOWN.where(overdue)).all()
            again = [review_row(row.case_id, destination, row.reminders + 1) for row in rows]
            post(connection, again, now)
            change = update(publications).where(publications.c.case_id.in_([row.case_id for row in rows]))
            connection.execute(change.values(reminders=publications.c.reminders + 1, remind_at=next_at))
            return len(rows)

    def _cases(self, query: Select[Any]) -> list[Case]:
        with reading(self._engine) as connection:
            return [as_case(row) for row in connection.execute(query)]
