"""What the store hands out and takes in: frozen values, times in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from state.errors import StateError

UploadState = Literal["pending", "found", "skipped", "failed"]
SettledState = Literal["found", "skipped", "failed"]
AlertState = Literal["pending", "sending", "sent", "dead"]


@dataclass(frozen=True, slots=True)
class Upload:
    """One state of one repository, and what became of it. Every upload ends in exactly one state.

    `revision` is the judged one once it is settled, until then the listed one (None where the listing gave none).
    An upload that failed with `retry_at` None will not be tried again.
    """

    id: int
    repo_id: str
    hub_id: str | None
    revision: str | None
    created_at: datetime  # of the repository
    parameters: int | None
    gated: bool
    state: UploadState
    reason: str
    attempts: int  # how often it was settled
    retry_at: datetime | None
    first_seen: datetime
    settled_at: datetime | None
    report: dict[str, Any] | None
    weights_digest: str | None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of an upload. `report` holds only what JSON can hold (no NaN).

    `retry_at` is for a failure alone; None there makes it final. A `revision` or `weights_digest` of None
    keeps the one that is known.
    """

    state: SettledState
    reason: str
    report: Mapping[str, Any] | None = None
    retry_at: datetime | None = None
    revision: str | None = None
    weights_digest: str | None = None

    def __post_init__(self) -> None:
        if self.state not in get_args(SettledState):
            raise StateError(f"an upload cannot be settled as {self.state!r}, only as found, skipped or failed")
        if self.retry_at is not None and self.state != "failed":
            raise StateError(f"an upload settled as {self.state} is not tried again, so it has no retry_at")


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """Something to be told once. Messages with the same `dedupe_key` are the same message."""

    dedupe_key: str
    destination: str
    payload: Mapping[str, Any]  # only what JSON can hold
    upload_id: int | None = None


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A stored message and how far its delivery got. `attempts` counts how often it was claimed."""

    id: int
    dedupe_key: str
    destination: str
    payload: dict[str, Any]
    state: AlertState
    attempts: int
    next_at: datetime  # not to be sent before
    message_id: str | None  # as the destination names it, once sent
    last_error: str | None
    upload_id: int | None
    created_at: datetime
    sent_at: datetime | None
