"""Where a finding goes: first to reviewers or at once to every channel that asked for its like."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from bot.chat.filters import Filters, organisation_of
from bot.text import string
from state.case_outbox import head_prefix, head_row, review_row, room
from state.case_records import Case, CaseState, NewNote
from state.cases import Cases
from state.records import OutboxMessage
from state.subscriptions import Subscriptions

REVIEWERS: Final = "reviewers"  # stands for the server in the destination of the reviewers' channel
WEBHOOK: Final = "discord"  # the destination of the webhook


@dataclass(frozen=True, slots=True)
class Policy:
    """Who sees a finding first. Without a `channel` nobody is asked, and only exact findings are published."""

    channel: str = ""
    first: Literal["all", "inexact"] = "all"
    reviewers: int = 1
    wait: timedelta = timedelta(hours=24)  # until an unseen case is said again

    @property
    def destination(self) -> str:
        """Where the reviewers are."""
        return room(REVIEWERS, self.channel)

    def state_of(self, report: Mapping[str, Any]) -> CaseState:
        """What a new case begins as."""
        exact = report.get("strength") == "exact"
        if not self.channel:
            return "published" if exact else "kept"
        return "published" if exact and self.first == "inexact" else "review"


@dataclass(frozen=True, slots=True)
class Publisher:
    """Opens cases and says who is told. `webhook`: a webhook is told of everything that is published, too."""

    cases: Cases
    subscriptions: Subscriptions
    policy: Policy
    clock: Callable[[], datetime]
    webhook: bool = False

    async def send(self, report: Mapping[str, Any]) -> str:
        """Open a case for a finding of the watch; returns its id. The same finding again changes nothing."""
        return await asyncio.to_thread(self.open, report)

    def open(self, report: Mapping[str, Any]) -> str:
        """See send."""
        now, case_id, state = self.clock(), string(report.get("case")), self.policy.state_of(report)
        rows, remind_at = [], None
        if state == "published":
            rows = self.rows(report)
        elif state == "review":
            rows, remind_at = [review_row(case_id, self.policy.destination)], now + self.policy.wait
        self.cases.open(report, state, rows, now, remind_at)
        return case_id

    def rows(self, report: Mapping[str, Any]) -> list[OutboxMessage]:
        """One message for each place that asked for cases like this one."""
        case_id = string(report.get("case"))
        muted = self.subscriptions.muted(organisation_of(report), self.clock())
        told = [
            head_row(case_id, room(wish.guild_id, wish.channel_id))
            for wish in self.subscriptions.all()
            if wish.guild_id not in muted and Filters.read(wish.filters).match(report)
        ]
        if self.webhook:
            told.append(OutboxMessage(head_prefix(case_id) + WEBHOOK, WEBHOOK, report))
        return told

    def decide(self, case: Case, kind: Literal["publish", "reject", "retract"], by_user: str, why: str) -> Decided:
        """Write down a reviewer's decision; StateError if the case is decided already."""
        rows = self.rows(case.report) if kind == "publish" else []
        needed = self.policy.reviewers if kind == "publish" else 1
        decided, votes = self.cases.decide(NewNote(case.case_id, kind, by_user, why), needed, rows, self.clock())
        return Decided(decided, votes, needed)

    def remind(self) -> int:
        """Say again what reviewers have left unseen for too long; how many cases that were."""
        if not self.policy.channel:
            return 0
        now = self.clock()
        return self.cases.remind(now, self.policy.destination, now + self.policy.wait)


@dataclass(frozen=True, slots=True)
class Decided:
    """A case after a reviewer's decision; `votes` of the `needed` ones have been cast."""

    case: Case
    votes: int
    needed: int
