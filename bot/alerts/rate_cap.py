"""A cap on alerts: what comes on top of it in one hour goes into one message, at most once an hour, and never lost."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from bot.alerts.compose import DIGEST_LINES
from bot.alerts.delivery import LEASE_SECONDS, Batch
from state.outbox.digests import EXACT, AlertDigests
from state.records import OutboxRow

HOUR: Final = timedelta(hours=1)
A_MOMENT: Final = timedelta(seconds=5)  # until an alert that several hands send at once is decided on
MOST_TOGETHER: Final = 1000  # alerts of one digest, or that are put off at once
KEPT: Final = (
    "suspect",
    "finding",
    "parents",
    "order_known",
    "case",
    "retracted",
    "since",
)  # what a digest shows of a report

_log = logging.getLogger(__name__)


def digest_of(reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The payload of a digest: of the first DIGEST_LINES reports what is shown, and how many there are more.

    A report may have what has happened `since`, and `retracted`, true where it was taken back.
    """
    shown = [{key: report[key] for key in KEPT if key in report} for report in reports[:DIGEST_LINES]]
    return {"digest": shown, "more": max(len(reports) - DIGEST_LINES, 0)}


@dataclass(frozen=True, slots=True)
class HourlyCap:
    """At most `per_hour` alerts go to each of the `destinations` one by one. See deliver.Cap.

    A digest's alerts count as well. An operator's news and what follows a case are neither counted nor folded.
    An exact alert counts and is never folded: nobody has to look for a proof in a list.
    """

    alerts: AlertDigests
    per_hour: int
    destinations: frozenset[str]

    def batch(self, row: OutboxRow, now: datetime) -> Batch | None:
        """Below the cap the row alone; on top of it all that is due there, but once an hour; otherwise all wait."""
        where = row.destination
        if where not in self.destinations or row.payload.get("alert") is not True or is_exact(row.payload):
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
        last = self.alerts.last_digest(where, now - HOUR)
        if last is None:
            # a row that is alone is sent as it is, and stands for this hour's digest all the same
            return Batch(rows, _together(rows), folded=True)
        self.alerts.hold([one.id for one in rows], last + HOUR)
        _log.info("%d alerts wait for the next digest, because alerts_per_hour were sent", len(rows))
        return None

    def sent(self, batch: Batch, message_id: str | None, now: datetime) -> None:
        """Mark all rows of a digest, or none of them."""
        self.alerts.mark_digest_sent([row.id for row in batch.rows], message_id, now)


def is_exact(report: Mapping[str, Any]) -> bool:
    """Tell whether one named arithmetic reproduces the weights of a report."""
    return report.get("strength") == EXACT


def _together(rows: Sequence[OutboxRow]) -> OutboxRow:
    """Return several rows as one message, which goes by the first one's id and key."""
    return rows[0] if len(rows) == 1 else replace(rows[0], payload=digest_of([row.payload for row in rows]))
