"""Store the outcome of an upload, with its alert and the operator's notice, in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from analyzers.records import CheckResult, Failed, Outcome, Skipped
from bot.alerts.channels import Channels
from bot.alerts.operator import News
from bot.check.method import method
from bot.check.report import to_json
from bot.config.settings import Settings
from bot.config.trial import Trial
from state.records import NewCase
from state.store import OutboxMessage, Settlement, Store, Upload


@dataclass(frozen=True, slots=True)
class Settling:
    """Decides who gets an outcome, and stores it. The fields are those of bot.watch.watcher.Watcher."""

    store: Store
    settings: Settings
    clock: Callable[[], datetime]
    destination: str
    operator: str
    reviewed: bool
    wish: Callable[[CheckResult], None]
    channels: Channels

    def settle(self, upload: Upload, outcome: Outcome, begun: str) -> None:
        """Store the outcome of an upload with its alert, and end the mark `begun`."""
        now = self.clock()
        match outcome:
            case Skipped(reason):
                self.store.settle(upload.id, Settlement("skipped", reason), [], now, ends=begun)
            case Failed(reason, retry_at, waits):
                kept = upload.report  # of an earlier verdict, whose new outcome is still unknown
                settled = Settlement("failed", reason, kept, retry_at, waits=waits)
                self.store.settle(upload.id, settled, [], now, ends=begun)
            case CheckResult():
                self.wish(outcome)
                report = to_json(outcome, now)
                key = f"{outcome.suspect.repo_id.lower()}@{outcome.suspect.revision}:{report['case']}"
                found = outcome.verdict.audience != "none"
                why_no_alert = self._why_no_alert(upload, outcome, report) if found else ""
                shown = found and not why_no_alert and (outcome.verdict.alert or self.reviewed)
                alerts = [OutboxMessage(key, self.destination, report, upload.id)] if shown else []
                places = self.channels.asking_for(report) if shown else ()
                alerts += [OutboxMessage(f"{place}>{key}", place, report, upload.id) for place in places]
                settlement = Settlement(
                    "found",
                    outcome.verdict.why + why_no_alert,
                    report,
                    revision=outcome.suspect.revision,
                    weights_digest=outcome.weights_digest or None,
                )
                opened = NewCase(str(report["case"]), method()) if shown else None
                if found and not why_no_alert:
                    self._notify_of_reviewed(upload, outcome, str(report["case"]))
                self.store.settle(upload.id, settlement, alerts, now, opened, ends=begun)

    def _why_no_alert(self, upload: Upload, result: CheckResult, report: dict[str, Any]) -> str:
        """Return why a finding gets no alert, "" where it gets one. An open case of the repository gets a note."""
        if self._seeded(upload, result):
            return "; no alert, because it was there before the watch began"
        parents = _parents(report)
        same = [c for c in self.store.cases.other_open_cases(upload.id) if _parents(c.report) == parents]
        return (
            f"; no alert of its own, because case {same[0].case_id} reports the same of this repository" if same else ""
        )

    def _notify_of_reviewed(self, upload: Upload, result: CheckResult, case_id: str) -> None:
        """Notify the operator once of a finding that a person must see first, where reviewers have no channel."""
        if self.settings.review_channel:
            return
        news, key = News(self.store, self.clock, self.operator), f"{upload.id}:{result.suspect.revision}"
        if result.verdict.audience == "reviewers":
            title = f"{result.suspect.repo_id}: a finding that a person must see first"
            news.once(f"named:{key}", title, _with_quotes(result))
        elif self.reviewed and Trial(self.store, self.settings.shadow_days).until(self.clock()):
            text = f"{result.verdict.why}; blendwatch case confirm {case_id} where it is right, else case retract"
            news.once(f"trial:{key}", f"{result.suspect.repo_id}: a would-be alert of the trial week", text)

    def _seeded(self, upload: Upload, result: CheckResult) -> bool:
        """Return True if the result is about weights from before the watch began: a seed may get new weights later."""
        began = upload.first_seen - timedelta(hours=self.settings.lookback_hours)
        before = result.weights_at is None or result.weights_at < began
        return upload.silent and (before or result.suspect.revision == upload.listed_revision)


def _with_quotes(result: CheckResult) -> str:
    """Return the verdict's sentence with the author's words that name a parent."""
    named = [p for p in result.verdict.finding.parents if p.said == "named" and p.quote]
    return "; ".join((result.verdict.why, *(f"{p.ref.repo_id}, {p.where}: “{p.quote}”" for p in named)))


def _parents(report: dict[str, Any]) -> set[str]:
    return {str(p["repo_id"]).lower() for p in report["parents"]}
