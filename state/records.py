"""What the store hands out and takes in: frozen values, times in UTC."""

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

# kinds of notes on a case, grouped by their subject: the last note of a group holds
NOTE_KINDS: Final = (
    ("gone", "taken", "returned"),
    ("moved",),
    ("weights", "emptied", "restored"),
    ("judged",),
    ("declared", "withdrawn", "card"),
)


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
    silent: bool = False  # seeded from before the watch began: remembered, and not told
    listed_revision: str = ""  # "" where the listing gave none


@dataclass(frozen=True, slots=True)
class Unalerted:
    """An upload that was judged and not told: so much of it that very many fit in memory."""

    id: int
    revision: str  # the judged one
    settled_at: datetime


@dataclass(frozen=True, slots=True)
class RepoEvent:
    """Something that happened to a repository, as a feed or a check showed it."""

    identity: str  # the Hub's own id of the repository, which survives a rename; else its name in lower case
    repo_id: str
    kind: str  # one of KINDS
    detail: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that an operator has to know while it lasts. `ended_at` None: it still does."""

    name: str
    text: str
    began_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class FeedState:
    """How far a feed was read, and from when on; `settled_to`: nothing listed before is still to be judged first."""

    feed: str
    read_to: datetime
    settled_to: datetime
    began_at: datetime | None
    read_at: datetime  # when it was last read whole


@dataclass(frozen=True, slots=True)
class KeptFile:
    """One piece of evidence of an upload. `kind`: card, config, files, verdict."""

    kind: str
    digest: str  # SHA-256, 64 hex digits, of its content
    size: int  # bytes
    gated: bool  # of a gated repository: kept, and never shown
    kept_at: datetime


@dataclass(frozen=True, slots=True)
class Note:
    """Something that has happened to a case since it was told. Notes with the same `key` are the same note."""

    case_id: str
    kind: str  # one of the catalogues' [news]
    text: str
    key: str
    noted_at: datetime


@dataclass(frozen=True, slots=True)
class NewCase:
    """What a settlement that is told opens. `method`: of the code and thresholds that it was drawn with."""

    case_id: str
    method: str


@dataclass(frozen=True, slots=True)
class AskAttempts:
    """How often evidence of one kind was kept for an open case, and when last."""

    case_id: str
    upload_id: int
    count: int
    last: datetime | None


@dataclass(frozen=True, slots=True)
class CaseFile:
    """An alert and all that came after it."""

    case_id: str
    upload_id: int
    state: CaseState
    method: str
    report: dict[str, Any]
    opened_at: datetime
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Judged:
    """One alert as it was opened, and what people found of it."""

    upload_id: int
    report: dict[str, Any]
    judged: Judgement


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How many uploads ended alike. `finding`: of those that were judged, else ""; `read`: weights' headers were."""

    state: SettledState
    finding: str
    reason: str  # "" where a finding says enough
    read: bool
    count: int


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
    waits: bool = False  # for a time that is known: no attempt

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
