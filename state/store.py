"""What happened to every upload, and every message that is to be told about it.

Each method is one transaction, so the process may be killed between any two of them. Methods may be called
from several threads; the only error is StateError. Times come in with a zone and go out in UTC.
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
from state.database.rows import as_message, as_upload, cap, insert_new, message_row, settled_columns
from state.database.tables import cursors, events, marks, outbox, uploads
from state.errors import StateError
from state.outbox.conditions import Message, open_conditions, set_condition
from state.outbox.digests import AlertDigests
from state.outbox.leases import lease, release, sending_before
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
from state.uploads.counts import Tally, outcomes, tally
from state.uploads.listings import advance, feed_states, record_events, record_listed
from state.uploads.sights import Sighting, sighting

__all__ = ["OutboxMessage", "OutboxRow", "Settlement", "StateError", "Store", "Tally", "Upload"]

_ALERTED = select(outbox.c.upload_id).where(outbox.c.upload_id.is_not(None))
_UNALERTED = and_(uploads.c.state == "found", uploads.c.id.not_in(_ALERTED))


NOTIFIED: Final = "; the operator was told"  # what the last error of a message that was given up ends with
_OPERATORS: Final = outbox.c.dedupe_key.startswith("operator:")  # what is told to the operator, and not to readers


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
        """The database, for what else is kept in it (state.cases.publications, state.cases.subscriptions)."""
        return self._engine

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @property
    def cases(self) -> Cases:
        """The cases that alerts opened, and the evidence of all uploads."""
        return Cases(self._engine)

    @property
    def key_values(self) -> KeyValues:
        """Small facts and wishes that must outlive the process."""
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
        """Up to when `feed` was read; None if never."""
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
        """Keep what `feed` brought and how far it was read, together; how many uploads were new.

        The cursor never goes back, and None leaves it where it is. `began_at`: from when on the feed is read at all;
        `seen_to`: all that were listed and are older have been seen; `silent`: these are remembered and not told.
        """
        with transaction(self._engine) as connection:
            new = record_listed(connection, listed, now, seen_to, silent=silent)
            if read_to is not None:
                advance(connection, feed, read_to, now, began_at)
            return new

    def listed_between(self, begin: datetime, end: datetime) -> bool:
        """Tell whether any repository made in this time was seen."""
        within = and_(uploads.c.created_at >= begin, uploads.c.created_at <= end)
        with reading(self._engine) as connection:
            return connection.scalar(select(uploads.c.id).where(within).limit(1)) is not None

    def feeds(self) -> list[FeedState]:
        """How far each feed was read."""
        with reading(self._engine) as connection:
            return feed_states(connection)

    def began_at(self) -> datetime | None:
        """When the watch began: by our own clock, when it first saw an upload; None: it has seen none."""
        with reading(self._engine) as connection:
            first: datetime | None = connection.scalar(select(uploads.c.first_seen).order_by(uploads.c.id).limit(1))
            return first

    def record_events(self, told: Sequence[RepoEvent]) -> int:
        """Write down what happened to repositories; how much of it was new."""
        with transaction(self._engine) as connection:
            return record_events(connection, told)

    def repo_events(self, repo_id: str) -> list[RepoEvent]:
        """What happened to a repository, under this name and the others it had, the oldest first."""
        with reading(self._engine) as connection:
            some = _identities(connection, repo_id)
            rows = connection.execute(select(events).where(events.c.identity.in_(some)).order_by(events.c.id))
            return [RepoEvent(r.identity, r.repo_id, r.kind, r.detail, r.seen_at) for r in rows]

    def newest_name(self, repo_id: str, hub_id: str | None) -> str | None:
        """The name under which the listings last showed a repository that had this one; None: not seen by its id."""
        names = [h.repo_id for h in self.repo_events(repo_id) if h.identity == hub_id and h.kind != "deleted"]
        return names[-1] if names else None

    def sighting(self, repo_id: str, hub_id: str | None, revision: str) -> Sighting:
        """What was seen of a repository and of this revision of it."""
        with reading(self._engine) as connection:
            return sighting(connection, repo_id, hub_id, revision)

    # -- uploads ---------------------------------------------------------------------------------------------

    def due(self, now: datetime, limit: int) -> list[Upload]:
        """At most `limit` uploads to be judged now.

        Those that were never asked for go before the others, those of known size before the others, the newest first.
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
        """Write down what became of an upload together with what is to be told about it and the case it opens.

        `ends`: the name of a mark that is dropped with it.
        True if that was news; False if the same was written before, when only alerts that are missing are added.
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
        """Uploads judged since `moment` of which nothing was told, in short: they may be very many."""
        query = select(uploads.c.id, uploads.c.revision, uploads.c.settled_at)
        with reading(self._engine) as connection:
            rows = connection.execute(query.where(_UNALERTED, uploads.c.settled_at >= moment).order_by(uploads.c.id))
            return [Unalerted(*row) for row in rows if row.revision and row.settled_at]

    def unalerted(self, upload_id: int) -> Upload | None:
        """One upload, if it was judged and nothing of it was told."""
        return next(iter(self._uploads(select(uploads).where(_UNALERTED, uploads.c.id == upload_id))), None)

    def requeue(self, upload_id: int, reason: str, now: datetime) -> bool:
        """Let an upload that was judged be judged again, for this reason; whether it had been judged."""
        judged = and_(uploads.c.id == upload_id, uploads.c.state == "found")
        values = {"state": "failed", "reason": cap(reason), "retry_at": now, "attempts": 0}
        with transaction(self._engine) as connection:
            return connection.execute(update(uploads).where(judged).values(**values)).rowcount > 0

    def known_weights(self, hub_id_or_repo_id: str, weights_digest: str) -> Upload | None:
        """The newest upload of this repository that had the same weights and was judged; None if there is none."""
        name = hub_id_or_repo_id
        same = or_(uploads.c.identity == name, uploads.c.repo_key == name.lower())
        judged = and_(uploads.c.state == "found", uploads.c.weights_digest == weights_digest)
        query = select(uploads).where(same, judged).order_by(uploads.c.settled_at.desc(), uploads.c.id.desc())
        return next(iter(self._uploads(query.limit(1))), None)

    def history(self, repo_id: str) -> list[Upload]:
        """Every upload of the repository that has or had this name, in upper or lower case, the newest first."""
        with reading(self._engine) as connection:
            some = _identities(connection, repo_id)
        return self._uploads(select(uploads).where(uploads.c.identity.in_(some)).order_by(desc(uploads.c.id)))

    # -- messages --------------------------------------------------------------------------------------------

    def post(self, messages: Sequence[OutboxMessage], now: datetime) -> int:
        """Add messages that belong to no settlement (the service's own news); how many were new."""
        with transaction(self._engine) as connection:
            return insert_new(connection, outbox, [message_row(m, m.upload_id, now) for m in messages])

    def messages_of(self, upload_id: int) -> list[OutboxRow]:
        """Every message about an upload, the oldest first."""
        query = select(outbox).where(outbox.c.upload_id == upload_id).order_by(outbox.c.id)
        with reading(self._engine) as connection:
            return [as_message(row) for row in connection.execute(query)]

    def claim(self, now: datetime, lease_seconds: float, limit: int) -> list[OutboxRow]:
        """Take at most `limit` messages that are to be sent, the oldest first; nobody else gets them meanwhile.

        A message neither marked sent nor failed `lease_seconds` later can be claimed again: its sender was killed.
        """
        with transaction(self._engine) as connection:
            return lease(connection, now, lease_seconds, limit)

    def mark_sent(self, row_id: int, message_id: str | None, now: datetime) -> None:
        """A message arrived. Marked twice, it keeps the first time and the first `message_id` that was known."""
        first = {
            "message_id": func.coalesce(outbox.c.message_id, message_id),
            "sent_at": func.coalesce(outbox.c.sent_at, now),
        }
        self._mark(row_id, state="sent", leased_until=None, last_error=None, **first)

    def mark_failed(self, row_id: int, error: str, next_at: datetime | None, now: datetime) -> None:
        """A message did not arrive: try again at `next_at`, or never (None). One that was sent stays sent."""
        self._mark(
            row_id,
            state=_unless_sent("pending" if next_at else "dead", outbox.c.state),
            next_at=_unless_sent(next_at or now, outbox.c.next_at),
            last_error=_unless_sent(cap(error), outbox.c.last_error),
            leased_until=None,
        )

    def mark_unsent(self, row_id: int, why: str) -> None:
        """A claimed message is not to be told any more: it is settled, and has arrived nowhere."""
        with transaction(self._engine) as connection:
            release(connection, outbox.c.id == row_id, cap(why))

    def sending_before(self, destination: str, row_id: int) -> bool:
        """Tell whether a message that came before this one is on its way there now."""
        with reading(self._engine) as connection:
            return sending_before(connection, destination, row_id)

    # -- an operator's news ----------------------------------------------------------------------------------

    def condition(self, name: str, text: str | None, now: datetime, message: Message) -> bool:
        """Let a condition begin (a text) or end (None), and tell the operator with it; whether that was a change."""
        with transaction(self._engine) as connection:
            return set_condition(connection, name, text, now, message)

    def conditions(self) -> list[Condition]:
        """The conditions that last, the oldest first."""
        with reading(self._engine) as connection:
            return open_conditions(connection)

    def notify_dead(self, tell: Callable[[Sequence[OutboxRow]], OutboxMessage], now: datetime) -> int:
        """Tell the operator of all that was given up and not told yet, in one message; how many those were.

        The last word on a row says that it was told. What is given up a second time is told a second time.
        """
        untold = and_(
            outbox.c.state == "dead",
            ~_OPERATORS,
            ~func.coalesce(outbox.c.last_error, "").endswith(NOTIFIED),
        )
        with transaction(self._engine) as connection:
            rows = [as_message(row) for row in connection.execute(select(outbox).where(untold).order_by(outbox.c.id))]
            if rows:
                insert_new(connection, outbox, [message_row(tell(rows), None, now)])
                told = func.coalesce(outbox.c.last_error, "") + NOTIFIED
                connection.execute(update(outbox).where(untold).values(last_error=told))
        return len(rows)

    def retry_dead(self, now: datetime, destination: str | None = None, because: str = "") -> int:
        """Let what was given up be sent after all, and an operator's news at once; how many alerts that were.

        Only what goes to `destination`, if one is given, and what the last error of which has `because` in it.
        """
        there = true() if destination is None else outbox.c.destination == destination
        dead = and_(outbox.c.state == "dead", func.coalesce(outbox.c.last_error, "").contains(because, autoescape=True))
        # of several attempts one may have arrived unseen; what was refused at the first one has not
        attempts = case((outbox.c.attempts > 1, 1), else_=0)
        again = update(outbox).values(state="pending", next_at=now, attempts=attempts)
        with transaction(self._engine) as connection:
            connection.execute(again.where(there, _OPERATORS, outbox.c.state.in_(("pending", "dead"))))
            return connection.execute(again.where(there, dead)).rowcount

    def waiting(self) -> tuple[int, datetime | None]:
        """How many uploads were never judged, and since when the oldest of them waits."""
        query = select(func.count(), func.min(uploads.c.first_seen)).where(uploads.c.state == "pending")
        with reading(self._engine) as connection:
            number, oldest = connection.execute(query).one()
            return number, oldest

    def counts(self) -> dict[str, int]:
        """How many uploads and alerts are in each state, as "uploads.found" or "alerts.dead"; zeros included."""
        counted = {f"uploads.{state}": 0 for state in get_args(UploadState)}
        counted |= {f"alerts.{state}": 0 for state in get_args(AlertState)}
        with reading(self._engine) as connection:
            for name, table in (("uploads", uploads), ("alerts", outbox)):
                rows = connection.execute(select(table.c.state, func.count()).group_by(table.c.state))
                counted |= {f"{name}.{state}": number for state, number in rows}
        return counted

    def tally(self, now: datetime, since: datetime | None = None) -> Tally:
        """The numbers that an operator watches; outcomes and findings of all time or of what was settled `since`."""
        with reading(self._engine) as connection:
            return tally(connection, now, since)

    def outcomes(self) -> list[Outcomes]:
        """How many settled uploads ended alike."""
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
    """Return what the repositories with this name, now or once, are known by."""
    key = repo_id.lower()
    found: set[str] = set()
    for table in (uploads, events):
        found |= set(connection.scalars(select(table.c.identity).where(table.c.repo_key == key)))
    return sorted(found)


def _unless_sent(value: object, old: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((outbox.c.state == "sent", old), else_=value)
