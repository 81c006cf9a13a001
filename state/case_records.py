"""Decisions, remarks, messages and subscriptions of a case. Frozen values, times in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from state.records import AlertState

# kept: found and not alerted, because the evidence is too weak to publish unattended
ReviewState = Literal["review", "published", "rejected", "kept"]
# closed: in review, and its card declares every model now; a card that no longer does brings it back into review
# asked: in review, and its author was or is being asked first
PublicState = Literal[ReviewState, "retracted", "closed", "asked"]
RemarkKind = Literal["publish", "reject", "retract", "acknowledge", "dismiss", "answer"]
RemarkState = Literal["open", "accepted", "refused", "done"]  # open, accepted, refused: states of an answer


@dataclass(frozen=True, slots=True)
class Case:
    """One finding that may be published. `report`: of the check that opened the case."""

    case_id: str
    upload_id: int
    report: dict[str, Any]
    state: PublicState
    reason: str
    opened_at: datetime
    decided_at: datetime | None
    remind_at: datetime | None  # when the reviewers are reminded
    reminders: int
    gated: bool = False  # of a repository that was gated when it was read


@dataclass(frozen=True, slots=True)
class NewRemark:
    """Remark by a person about a case. `scope`: the server it holds for, "" for everywhere."""

    case_id: str
    kind: RemarkKind
    by_user: str
    text: str = ""
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """Stored remark. `state` of an answer: whether a reviewer accepted it."""

    id: int
    case_id: str
    kind: RemarkKind
    scope: str
    by_user: str
    text: str
    state: RemarkState
    created_at: datetime
    decided_by: str | None


@dataclass(frozen=True, slots=True)
class CaseMessage:
    """Message about a case at one destination. `message_id`: None until it arrived.

    A sent message without an id never reached that destination. `attempts`: number of claims for sending.
    """

    destination: str
    message_id: str | None
    state: AlertState
    attempts: int


@dataclass(frozen=True, slots=True)
class Subscription:
    """Channel or thread that receives alerts. `role_id`: the role to ping, if any."""

    guild_id: str
    channel_id: str
    filters: Mapping[str, Any] = field(default_factory=dict)
    role_id: str | None = None
    locale: str = "en"
    announce: bool = False
    created_by: str = ""


@dataclass(frozen=True, slots=True)
class Mute:
    """Organisation whose alerts one server receives only after a date."""

    guild_id: str
    organisation: str  # in lower case
    until: datetime
    by_user: str
    reason: str
