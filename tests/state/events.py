"""Events, settlements and messages for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from analyzers.records import HubEvent
from state.records import NewCase
from state.store import OutboxMessage, Settlement, Store, Upload

NOW = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FOUND = Settlement("found", "a blend of two", {"finding": "blend", "n": [1, 2.5, None]}, None, "f" * 40, "digest")
RETRY = Settlement("failed", "the Hub did not answer", retry_at=NOW + MINUTE)


def event(name: str = "org/name", **changes: Any) -> HubEvent:
    """Return a plain event with `changes`."""
    return replace(HubEvent(name, None, "a" * 40, NOW - 60 * MINUTE, 8_000_000_000), **changes)


def message(key: str = "k1", upload_id: int | None = None) -> OutboxMessage:
    """Return a message with `key`."""
    return OutboxMessage(key, "reviewers", {"title": f"about {key}"}, upload_id)


def case_of(store: Store, report: Mapping[str, Any], now: datetime = NOW, alerts: Sequence[OutboxMessage] = ()) -> int:
    """Let the watch open a case with this report and `alerts`; return the upload's id."""
    case_id, repo_id = str(report["case"]), str(report["suspect"]["repo_id"])
    store.record("feed", [event(repo_id, hub_id=case_id * 2)], None, now)
    (upload,) = [u for u in store.history(repo_id) if u.hub_id == case_id * 2]
    store.settle(upload.id, Settlement("found", "why", report), alerts, now, NewCase(case_id, "m" * 12))
    return upload.id


def one_upload(store: Store) -> Upload:
    """Record one upload and hand it out."""
    store.record("feed", [event()], None, NOW)
    (upload,) = store.due(NOW, 10)
    return upload
