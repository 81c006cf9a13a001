"""The outbox rows of cases: each channel has each case once, and each word about it once.

A row's key says what it tells and where; its destination, "room:SERVER:CHANNEL", where alone. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from state.case_records import CaseMessage, Remark
from state.records import OutboxMessage

CHANNEL: Final = "room"


def channel_destination(guild_id: str, channel_id: str) -> str:
    """The destination of what is posted in one channel or thread of a server."""
    return f"{CHANNEL}:{guild_id}:{channel_id}"


def guild_and_channel(destination: str) -> tuple[str, str]:
    """Server and channel of a destination made by room."""
    _, guild_id, channel_id = destination.split(":")
    return guild_id, channel_id


def case_message_key(case_id: str, destination: str) -> str:
    """The key of the message that tells a case in one place."""
    return f"{case_message_prefix(case_id)}{destination}"


def case_message_prefix(case_id: str) -> str:
    """What the keys of all messages that tell one case begin with."""
    return f"case:{case_id}>"


def case_row(case_id: str, destination: str) -> OutboxMessage:
    """The message that tells a case in one place."""
    return OutboxMessage(case_message_key(case_id, destination), destination, {"kind": "head", "case": case_id})


def webhook_row(case_id: str, destination: str, report: Mapping[str, Any], upload_id: int) -> OutboxMessage:
    """The message that tells a case by a webhook; its key ends as that of every alert does, so news finds it."""
    return OutboxMessage(f"published:{case_id}", destination, report, upload_id)


def remark_row(remark: Remark, head: CaseMessage) -> OutboxMessage:
    """A remark told under a case's message, which is brought up to date with it."""
    key = f"remark:{remark.id}:{remark.state}>{head.destination}"
    return OutboxMessage(key, head.destination, {"kind": "remark", "case": remark.case_id, "remark": remark.id})


def news_row(case_id: str, key: str, destination: str) -> OutboxMessage:
    """What has happened to a case, told under its message in one place. `key`: of the note that says it."""
    return OutboxMessage(f"{key}>{destination}", destination, {"kind": "news", "case": case_id, "news": key})


def review_row(case_id: str, destination: str, times: int = 0) -> OutboxMessage:
    """A case shown to the reviewers; `times`: how often they were shown it before."""
    key = f"{review_prefix(case_id)}{times}>{destination}"
    return OutboxMessage(key, destination, {"kind": "review", "case": case_id, "times": times})


def review_prefix(case_id: str) -> str:
    """What the keys of all messages that show one case to reviewers begin with."""
    return f"review:{case_id}#"


def answer_row(remark: Remark, destination: str) -> OutboxMessage:
    """An author's answer shown to the reviewers."""
    key = f"answer:{remark.id}>{destination}"
    return OutboxMessage(key, destination, {"kind": "answer", "case": remark.case_id, "remark": remark.id})
