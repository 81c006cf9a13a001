"""Values that the store takes and returns: frozen, times in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args

from state.errors import StateError

UploadState = Literal["pending", "found", "skipped", "failed"]
SettledState = Literal["found", "skipped", "failed"]
CaseState = Literal["open", "retracted"]
Judgement = Literal["right", "wrong", "undecided"]
AlertState = Literal["pending", "sending", "sent", "dead"]

# kinds of notes on a case, grouped by subject: the last note of a group holds
NOTE_KINDS: Final = (
    ("gone", "taken", "returned"),
    ("moved",),
    ("weights", "emptied", "restored"),
    ("judged",),
    ("declared", "withdrawn", "card"),
)


@dataclass(frozen=True, slots=True)
class Upload:
    """One state of one repository, and its outcome. Every upload ends in exactly one state.

    `revision`: the judged one once settled, until then the listed one (None if the listing gave none).
    A failed upload with `retry_at` None is not tried again.
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
    attempts: int  # number of settlements
    retry_at: datetime | None
    first_seen: datetime
    settled_at: datetime | None
    report: dict[str, Any] | None
    weights_digest: str | None
    silent: bool = False  # seeded from before the watch began: remembered, never alerted
    listed_revision: str = ""  # "" where the listing gave none


@dataclass(frozen=True, slots=True)
class Unalerted:
    """Upload that was judged and not alerted, with few fields: very many must fit in memory."""

    id: int
    revision: str  # the judged one
    settled_at: datetime


@dataclass(frozen=True, slots=True)
class RepoEvent:
    """Event in the life of a repository, as a feed or a check showed it."""

    identity: str  # the Hub's own id, which survives a rename; else the name in lower case
    repo_id: str
    kind: str  # one of uploads.events.KINDS
    detail: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Condition:
    """Condition that an operator must know while it lasts. `ended_at`: None while it lasts."""

    name: str
    text: str
    began_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class FeedState:
    """Progress of a feed. `settled_to`: everything listed before this time was judged at least once."""

    feed: str
    read_to: datetime
    settled_to: datetime
    began_at: datetime | None
    read_at: datetime  # time of the last complete reading


@dataclass(frozen=True, slots=True)
class KeptFile:
    """One piece of evidence of an upload. `kind`: card, config, files, verdict."""

    kind: str
    digest: str  # SHA-256, 64 hex digits, of its content
    size: int  # bytes
    gated: bool  # of a gated repository: kept, never shown
    kept_at: datetime


@dataclass(frozen=True, slots=True)
class Note:
    """Event of a case after its alert. Notes with the same `key` are the same note."""

    case_id: str
    kind: str  # one of the catalogues' [news]
    text: str
    key: str
    noted_at: datetime


@dataclass(frozen=True, slots=True)
class NewCase:
    """Case that a settlement opens. `method`: of the code and thresholds behind the verdict."""

    case_id: str
    method: str


@dataclass(frozen=True, slots=True)
class AskAttempts:
    """Number of times that evidence of one kind was kept for an open case, and the last time."""

    case_id: str
    upload_id: int
    count: int
    last: datetime | None


@dataclass(frozen=True, slots=True)
class CaseFile:
    """Case of an alert, with its state."""

    case_id: str
    upload_id: int
    state: CaseState
    method: str
    report: dict[str, Any]
    opened_at: datetime
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Judged:
    """Report of one alert, with people's judgement of it."""

    upload_id: int
    report: dict[str, Any]
    judged: Judgement


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Number of uploads with equal outcomes.

    `finding`: "" if not judged; `read`: the weights' headers were; `format`: of what was judged, "" if unknown.
    """

    state: SettledState
    finding: str
    reason: str  # "" where `finding` says enough
    read: bool
    format: str
    count: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """Outcome of an upload. `report` holds only what JSON can hold (no NaN).

    `retry_at`: for a failure alone; None makes it final. A `revision` or `weights_digest` of None
    keeps the known one.
    """

    state: SettledState
    reason: str
    report: Mapping[str, Any] | None = None
    retry_at: datetime | None = None
    revision: str | None = None
    weights_digest: str | None = None
    waits: bool = False  # for a known time: counts as no attempt

    def __post_init__(self) -> None:
        if self.state not in get_args(SettledState):
            raise StateError(f"an upload cannot be settled as {self.state!r}, only as found, skipped or failed")
        if self.retry_at is not None and self.state != "failed":
            raise StateError(f"an upload settled as {self.state} is not tried again: leave out retry_at")


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """Message to send once. Messages with the same `dedupe_key` are the same message."""

    dedupe_key: str
    destination: str
    payload: Mapping[str, Any]  # only what JSON can hold
    upload_id: int | None = None


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """Stored message and its delivery. `attempts`: number of claims."""

    id: int
    dedupe_key: str
    destination: str
    payload: dict[str, Any]
    state: AlertState
    attempts: int
    next_at: datetime  # earliest time to send
    message_id: str | None  # the destination's own id, once sent
    last_error: str | None
    upload_id: int | None
    created_at: datetime
    sent_at: datetime | None
