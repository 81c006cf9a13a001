"""Checks on demand: from a name or an address to a result."""

from __future__ import annotations

from dataclasses import dataclass, replace

from analyzers.errors import Unreadable
from analyzers.records import CheckResult, Cost, Disclosure, Finding, RepoFacts, Sampled, Verdict
from analyzers.verdict.summary import points, summed_up
from bot.check.checker import Checker
from bot.hub import Hub
from bot.known.models import Progress
from bot.sources.interface import Gated, Renamed, Source
from bot.sources.subject import parse_name

BLIND = "look"  # the analyzer of a verdict where nothing of the upload or the known models could be read


@dataclass(frozen=True, slots=True)
class Checking:
    """Checks on demand."""

    hub: Hub
    checker: Checker

    def repo(self, name: str, progress: Progress, moved_to: Progress | None = None) -> CheckResult:
        """Check the repository of a name or an address on the Hub; raises SourceError.

        A renamed one is checked under its new name, after a call of `moved_to`, or else `progress`.
        """
        repo_id, revision = parse_name(name, self.hub.endpoint)
        try:
            return self.source(self.hub.repo(repo_id, revision), progress)
        except Renamed as moved:
            (moved_to or progress)(str(moved))
            return self.source(self.hub.repo(moved.repo_id), progress)

    def source(self, source: Source, progress: Progress) -> CheckResult:
        """Check a source. An upload that exists and cannot be read is inconclusive, with the reason."""
        with self.hub.metered() as meter:
            facts = source.facts()
            try:
                result = self.checker.check(source, progress)
            except (Gated, Unreadable) as error:
                return _unreadable(facts, str(error), meter.cost())
            return replace(self._as_far_as_known(result), cost=meter.cost(result.cost.seconds))

    def _as_far_as_known(self, result: CheckResult) -> CheckResult:
        """Add how many known models could be read. While some are out of reach, an unrelated upload is inconclusive."""
        known = self.checker.known
        (missing, reason), total = known.unread(), len(known.registry.models)
        if not missing or result.verdict.audience != "none":
            return result
        said = f"{total - missing:,} of {total:,} known models could be read"
        if result.verdict.finding.kind == "unrelated" and (missing == total or known.out_of_reach()):
            verdict = _inconclusive(f"{said}: {reason}" if reason else said)
            sampled = replace(result.sampled, compared=0.0) if missing == total else result.sampled
            findings = points(verdict, result.claims, result.traces)
            verdict = replace(verdict, why=summed_up(verdict.why, findings))
            return replace(result, verdict=verdict, sampled=sampled, findings=findings)
        return replace(result, verdict=replace(result.verdict, why=f"{result.verdict.why}; {said}"))


def _inconclusive(why: str) -> Verdict:
    return Verdict(Finding(BLIND, "inconclusive", why), "none-needed", "none", strength=None, why=why)


def _unreadable(facts: RepoFacts, reason: str, cost: Cost) -> CheckResult:
    verdict = _inconclusive(f"too little was readable: {reason}")
    declared = Disclosure(facts.ref.revision)
    return CheckResult(facts.ref, facts.parameters or 0, verdict, declared, Sampled(), cost, facts.weights_at)
