"""The database: every upload with its outcome, and every message about it.

Each method is one transaction, so the process may be killed between any two of them. Several threads may call
methods; the only error is StateError. Times come in with a zone and go out in UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, Self, get_args

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    and_,
    case,
    delete,
    desc,
    exists,
    func,
    or_,
    select,
    true,
    update,
)

from analyzers.records import HubEvent
from state.cases.casebook import Cases
from state.cases.opening import open_case
from state.database.engine import open_engine, reading, transaction
from state.database.key_values import KeyValues
from state.database.rows import as_message, as_upload, begins, cap, insert_new, message_row, settled_columns
from state.database.tables import NOTIFIED, UNREPORTED, cursors, events, marks, outbox, uploads
from state.errors import StateError
from state.outbox.conditions import Message, open_conditions, set_condition
from state.outbox.digests import AlertDigests
from state.outbox.leases import lease, release, sending_before
from state.proof.log import ProofLog
from state.records import (
    AlertState,
    Condition,
    FeedState,
    NewCase,
    OutboxMessage,
    OutboxRow,
    Outcomes,
    RepoEvent,
    Settlement,
    Unalerted,
    Upload,
    UploadState,
)
from state.uploads.counts import Tally, counted, outcomes, tally
from state.uploads.forgetting import forget_small
from state.uploads.listings import advance, feed_states, record_events, record_listed
from state.uploads.sights import Sighting, sighting

__all__ = ["OutboxMessage", "OutboxRow", "Settlement", "StateError", "Store", "Tally", "Upload"]

_ALERTED = exists().where(outbox.c.upload_id == uploads.c.id)
_UNALERTED = and_(uploads.c.state == "found", ~_ALERTED)
_OPERATORS: Final = begins(outbox.c.dedupe_key, "operator:")  # messages to the operator, not to readers


class Store:
    """The database. A context manager: leaving it closes every connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the database at `url` (sqlite:///path makes the file) and bring its tables up to date."""
        return cls(open_engine(url))

    @property
    def engine(self) -> Engine:
        """The engine, for other tables of this database (state.cases.publications, state.cases.subscriptions)."""
        return self._engine

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @property
    def cases(self) -> Cases:
        """The cases that alerts opened, and the evidence of all uploads."""
        return Cases(self._engine)

    @property
    def proofs(self) -> ProofLog:
        """The log of what was kept and said, and its signed checkpoints."""
        return ProofLog(self._engine)

    @property
    def key_values(self) -> KeyValues:
        """Small facts and requests that outlive the process."""
        return KeyValues(self._engine)

    @property
    def alert_digests(self) -> AlertDigests:
        """The alerts of each destination, for a cap on them."""
        return AlertDigests(self._engine)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # -- what a feed brought ---------------------------------------------------------------------------------

    def cursor(self, feed: str) -> datetime | None:
        """Return the time up to which `feed` was read; None if never."""
        with reading(self._engine) as connection:
            return connection.scalar(select(cursors.c.read_to).where(cursors.c.feed == feed))

    def record(
        self,
        feed: str,
        listed: Sequence[HubEvent],
        read_to: datetime | None,
        now: datetime,
        *,
        began_at: datetime | None = None,
        seen_to: datetime | None = None,
        silent: bool = False,
    ) -> int:
        """Record entries of `feed` and its cursor together. Returns the number of new uploads.

        The cursor never goes back; None leaves it as it is. `began_at`: start of the feed's first reading.
        `seen_to`: every older listed entry was seen. `silent`: remember the uploads, never alert.
        """
        with transaction(self._engine) as connection:
            new = record_listed(connection, listed, now, seen_to, silent=silent)
            if read_to is not None:
                advance(connection, feed, read_to, now, began_at)
            return new

    def listed_between(self, begin: datetime, end: datetime) -> bool:
        """Return True if any repository created in this time was seen."""
        within = and_(uploads.c.created_at >= begin, uploads.c.created_at <= end)
        with reading(self._engine) as connection:
            return connection.scalar(select(uploads.c.id).where(within).limit(1)) is not None

    def feeds(self) -> list[FeedState]:
        """Return the progress of each feed."""
        with reading(self._engine) as connection:
            return feed_states(connection)

    def began_at(self) -> datetime | None:
        """Return when the watch first saw an upload, by our own clock; None if it saw none."""
        with reading(self._engine) as connection:
            oldest = select(func.min(uploads.c.id)).scalar_subquery()
            first: datetime | None = connection.scalar(select(uploads.c.first_seen).where(uploads.c.id == oldest))
            return first

    def record_events(self, shown: Sequence[RepoEvent]) -> int:
        """Record events of repositories. Returns the number of new ones."""
        with transaction(self._engine) as connection:
            return record_events(connection, shown)

    def repo_events(self, repo_id: str) -> list[RepoEvent]:
        """Return the events of a repository under all its names, the oldest first."""
        with reading(self._engine) as connection:
            some = _identities(connection, repo_id)
            rows = connection.execute(select(events).where(events.c.identity.in_(some)).order_by(events.c.id))
            return [RepoEvent(r.identity, r.repo_id, r.kind, r.detail, r.seen_at) for r in rows]

    def newest_name(self, repo_id: str, hub_id: str | None) -> str | None:
        """Return the last listed name of a repository once called `repo_id`; None if never seen by its id."""
        names = [h.repo_id for h in self.repo_events(repo_id) if h.identity == hub_id and h.kind != "deleted"]
        return names[-1] if names else None

    def sighting(self, repo_id: str, hub_id: str | None, revision: str) -> Sighting:
        """Return when a repository and this revision of it were seen."""
        with reading(self._engine) as connection:
            return sighting(connection, repo_id, hub_id, revision)

    # -- uploads ---------------------------------------------------------------------------------------------

    def due(self, now: datetime, limit: int) -> list[Upload]:
        """Return at most `limit` uploads to judge now.

        Uploads never attempted come first, then those of known size, then the newest.
        """
        waiting = or_(uploads.c.state == "pending", and_(uploads.c.state == "failed", uploads.c.retry_at <= now))
        order = (uploads.c.attempts > 0, uploads.c.parameters.is_(None), desc(uploads.c.created_at), uploads.c.id)
        return self._uploads(select(uploads).where(waiting).order_by(*order).limit(limit))

    def settle(
        self,
        upload_id: int,
        settlement: Settlement,
        alerts: Sequence[OutboxMessage],
        now: datetime,
        case: NewCase | None = None,
        *,
        ends: str = "",
    ) -> bool:
        """Record the outcome of an upload, its alerts and the case it opens, together.

        `ends`: name of a key value to drop with it.
        Returns False if the same outcome was recorded before; then only missing alerts are added.
        """
        with transaction(self._engine) as connection:
            stored = connection.execute(
                select(uploads).where(uploads.c.id == upload_id).with_for_update()
            ).one_or_none()
            if stored is None:
                raise StateError(f"upload {upload_id} cannot be settled: there is no such upload")
            values = settled_columns(stored, settlement)
            news = stored.state not in ("found", "skipped") or any(stored._mapping[k] != v for k, v in values.items())
            if news:
                change = update(uploads).where(uploads.c.id == upload_id)
                attempts = uploads.c.attempts + (0 if settlement.waits else 1)
                connection.execute(change.values(**values, attempts=attempts, settled_at=now))
            insert_new(connection, outbox, [message_row(m, m.upload_id or upload_id, now) for m in alerts])
            if ends:
                connection.execute(delete(marks).where(marks.c.name == ends))
            if case is not None and settlement.report is not None:
                open_case(connection, upload_id, case.case_id, dict(settlement.report), case.method, now)
            return news

    def unalerted_since(self, moment: datetime) -> list[Unalerted]:
        """Return uploads judged since `moment` and not alerted, in short form: there may be very many."""
        query = select(uploads.c.id, uploads.c.revision, uploads.c.settled_at)
        with reading(self._engine) as connection:
            rows = connection.execute(query.where(_UNALERTED, uploads.c.settled_at >= moment).order_by(uploads.c.id))
            return [Unalerted(*row) for row in rows if row.revision and row.settled_at]

    def unalerted(self, upload_id: int) -> Upload | None:
        """Return one upload if it was judged and not alerted, else None."""
        return next(iter(self._uploads(select(uploads).where(_UNALERTED, uploads.c.id == upload_id))), None)

    def requeue(self, upload_id: int, reason: str, now: datetime) -> bool:
        """Queue a judged upload for another check, with the reason. Returns False if it was never judged."""
        judged = and_(uploads.c.id == upload_id, uploads.c.state == "found")
        values = {"state": "failed", "finding": None, "reason": cap(reason), "retry_at": now, "attempts": 0}
        with transaction(self._engine) as connection:
            return connection.execute(update(uploads).where(judged).values(**values)).rowcount > 0

    def known_weights(self, hub_id_or_repo_id: str, weights_digest: str) -> Upload | None:
        """Return the newest judged upload of this repository with the same weights; None if there is none."""
        name = hub_id_or_repo_id
        same = or_(uploads.c.identity == name, uploads.c.repo_key == name.lower())
        judged = and_(uploads.c.finding.is_not(None), uploads.c.weights_digest == weights_digest)
        query = select(uploads).where(same, judged).order_by(uploads.c.settled_at.desc(), uploads.c.id.desc())
        return next(iter(self._uploads(query.limit(1))), None)

    def history(self, repo_id: str) -> list[Upload]:
        """Return every upload of the repository under any of its names, ignoring case, the newest first."""
        with reading(self._engine) as connection:
            some = _identities(connection, repo_id)
        return self._uploads(select(uploads).where(uploads.c.identity.in_(some)).order_by(desc(uploads.c.id)))

    def forget_small(self, least: int, before: datetime, now: datetime, limit: int = 1_000) -> int:
        """Delete uploads skipped before a time with fewer than `least` parameters. Returns their number."""
        with transaction(self._engine) as connection:
            return forget_small(connection, least, before, now, limit)

    # -- messages --------------------------------------------------------------------------------------------

    def post(self, messages: Sequence[OutboxMessage], now: datetime) -> int:
        """Queue messages outside settlements, such as notices to the operator. Returns the number of new ones."""
        with transaction(self._engine) as connection:
            return insert_new(connection, outbox, [message_row(m, m.upload_id, now) for m in messages])

    def messages_of(self, upload_id: int) -> list[OutboxRow]:
        """Return every message about an upload, the oldest first."""
        query = select(outbox).where(outbox.c.upload_id == upload_id).order_by(outbox.c.id)
        with reading(self._engine) as connection:
            return [as_message(row) for row in connection.execute(query)]

    def claim(self, now: datetime, lease_seconds: float, limit: int) -> list[OutboxRow]:
        """Claim at most `limit` due messages, the oldest first; no other sender gets them meanwhile.

        After `lease_seconds` a message neither marked sent nor failed can be claimed again: its sender was killed.
        """
        with transaction(self._engine) as connection:
            return lease(connection, now, lease_seconds, limit)

    def mark_sent(self, row_id: int, message_id: str | None, now: datetime) -> None:
        """Record an arrival. A second call keeps the first time and the first known `message_id`."""
        first = {
            "message_id": func.coalesce(outbox.c.message_id, message_id),
            "sent_at": func.coalesce(outbox.c.sent_at, now),
        }
        self._mark(row_id, state="sent", leased_until=None, last_error=None, **first)

    def mark_failed(self, row_id: int, error: str, next_at: datetime | None, now: datetime) -> None:
        """Record a failed delivery: retry at `next_at`, or never (None). A sent message stays sent."""
        self._mark(
            row_id,
            state=_unless_sent("pending" if next_at else "dead", outbox.c.state),
            next_at=_unless_sent(next_at or now, outbox.c.next_at),
            last_error=_unless_sent(cap(error), outbox.c.last_error),
            leased_until=None,
        )

    def mark_unsent(self, row_id: int, why: str) -> None:
        """Close a claimed message without sending it."""
        with transaction(self._engine) as connection:
            release(connection, outbox.c.id == row_id, cap(why))

    def sending_before(self, destination: str, row_id: int) -> bool:
        """Return True while an earlier message is being sent to this destination."""
        with reading(self._engine) as connection:
            return sending_before(connection, destination, row_id)

    # -- an operator's news ----------------------------------------------------------------------------------

    def condition(self, name: str, text: str | None, now: datetime, message: Message) -> bool:
        """Begin a condition (a text) or end it (None), and notify the operator. Returns False if nothing changed."""
        with transaction(self._engine) as connection:
            return set_condition(connection, name, text, now, message)

    def conditions(self) -> list[Condition]:
        """Return the conditions that last, the oldest first."""
        with reading(self._engine) as connection:
            return open_conditions(connection)

    def notify_dead(self, notice: Callable[[Sequence[OutboxRow]], OutboxMessage], now: datetime) -> int:
        """Notify the operator of all given-up messages not yet reported, in one message. Returns their number.

        The row's last error records the notice. A message given up again is reported again.
        """
        unreported = and_(UNREPORTED, ~_OPERATORS)
        with transaction(self._engine) as connection:
            rows = [
                as_message(row) for row in connection.execute(select(outbox).where(unreported).order_by(outbox.c.id))
            ]
            if rows:
                insert_new(connection, outbox, [message_row(notice(rows), None, now)])
                connection.execute(update(outbox).where(unreported).values(last_error=outbox.c.last_error + NOTIFIED))
        return len(rows)

    def retry_dead(self, now: datetime, destination: str | None = None, because: str = "") -> int:
        """Requeue given-up alerts, and send the operator's messages at once. Returns the number of alerts.

        `destination`: only messages to it, if given. `because`: only alerts with this text in the last error.
        """
        there = true() if destination is None else outbox.c.destination == destination
        dead = and_(outbox.c.state == "dead", func.coalesce(outbox.c.last_error, "").contains(because, autoescape=True))
        # after several attempts a message may have arrived unseen; a first refusal proves it did not
        attempts = case((outbox.c.attempts > 1, 1), else_=0)
        again = update(outbox).values(state="pending", next_at=now, attempts=attempts)
        with transaction(self._engine) as connection:
            connection.execute(again.where(there, _OPERATORS, outbox.c.state.in_(("pending", "dead"))))
            return connection.execute(again.where(there, dead)).rowcount

    def waiting(self) -> tuple[int, datetime | None]:
        """Return the number of uploads never judged, and when the oldest was first seen."""
        query = select(func.count(), func.min(uploads.c.first_seen)).where(uploads.c.state == "pending")
        with reading(self._engine) as connection:
            number, oldest = connection.execute(query).one()
            return number, oldest

    def counts(self) -> dict[str, int]:
        """Count uploads and alerts by state, as "uploads.found" or "alerts.dead"; zeros included."""
        with reading(self._engine) as connection:
            kept = {"uploads": counted(connection, "uploads"), "alerts": counted(connection, "alerts")}
        states = [("uploads", state) for state in get_args(UploadState)]
        states += [("alerts", state) for state in get_args(AlertState)]
        return {f"{name}.{state}": kept[name].get(state, 0) for name, state in states}

    def tally(self, now: datetime, since: datetime | None = None) -> Tally:
        """Count what an operator watches; outcomes and findings of all time, or settled `since`."""
        with reading(self._engine) as connection:
            return tally(connection, now, since)

    def outcomes(self) -> list[Outcomes]:
        """Count settled uploads with equal outcomes."""
        with reading(self._engine) as connection:
            return outcomes(connection)

    # --------------------------------------------------------------------------------------------------------

    def _uploads(self, query: Select[*tuple[Any, ...]]) -> list[Upload]:
        with reading(self._engine) as connection:
            return [as_upload(row) for row in connection.execute(query)]

    def _mark(self, row_id: int, **values: object) -> None:
        with transaction(self._engine) as connection:
            if connection.execute(update(outbox).where(outbox.c.id == row_id).values(**values)).rowcount == 0:
                raise StateError(f"message {row_id} cannot be marked: there is no such message")


def _identities(connection: Connection, repo_id: str) -> list[str]:
    """Return the identities of all repositories that have or had this name."""
    key = repo_id.lower()
    found: set[str] = set()
    for table in (uploads, events):
        found |= set(connection.scalars(select(table.c.identity).where(table.c.repo_key == key)))
    return sorted(found)


def _unless_sent(value: object, old: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((outbox.c.state == "sent", old), else_=value)
