"""One check as people ask for it: from a name to a report, whoever asks."""

from __future__ import annotations

from dataclasses import dataclass, replace

from analyzers.errors import Unreadable
from analyzers.records import CheckResult, Cost, Disclosure, Finding, RepoFacts, Sampled, Verdict
from bot.hub import Hub
from bot.known import Progress
from bot.pipeline import Checker
from bot.source import Gated, Renamed, Source


@dataclass(frozen=True, slots=True)
class Checking:
    """Checks on demand."""

    hub: Hub
    checker: Checker

    def repo(self, name: str, progress: Progress, moved_to: Progress | None = None) -> CheckResult:
        """Check org/name[@revision] on the Hub; raises SourceError.

        One that has moved is checked under its new name, after `moved_to`, or else `progress`, was told so.
        """
        repo_id, _, revision = name.partition("@")
        try:
            return self.source(self.hub.repo(repo_id, revision or None), progress)
        except Renamed as moved:
            (moved_to or progress)(str(moved))
            return self.source(self.hub.repo(moved.repo_id), progress)

    def source(self, source: Source, progress: Progress) -> CheckResult:
        """Check; what cannot be read of an upload that is there makes it inconclusive, with the reason."""
        with self.hub.metered() as meter:
            facts = source.facts()
            try:
                result = self.checker.check(source, progress)
            except (Gated, Unreadable) as error:
                return _inconclusive(facts, str(error), meter.cost())
            return replace(result, cost=meter.cost(result.cost.seconds))


def _inconclusive(facts: RepoFacts, reason: str, cost: Cost) -> CheckResult:
    finding = Finding("look", "inconclusive", f"too little was readable: {reason}")
    verdict = Verdict(finding, "none-needed", "none", strength=None, why=finding.claim)
    declared = Disclosure(facts.ref.revision)
    return CheckResult(facts.ref, facts.parameters or 0, verdict, declared, Sampled(), cost, facts.weights_at)
