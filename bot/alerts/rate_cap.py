"""A cap on alerts: what comes on top of it in one hour is told in one message, at most once an hour, and never lost."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from bot.alerts.delivery import LEASE_SECONDS, Batch, OutboxRow
from bot.alerts.embeds import DIGEST_LINES

HOUR: Final = timedelta(hours=1)
A_MOMENT: Final = timedelta(seconds=5)  # until an alert that several hands send at once is decided on
MOST_TOGETHER: Final = 1000  # alerts that one digest tells, or that are put off at once
KEPT: Final = ("suspect", "finding", "parents", "case", "retracted", "since")  # what a digest shows of a report

_log = logging.getLogger(__name__)


def digest_of(reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The payload of a digest: of the first DIGEST_LINES reports what is shown, and how many there are more.

    A report may have what has happened `since`, and `retracted`, true where it was taken back.
    """
    shown = [{key: report[key] for key in KEPT if key in report} for report in reports[:DIGEST_LINES]]
    return {"digest": shown, "more": max(len(reports) - DIGEST_LINES, 0)}


class Alerts(Protocol):
    """What a cap needs of the outbox."""

    def alerts_since(self, destination: str, since: datetime) -> int:
        """How many alerts have arrived after `since`."""
        ...

    def alerts_before(self, destination: str, row_id: int) -> int:
        """How many alerts that came before this row are on the way there now."""
        ...

    def last_digest(self, destination: str) -> datetime | None:
        """When alerts were last folded; None: never."""
        ...

    def claim_alerts(self, destination: str, now: datetime, lease_seconds: float, limit: int) -> Sequence[OutboxRow]:
        """At most `limit` alerts that are due, now leased."""
        ...

    def drop_retracted(self, row_ids: Sequence[int]) -> set[int]:
        """Settle those of claimed alerts whose case was retracted, untold; which they were."""
        ...

    def mark_folded(self, row_ids: Sequence[int], message_id: str | None, now: datetime) -> None:
        """The rows have arrived in one message: all are marked, or none."""
        ...

    def hold(self, row_ids: Sequence[int], until: datetime) -> None:
        """The rows wait; that was no failed attempt."""
        ...


@dataclass(frozen=True, slots=True)
class Digest:
    """Several rows as one message."""

    rows: Sequence[OutboxRow]

    @property
    def id(self) -> int:
        """Of the first row."""
        return self.rows[0].id

    @property
    def dedupe_key(self) -> str:
        """Of the first row."""
        return self.rows[0].dedupe_key

    @property
    def destination(self) -> str:
        """The same for all of them."""
        return self.rows[0].destination

    @property
    def attempts(self) -> int:
        """Of the first row."""
        return self.rows[0].attempts

    @property
    def created_at(self) -> datetime:
        """Of the first row."""
        return self.rows[0].created_at

    @property
    def payload(self) -> Mapping[str, Any]:
        """The digest."""
        return digest_of([row.payload for row in self.rows])


@dataclass(frozen=True, slots=True)
class HourlyCap:
    """At most `per_hour` alerts go to each of the `destinations` one by one. See deliver.Cap.

    A digest's alerts count as well. An operator's news and what follows a case are neither counted nor folded.
    """

    alerts: Alerts
    per_hour: int
    destinations: frozenset[str]

    def batch(self, row: OutboxRow, now: datetime) -> Batch | None:
        """Below the cap the row alone; on top of it all that is due there, but once an hour; otherwise all wait."""
        where = row.destination
        if where not in self.destinations or row.payload.get("alert") is not True:
            return Batch((row,), row)
        arrived, before = self.alerts.alerts_since(where, now - HOUR), self.alerts.alerts_before(where, row.id)
        if arrived + before < self.per_hour:
            return Batch((row,), row)
        if before:  # another hand's: what becomes of it decides
            self.alerts.hold([row.id], now + A_MOMENT)
            return None
        others = self.alerts.claim_alerts(where, now, LEASE_SECONDS, MOST_TOGETHER - 1)
        gone = self.alerts.drop_retracted([row.id, *(one.id for one in others)])
        rows = sorted((one for one in (row, *others) if one.id not in gone), key=lambda one: one.id)
        if not rows:
            return None
        last = self.alerts.last_digest(where)
        if last is None or now - last >= HOUR:
            # a row that is alone is told as it is, and stands for this hour's digest all the same
            return Batch(rows, Digest(rows) if len(rows) > 1 else rows[0], folded=True)
        self.alerts.hold([one.id for one in rows], last + HOUR)
        _log.info("%d alerts wait for the next digest, because alerts_per_hour were told", len(rows))
        return None

    def told(self, batch: Batch, message_id: str | None, now: datetime) -> None:
        """Mark all rows of a digest, or none of them."""
        self.alerts.mark_folded([row.id for row in batch.rows], message_id, now)
