"""Outbox rows of cases: each channel gets each case once, and each remark on it once.

A row's key names its content and destination. A channel's destination is "room:SERVER:CHANNEL". Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from state.case_records import CaseMessage, Remark
from state.records import OutboxMessage

CHANNEL: Final = "room"
WEBHOOK: Final = "discord"  # the destination of the webhook


def channel_destination(guild_id: str, channel_id: str) -> str:
    """Return the destination of messages to one channel or thread of a server."""
    return f"{CHANNEL}:{guild_id}:{channel_id}"


def guild_and_channel(destination: str) -> tuple[str, str]:
    """Return server and channel of a destination that `channel_destination` made."""
    _, guild_id, channel_id = destination.split(":")
    return guild_id, channel_id


def case_message_key(case_id: str, destination: str) -> str:
    """Return the key of the message about a case at one destination."""
    return f"{case_message_prefix(case_id)}{destination}"


def case_message_prefix(case_id: str) -> str:
    """Return the common prefix of the keys of all messages about one case."""
    return f"case:{case_id}>"


def case_row(case_id: str, destination: str) -> OutboxMessage:
    """Return the message about a case at one destination."""
    return OutboxMessage(case_message_key(case_id, destination), destination, {"kind": "head", "case": case_id})


def published_row(case_id: str, destination: str, report: Mapping[str, Any], upload_id: int) -> OutboxMessage:
    """Return the alert of a case for a place that the bot does not write to.

    Its key ends like every alert's, so that follow-ups find it. The webhook's, the first such place, names none.
    """
    where = "" if destination == WEBHOOK else f">{destination}"
    return OutboxMessage(f"published{where}:{case_id}", destination, report, upload_id)


def remark_row(remark: Remark, head: CaseMessage) -> OutboxMessage:
    """Return a remark for the thread of a case's message; sending it also updates that message."""
    key = f"remark:{remark.id}:{remark.state}>{head.destination}"
    return OutboxMessage(key, head.destination, {"kind": "remark", "case": remark.case_id, "remark": remark.id})


def news_row(case_id: str, key: str, destination: str) -> OutboxMessage:
    """Return a follow-up for one destination of a case. `key`: of the note with its text."""
    return OutboxMessage(f"{key}>{destination}", destination, {"kind": "news", "case": case_id, "news": key})


def review_row(case_id: str, destination: str, times: int = 0) -> OutboxMessage:
    """Return a case for the reviewers; `times`: number of earlier reminders."""
    key = f"{review_prefix(case_id)}{times}>{destination}"
    return OutboxMessage(key, destination, {"kind": "review", "case": case_id, "times": times})


def review_prefix(case_id: str) -> str:
    """Return the common prefix of the keys of all messages that show a case to reviewers."""
    return f"review:{case_id}#"


def answer_row(remark: Remark, destination: str) -> OutboxMessage:
    """Return an author's answer for the reviewers."""
    key = f"answer:{remark.id}>{destination}"
    return OutboxMessage(key, destination, {"kind": "answer", "case": remark.case_id, "remark": remark.id})
