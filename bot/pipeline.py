"""One upload, from its first byte to a verdict. Reads like the sentence that describes the project."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime

from analyzers import explain
from analyzers.case import Case, case_of
from analyzers.claim_records import Assessed
from analyzers.claims import read_claims
from analyzers.claims_assess import assess
from analyzers.disclosure import read_disclosure
from analyzers.errors import Unreadable
from analyzers.evidence import of_case
from analyzers.fingerprint import Fingerprint
from analyzers.records import (
    CheckResult,
    Cost,
    Disclosure,
    Evidence,
    Finding,
    Mention,
    Reference,
    RepoFacts,
    RepoRef,
    Sampled,
    Sketch,
    Verdict,
)
from analyzers.second_look import reason_for
from analyzers.story import points, summed_up
from analyzers.verdict import judge
from bot.known import LONG_AGO, KnownModels, Progress, card_of, config_of
from bot.look import FIRST_LOOK_REQUESTS, Look, Meter, first_look, weights_digest
from bot.originals import States, doubt
from bot.purpose import spent_on
from bot.second_look import SecondLooker, Seen
from bot.source import Gated, Source, Unavailable
from bot.traces import Tracer

REGISTRY = "registry"  # where a parent is declared that a registry file declares in the card's stead
WITHHELD = "not shown: the repository is gated"  # what stands in the place of words from its card
MAX_DECLARED_READ = 4  # declared parents that are looked up for one suspect


@dataclass(frozen=True, slots=True)
class Checker:
    """Checks uploads against the known models."""

    known: KnownModels
    metered: Callable[[], AbstractContextManager[Meter]]
    clock: Callable[[], datetime]

    @spent_on("first look")
    def check(
        self,
        source: Source,
        progress: Progress = lambda _: None,
        *,
        complete: bool = False,
        also: Sequence[Mention] = (),
    ) -> CheckResult:
        """Judge one upload; raises SourceError or Unreadable where nothing of it can be read.

        `complete`: raise Unavailable, too, where a known or declared model cannot be read just now. Without a parent,
        an honest upload may look like something else. `also`: what is declared elsewhere than on the card beside it.
        """
        started = time.monotonic()
        with self.metered() as meter:
            facts = source.facts()
            progress(f"reading {facts.ref}")
            problems: list[str] = []
            shape, config = self._shape(source, problems)
            card, trouble = card_of(source)
            look = first_look(source, self.known.spec, FIRST_LOOK_REQUESTS - meter.requests)
            spent = meter.requests, meter.bytes_read
            disclosure = self.says(facts.ref, facts.tags, card)
            disclosure = replace(disclosure, mentions=(*disclosure.mentions, *also))
            if self.known.registry.find(facts.ref.repo_id) is None:  # a known model is read, and kept, as one
                self._keep(look, disclosure)  # before anything is judged: when it is tried again, it may be gone
            unread = self.known.refresh(shape, progress)
            if complete and (missing := self.known.out_of_reach()):
                raise Unavailable(missing)
            disclosure, parents, unknown = self.declared(disclosure, progress, complete=complete)
            self._keep(look, disclosure)
            weights_at = self.clock() if facts.local else self.known.dated(look).weights_at
            case = self.case(look.sketch, disclosure, parents, weights_at, assume_earlier=facts.local)
            case = replace(case, unsampled=look.unsampled)
            finding = explain(case)
            verdict = judge(case, finding, case.maker)
            tracer = Tracer(self.known, self.metered)
            traces, untraced = tracer.traces(source, look, card, config, case, finding, spent)
            first_cost = Cost(meter.requests, meter.bytes_read, round(time.monotonic() - started, 3))
            seen = self._look_again(source, look, case, finding, verdict, progress)
            if seen is not None:
                verdict = judge(case, seen.finding, case.maker)
            verdict = self.told(facts.ref, weights_digest(facts), verdict)
            verdict = self.in_order(facts, case, verdict, source.states)
        claims = self.claims(facts.ref, facts.tags, card, verdict, gated=facts.gated)
        if facts.gated:
            traces = tuple(replace(trace, quote="") for trace in traces)
        findings = points(verdict, claims, traces)
        problems += [p for p in (trouble, *disclosure.problems) if p] + unread + unknown
        problems += (*untraced, *(seen.problems if seen else ()))
        return CheckResult(
            suspect=facts.ref,
            parameters=facts.parameters or look.layout.parameters,
            verdict=replace(verdict, why=summed_up(verdict.why, findings)),
            declared=disclosure,
            sampled=sampled(look.sketch, verdict),
            cost=Cost(meter.requests, meter.bytes_read, round(time.monotonic() - started, 3)),
            weights_at=weights_at,
            weights_digest=weights_digest(facts),
            problems=tuple(problems),
            first_cost=first_cost,
            second=seen.look if seen else None,
            evidence=Evidence(
                disclosure,
                weights_at,
                case.maker,
                case.screened,
                of_case(case),
                seen.compared if seen else None,
                seen.gone if seen else (),
            ),
            claims=claims,
            traces=traces,
            findings=findings,
        )

    def _look_again(
        self, source: Source, look: Look, case: Case, finding: Finding, verdict: Verdict, progress: Progress
    ) -> Seen | None:
        """Take a second look where the first one calls for it, or chance does."""
        reason = reason_for(case, finding, verdict, secrets.randbits(32) / 2**32)
        if not reason:
            return None
        progress(f"a second look at {look.facts.ref}: {reason}")
        second = SecondLooker(self.known.open_at, self.metered)
        return second.look(source, look, case, finding, reason)

    def _shape(self, source: Source, problems: list[str]) -> tuple[Fingerprint | None, Mapping[str, object]]:
        """Read the config, which only orders: an upload without a good one is judged all the same."""
        try:
            return config_of(source)
        except (Gated, Unreadable) as error:
            problems.append(str(error))
        return None, {}

    def case(
        self,
        sketch: Sketch,
        disclosure: Disclosure,
        parents: Sequence[Reference],
        weights_at: datetime | None,
        *,
        assume_earlier: bool = False,
    ) -> Case:
        """Hold a sketch against the known models and the declared `parents`; no byte is read for it."""
        references = self.known.candidates(sketch, weights_at, disclosure.parents)
        references = _together(parents, references, assume_earlier=assume_earlier)
        maker = self.known.registry.maker_of(sketch.ref.organisation)
        return case_of(sketch, references, disclosure, weights_at, len(self.known.registry.models), maker)

    def says(self, ref: RepoRef, tags: Sequence[str], card: str) -> Disclosure:
        """Read what the card declares; what the registry says is declared comes before it."""
        said = read_disclosure(ref.revision, card, tags, self._names(ref.repo_id), ref.repo_id)
        return replace(said, mentions=(*self.registered(ref.repo_id), *said.mentions))

    def registered(self, repo_id: str) -> tuple[Mention, ...]:
        """Return the parents that the registry declares in an upload's stead."""
        return tuple(Mention(p, REGISTRY, "declared") for p in self.known.registry.declared_parents(repo_id))

    def told(self, ref: RepoRef, digest: str, verdict: Verdict) -> Verdict:
        """Take the alert away where the registry says that nobody is to be alerted about these weights for now."""
        if not verdict.alert:
            return verdict
        found = self.known.registry.suppression(ref.repo_id, ref.revision, digest, self.clock().date())
        if found is None:
            return verdict
        why = f"{verdict.why}; not alerted until {found.until}, as the registry says: {found.reason}"
        return replace(verdict, alert=False, why=why)

    def in_order(self, facts: RepoFacts, case: Case, verdict: Verdict, states: States) -> Verdict:
        """Take the alert away where the upload may have come before what it looks made of; raises SourceError."""
        why = doubt(self.known, facts, case, verdict, states) if verdict.alert else ""
        return replace(verdict, alert=False, why=f"{verdict.why}; {why}") if why else verdict

    def claims(
        self, ref: RepoRef, tags: Sequence[str], card: str, verdict: Verdict, *, gated: bool
    ) -> tuple[Assessed, ...]:
        """Read what the card claims and hold it against the verdict; of a `gated` repository nothing is quoted."""
        claims = read_claims(card, tags, self._names(ref.repo_id), ref.repo_id)
        maker = self.known.registry.maker_of(ref.organisation)
        parents = [p.ref for p in verdict.finding.parents]
        models = {p.repo_id.lower(): self.known.registry.find(p.repo_id) for p in parents}
        licences = {name: model.licence for name, model in models.items() if model is not None}
        makers = {p.repo_id.lower(): self.known.registry.maker_of(p.organisation) for p in parents}
        own = {name for name, of in makers.items() if of.lower() == maker.lower()}
        assessed = assess(claims, verdict, licences, own)
        return tuple(map(_withheld, assessed)) if gated else assessed

    def _names(self, repo_id: str) -> dict[str, str]:
        """Return known models' names with their repo ids' last parts, the upload's own left out."""
        own = repo_id.rpartition("/")[2].lower()
        return {name: last for name, last in self.known.names() if last.lower() != own and name.lower() != own}

    def declared(
        self, disclosure: Disclosure, progress: Progress, *, complete: bool
    ) -> tuple[Disclosure, list[Reference], list[str]]:
        """Look up the declared parents, known or not: nobody answers for an ancestor."""
        found: list[Reference] = []
        problems: list[str] = []
        for repo_id in [p for p in disclosure.parents if "/" in p][:MAX_DECLARED_READ]:
            progress(f"reading the declared parent {repo_id}")
            try:
                reference, problem = self.known.declared(repo_id, FIRST_LOOK_REQUESTS - 2)
            except Unavailable as error:
                if complete:
                    raise
                reference, problem = None, str(error)
            if reference is not None:
                found.append(reference)
                if reference.repo_id.lower() != repo_id.lower():  # renamed since the card was written
                    renamed = Mention(reference.repo_id, "renamed", repo_id)
                    disclosure = replace(disclosure, mentions=(*disclosure.mentions, renamed))
            if problem:
                problems.append(problem)
        return disclosure, found, problems

    def _keep(self, look: Look, disclosure: Disclosure) -> None:
        if not look.facts.local and look.sketch.samples:
            said = replace(disclosure, mentions=tuple(m for m in disclosure.mentions if m.where != REGISTRY))
            declares = tuple(name for name in said.parents if "/" in name)
            self.known.keep(self.known.dated(look, declares))


def _withheld(assessed: Assessed) -> Assessed:
    """Return a claim without the author's words: what is left are names of models and methods of our own list."""
    subject = assessed.claim.subject if assessed.claim.kind in ("parent", "post-training") else ""
    return replace(assessed, claim=replace(assessed.claim, quote=WITHHELD, subject=subject))


def _together(declared: Sequence[Reference], known: Sequence[Reference], *, assume_earlier: bool) -> list[Reference]:
    """Join declared and known models, each once. A local folder counts as new: what is known came before it."""
    each = {r.repo_id.lower(): r for r in (*declared, *known)}.values()
    return [replace(r, weights_at=r.weights_at or LONG_AGO) if assume_earlier else r for r in each]


def sampled(sketch: Sketch, verdict: Verdict) -> Sampled:
    """Return how much of an upload a verdict rests on."""
    decisive = verdict.finding.measured.get("decisive", 0)
    return Sampled(sketch.layers, len(sketch.samples), sketch.weights, int(decisive))
