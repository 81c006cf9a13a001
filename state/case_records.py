"""What is kept of a case after it was found: who decided what about it, who is told. Frozen values, times in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from state.records import AlertState

# kept: found and not told, because it falls short of what is published unattended
ReviewState = Literal["review", "published", "rejected", "kept"]
# closed: in review, and its card declares every model now; a card that no longer does brings it back into review
PublicState = Literal[ReviewState, "retracted", "closed"]
RemarkKind = Literal["publish", "reject", "retract", "acknowledge", "dismiss", "answer"]
RemarkState = Literal["open", "accepted", "refused", "done"]  # open, accepted, refused: of an answer


@dataclass(frozen=True, slots=True)
class Case:
    """One finding that may be told. `report` is the check's, as it was when the case was opened."""

    case_id: str
    upload_id: int
    report: dict[str, Any]
    state: PublicState
    reason: str
    opened_at: datetime
    decided_at: datetime | None
    remind_at: datetime | None  # when the reviewers are told again
    reminders: int


@dataclass(frozen=True, slots=True)
class NewRemark:
    """Something a person says about a case. `scope` is the server it holds for, "" for everywhere."""

    case_id: str
    kind: RemarkKind
    by_user: str
    text: str = ""
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """A stored remark; of an answer, `state` says whether a reviewer accepted it."""

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
    """The message that tells a case in one place; `message_id` is None until it has arrived.

    One that is sent and has no id was never told there. `attempts`: how often it was claimed to be sent.
    """

    destination: str
    message_id: str | None
    state: AlertState
    attempts: int


@dataclass(frozen=True, slots=True)
class Subscription:
    """A channel or thread that is told of cases. `role_id`: who is pinged, if anyone."""

    guild_id: str
    channel_id: str
    filters: Mapping[str, Any] = field(default_factory=dict)
    role_id: str | None = None
    locale: str = "en"
    announce: bool = False
    created_by: str = ""


@dataclass(frozen=True, slots=True)
class Mute:
    """An organisation of which one server hears nothing until a date."""

    guild_id: str
    organisation: str  # in lower case
    until: datetime
    by_user: str
    reason: str
