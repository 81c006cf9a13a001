"""Queries for the cap on alerts: number of recent alerts, and rows sent in a digest or held for one.

A row's last error records that it went out in a digest or waits for one. Nothing else is stored.
Each method is one transaction, as in Store.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Engine, and_, exists, func, select, update

from state.database.engine import reading, transaction
from state.database.tables import STILL_OPEN, cases, outbox
from state.outbox.leases import lease, release
from state.records import OutboxRow

RETRACTED_UNSENT: Final = "not told here, because the case was retracted before"
SENT_IN_DIGEST: Final = "told in a digest"
EXACT: Final = "exact"  # the strength of alerts that no digest holds
HELD: Final = "it waits for the next digest, because alerts_per_hour were told"


def _alerts(destination: str) -> ColumnElement[bool]:
    """Select alerts of cases; follow-ups and notices to the operator have no such key."""
    return and_(outbox.c.destination == destination, outbox.c.payload["alert"].as_boolean().is_(True))


class AlertDigests:
    """The alerts of each destination. The only error is StateError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def alerts_since(self, destination: str, since: datetime) -> int:
        """Count the alerts that arrived after `since`, those in digests included."""
        sent = and_(_alerts(destination), outbox.c.state == "sent", outbox.c.sent_at > since)
        with reading(self._engine) as connection:
            return connection.scalar(select(func.count()).where(sent)) or 0

    def alerts_before(self, destination: str, row_id: int) -> int:
        """Count earlier alerts that are being sent now."""
        sending = and_(STILL_OPEN, _alerts(destination), outbox.c.state == "sending", outbox.c.id < row_id)
        with reading(self._engine) as connection:
            return connection.scalar(select(func.count()).where(sending)) or 0

    def last_digest(self, destination: str, since: datetime) -> datetime | None:
        """Return when the last digest after `since` went to this destination; None: there was none."""
        lately = and_(outbox.c.destination == destination, outbox.c.sent_at > since)
        folded = and_(lately, outbox.c.last_error == SENT_IN_DIGEST)
        with reading(self._engine) as connection:
            newest: datetime | None = connection.scalar(select(func.max(outbox.c.sent_at)).where(folded))
            return newest

    def claim_alerts(self, destination: str, now: datetime, lease_seconds: float, limit: int) -> list[OutboxRow]:
        """Claim at most `limit` due alerts that a digest may hold, the oldest first; no other sender gets them."""
        inexact = func.coalesce(outbox.c.payload["strength"].as_string(), "") != EXACT
        with transaction(self._engine) as connection:
            return lease(connection, now, lease_seconds, limit, and_(_alerts(destination), inexact))

    def hold(self, row_ids: Sequence[int], until: datetime) -> None:
        """Defer claimed alerts; waiting counts as no attempt. A sent alert stays sent."""
        with transaction(self._engine) as connection:
            release(connection, outbox.c.id.in_(row_ids), HELD, until)

    def drop_retracted(self, row_ids: Sequence[int]) -> set[int]:
        """Close claimed alerts of retracted cases without sending. Returns their ids."""
        case_id = ":" + cases.c.case_id
        of_it = and_(cases.c.upload_id == outbox.c.upload_id, outbox.c.dedupe_key.endswith(case_id))
        retracted = exists().where(of_it, cases.c.state == "retracted")
        with transaction(self._engine) as connection:
            gone = set(connection.scalars(select(outbox.c.id).where(outbox.c.id.in_(row_ids), retracted)))
            release(connection, outbox.c.id.in_(gone), RETRACTED_UNSENT)
        return gone

    def mark_digest_sent(self, row_ids: Sequence[int], message_id: str | None, now: datetime) -> None:
        """Record that these alerts arrived in one message, all or none."""
        values = {"state": "sent", "leased_until": None, "last_error": SENT_IN_DIGEST}
        first = {
            "message_id": func.coalesce(outbox.c.message_id, message_id),
            "sent_at": func.coalesce(outbox.c.sent_at, now),
        }
        with transaction(self._engine) as connection:
            connection.execute(update(outbox).where(outbox.c.id.in_(row_ids)).values(**values, **first))
