"""Send a finding to reviewers first, or at once to every channel that asked for its like."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from bot.alerts.author_notice import text
from bot.alerts.channels import Channels
from bot.alerts.filters import Filters, organisation_of
from bot.cases.casework import Casework
from bot.text.sanitize import section, string
from state.case_records import Case, NewRemark, ReviewState
from state.cases.author_notices import AuthorNotices
from state.cases.messages import WEBHOOK, case_row, channel_destination, published_row, review_row
from state.cases.publications import Publications
from state.cases.subscriptions import Subscriptions
from state.errors import StateError
from state.records import Note, OutboxMessage, OutboxRow

REVIEWERS: Final = "reviewers"  # stands for the server in the destination of the reviewers' channel
NO_REASON: Final = "no reason given"
Decision = Literal["publish", "confirm", "reject", "retract", "ask"]


def no_trial() -> datetime | None:
    """Return that there is no trial."""
    return None


@dataclass(frozen=True, slots=True)
class Policy:
    """The first readers of a finding. Without a `channel`, only exact findings are published.

    `trial`: until when nothing is published, because nobody has measured the watch yet; None where there is no trial.
    `notice`: how long a case that reviewers would publish waits for its author; then they see every finding first.
    """

    channel: str = ""
    first: Literal["all", "inexact"] = "all"
    reviewers: int = 1
    wait: timedelta = timedelta(hours=24)  # until an unseen case is said again
    trial: Callable[[], datetime | None] = no_trial
    notice: timedelta = timedelta(0)  # none

    @property
    def destination(self) -> str:
        """Return the destination of the reviewers."""
        return channel_destination(REVIEWERS, self.channel)

    def state_of(self, report: Mapping[str, Any]) -> ReviewState:
        """Return the first state of a new case."""
        if self.trial() is not None:  # without a channel it waits for one, and members do not see it
            return "review"
        exact = report.get("strength") == "exact" and report.get("audience") != "reviewers"
        if not self.channel:
            return "published" if exact else "kept"
        return "published" if exact and self.first == "inexact" and not self.notice else "review"

    def notice_to(self, case: Case) -> str:
        """Return the text for a case's author; "" where there is nobody to ask, or nothing that may be said in public.

        Asked are authors of findings that may be published unattended, and none of a gated repository.
        """
        public = case.report.get("alert") is True and case.report.get("audience", "public") == "public"
        hours = self.notice.total_seconds() / 3600
        return text(case.report, hours) if hours and public and not case.gated and self.trial() is None else ""

    def may_ask(self, case: Case, news: Sequence[Note]) -> bool:
        """Tell whether a case's author may be asked now; `news`: what has happened to the case."""
        asked = any(note.kind == "notice_posted" for note in news)
        return case.state == "review" and not asked and bool(self.notice_to(case))


