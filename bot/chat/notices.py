"""Asking authors before anybody is alerted: what reviewers asked for is posted on the Hub, and published after a wait.

A discussion is opened, then noted. A process that dies between the two leaves a discussion without a note: before one
is opened, this account's own are looked through for it. Before each step the repository is read again: a card that was
mended closes the case, and whatever else has become of the upload leaves the decision to the reviewers. A discussion
gets one more comment, once its case is taken back or its card declares every model.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from analyzers.records import RepoFacts
from bot.alerts.author_notice import closing, title
from bot.cases.casework import repo_of
from bot.cases.followup import Followups
from bot.chat.publisher import Publisher
from bot.hub.discussions import Discussions
from bot.hub.http.errors import Transient
from bot.sources.interface import Disabled, Gated, Missing, SourceError, Unavailable
from state.case_records import Case
from state.cases.messages import news_row
from state.errors import StateError
from state.records import CaseFile, Note

MOST_A_DAY: Final = 10  # notices that are posted
DAY: Final = timedelta(days=1)
AGAIN: Final = timedelta(minutes=10)  # after the Hub did not answer
log = logging.getLogger("blendwatch")


@dataclass(slots=True)
class Notices:
    """Works on the cases that wait for their authors. `endpoint`: of the Hub. Blocking; used from one thread."""

    publisher: Publisher
    followups: Followups
    discussions: Discussions
    endpoint: str
    _later: dict[str, datetime] = field(default_factory=dict)  # cases for which the Hub did not answer

    def work(self) -> bool:
        """Post what was asked for, publish what has waited, and close what is settled; tell whether that was anything.

        Raises StateError.
        """
        notices = self.publisher.notices
        done = [self._tried(case, self._next) for case in notices.waiting()]
        return any([*done, *(self._tried(case, self._close) for case in notices.to_close())])

    def _tried(self, case: Case, step: Callable[[Case, datetime], bool]) -> bool:
        """Do what is due for one case; a Hub that does not answer is asked again later."""
        now = self.publisher.clock()
        if self._later.get(case.case_id, now) > now:
            return False
        try:
            return step(case, now)
        except Unavailable as error:
            self._later[case.case_id] = now + AGAIN
            log.warning("the author of case %s is asked later: %s", case.case_id, error)
        except StateError:
            raise
        except Exception:  # a fault of ours in one case must not keep the others waiting
            self._later[case.case_id] = now + AGAIN
            log.exception("the author of case %s could not be asked", case.case_id)
        return False

    def _next(self, case: Case, now: datetime) -> bool:
        file = self.publisher.casework.store.cases.with_id(case.case_id)
        posted = [n for n in self.publisher.cases.news(case.case_id) if n.kind == "notice_posted"]
        if file is None:
            return False
        if posted:
            return now >= posted[-1].noted_at + self.publisher.policy.notice and self._publish(case, file, posted[-1])
        return self.publisher.notices.posted_since(now - DAY) < MOST_A_DAY and self._post(case, file)

    def _post(self, case: Case, file: CaseFile) -> bool:
        """Open the discussion unless it is there, then note it; note too why the Hub does not take it."""
        facts = self._read(case, file)
        if facts is None:
            return True
        name, what, publisher = facts.ref.repo_id, title(case.case_id), self.publisher
        try:
            if facts.gated:
                raise Gated(f"{name} is gated.")
            number = self.discussions.own(name, what) or self.discussions.open(
                name, what, publisher.policy.notice_to(case)
            )
        except Transient:
            raise
        except SourceError as error:
            tries = sum(note.kind == "notice_failed" for note in publisher.cases.news(case.case_id))
            return publisher.casework.note(file, "notice_failed", str(error), f"{tries}")
        until = publisher.clock() + publisher.policy.notice
        said = f"its author was asked at {self._address(name, number)}; alerts wait until {until:%Y-%m-%d %H:%M} UTC"
        return publisher.casework.note(file, "notice_posted", f"{said} for the card or an answer", f"{number}")

    def _publish(self, case: Case, file: CaseFile, posted: Note) -> bool:
        """Publish a case that has waited, unless its author was heard of."""
        facts, number, publisher = self._read(case, file), int(posted.key.rpartition(":")[2]), self.publisher
        if facts is None:
            return True
        if self._is_answered(facts.ref.repo_id, number):
            said = f"{self._address(facts.ref.repo_id, number)} was answered or closed, so reviewers decide"
            return publisher.casework.note(file, "notice_answered", said, "")
        now, key = publisher.clock(), f"{case.case_id}:notice_over:"
        note = Note(
            case.case_id, "notice_over", "the card is as it was and nobody answered, so it is published", key, now
        )
        rows = [*publisher.rows(case.report), news_row(case.case_id, key, publisher.policy.destination)]
        publisher.notices.publish(note, rows, now)
        return True

    def _close(self, case: Case, _: datetime) -> bool:
        """Say in a case's discussion how it ended, unless that was said, then note it."""
        file = self.publisher.casework.store.cases.with_id(case.case_id)
        if file is None:
            return False
        name, body = repo_of(file), closing(case.case_id, retracted=case.state == "retracted")
        try:
            number = self.discussions.own(name, title(case.case_id))
            if number is not None and not self.discussions.has_said(name, number, body):
                self.discussions.comment(name, number, body)
            said = f"the last comment is at {self._address(name, number)}" if number else "its discussion is gone"
        except Transient:
            raise
        except SourceError as error:
            said = f"the last comment could not be made: {error}"
        return self.publisher.casework.note(file, "notice_closed", said, "", tell=False)

    def _read(self, case: Case, file: CaseFile) -> RepoFacts | None:
        """Read a case's repository again; None where what it is now ends the wait. Raises Unavailable."""
        try:
            facts = self.followups.again(file).facts()
        except (Missing, Disabled) as error:
            if self._waits(case):
                raise Unavailable(str(error)) from error
            return None
        return facts if self._waits(case) else None

    def _is_answered(self, repo_id: str, number: int) -> bool:
        """Tell whether somebody answered or closed a discussion, or took it away."""
        try:
            return self.discussions.is_answered(repo_id, number)
        except Missing:
            return True

    def _waits(self, case: Case) -> bool:
        """Tell whether a case still waits after its repository was read again."""
        found = self.publisher.cases.get(case.case_id)
        return found is not None and found.state == "asked"

    def _address(self, repo_id: str, number: int) -> str:
        return f"{self.endpoint}/{repo_id}/discussions/{number}"