@dataclass(frozen=True, slots=True)
class Publisher:
    """Publishes cases and says who is alerted. `webhook`: a webhook gets everything that is published, too.

    `channels`: other channels, which get what they ask for.
    """

    cases: Publications
    subscriptions: Subscriptions
    casework: Casework
    policy: Policy
    clock: Callable[[], datetime]
    webhook: bool = False
    channels: Channels = field(default_factory=Channels)

    @property
    def notices(self) -> AuthorNotices:
        """The cases that wait for their authors."""
        return AuthorNotices(self.casework.store.engine)

    async def post(self, row: OutboxRow) -> str:
        """Let readers be alerted about a finding, or hear what has become of one; returns the case's id.

        The same finding or news again changes nothing.
        """
        news = section(row.payload.get("follow_up"))
        if not news:
            return await asyncio.to_thread(self.open, row.payload)
        case_id, key = string(news.get("case")), string(news.get("key"))
        reviewers = self.policy.destination if self.policy.channel else ""
        await asyncio.to_thread(self.cases.post_news, case_id, key, reviewers, self.clock())
        return case_id

    def open(self, report: Mapping[str, Any]) -> str:
        """See post."""
        now, case_id, state = self.clock(), string(report.get("case")), self.policy.state_of(report)
        rows, remind_at = [], None
        if state == "published":
            rows = self.rows(report)
        elif state == "review":
            rows = [review_row(case_id, self.policy.destination)] if self.policy.channel else []
            remind_at = now + self.policy.wait
        self.cases.open(case_id, state, rows, now, remind_at)
        return case_id

    def rows(self, report: Mapping[str, Any]) -> list[OutboxMessage]:
        """One message for each place that asked for cases like this one."""
        case_id = string(report.get("case"))
        muted = self.subscriptions.muted(organisation_of(report), self.clock())
        rows = [
            case_row(case_id, channel_destination(wish.guild_id, wish.channel_id))
            for wish in self.subscriptions.all()
            if wish.guild_id not in muted and Filters.read(wish.filters).match(report)
        ]
        places = ([WEBHOOK] if self.webhook else []) + self.channels.asking_for(report)
        upload_id = self.cases.upload_of(case_id) if places else 0
        return rows + [published_row(case_id, place, report, upload_id) for place in places]

    def decide(self, case: Case, kind: Decision, by_user: str, why: str) -> Decided:
        """Write down a reviewer's decision; StateError if the case is decided already.

        To confirm a case publishes nothing. In the trial, to publish is to confirm, and its end shows the case again.
        To ask a case's author is to publish it later.
        """
        if kind == "retract":
            return self._retract(case, by_user, why)
        if kind == "ask":
            return self._ask(case, by_user)
        until = self.policy.trial()
        if kind == "confirm" or (kind == "publish" and until is not None):
            remark = NewRemark(case.case_id, "publish", by_user, why)
            confirmed, votes = self.cases.confirm(remark, until, self.clock())
            return Decided(confirmed, votes, self.policy.reviewers, published=False)
        rows = self.rows(case.report) if kind == "publish" else []
        needed = self.policy.reviewers if kind == "publish" else 1
        decided, votes = self.cases.decide(NewRemark(case.case_id, kind, by_user, why), needed, rows, self.clock())
        return Decided(decided, votes, needed)

    def _ask(self, case: Case, by_user: str) -> Decided:
        """Let a case wait for its author, once as many reviewers would publish it as have to."""
        news = self.cases.news(case.case_id)
        if not self.policy.may_ask(case, news):
            raise StateError(f"the author of case {case.case_id} cannot be asked now")
        now, earlier = self.clock(), sum(note.kind == "notice_asked" for note in news)
        said = "reviewers let its author be asked on the Hub first"
        note = Note(case.case_id, "notice_asked", said, f"{case.case_id}:notice_asked:{earlier}", now)
        remark = NewRemark(case.case_id, "publish", by_user)
        again = now + self.policy.notice + self.policy.wait
        asked, votes = self.notices.ask(remark, self.policy.reviewers, note, again, now)
        return Decided(asked, votes, self.policy.reviewers)

    def _retract(self, case: Case, by_user: str, why: str) -> Decided:
        """Take an alert back, wherever it was sent. Who did it is kept; why is shown."""
        file = self.casework.store.cases.get(case.case_id)
        if file is None or case.state != "published":
            raise StateError(f"case {case.case_id} is {case.state} already")
        self.cases.record_decision(NewRemark(case.case_id, "retract", by_user, why), self.clock())
        if not self.casework.retract(file, why or NO_REASON):
            raise StateError(f"case {case.case_id} is retracted already")
        return Decided(self.cases.get(case.case_id) or case, 1, 1)

    def remind(self) -> int:
        """Say again what reviewers have left unseen for too long; how many cases that were."""
        if not self.policy.channel:
            return 0
        now = self.clock()
        return self.cases.remind(now, self.policy.destination, now + self.policy.wait)


@dataclass(frozen=True, slots=True)
class Decided:
    """A case after a reviewer's decision; `votes` of the `needed` ones have been cast.

    `published`: they count at once; else the case was confirmed alone.
    """

    case: Case
    votes: int
    needed: int
    published: bool = True
