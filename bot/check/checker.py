"""One check of an upload, from its first byte to a verdict: read, compare, look again, conclude."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime

from analyzers import explain
from analyzers.card.reader import Card
from analyzers.card.template import is_finished
from analyzers.compare.case import Case, case_of
from analyzers.records import (
    CheckResult,
    Cost,
    Disclosure,
    Evidence,
    Finding,
    Reference,
    RepoFacts,
    RepoRef,
    Sampled,
    SeenPart,
    Sketch,
    Verdict,
)
from analyzers.records.traces import Trace
from analyzers.verdict.components import for_reviewers
from analyzers.verdict.replay import of_case
from analyzers.verdict.rules import judge
from analyzers.verdict.second_look import reason_for
from analyzers.verdict.summary import points, summed_up
from bot.check.author_words import read_author_words
from bot.check.components import ComparedPart, compare_part, compare_parts
from bot.check.declarations import add_mirrors, add_named_kin, assess_claims, find_originals, read_declared_parents
from bot.check.precedence import States, doubted
from bot.check.reading import Run, Suspect, keep_sketch, problems_of, read_upload
from bot.check.second_look import SecondLooker, SecondLookResult
from bot.check.third_look import ThirdLooker
from bot.check.traces import Tracer
from bot.known.models import LONG_AGO, KnownModels, Progress
from bot.sources.first_look import FirstLook, Meter, weights_digest
from bot.sources.interface import Source, Unavailable
from bot.sources.purpose import spent_on
from bot.sources.weight_files import format_of


@dataclass(frozen=True, slots=True)
class _Comparison:
    """A suspect compared with known models.

    `look`: the first one, or what a third look made of it; `cost`: of the first look, `third`: of the third one;
    `second`: None without one.
    """

    look: FirstLook
    case: Case
    finding: Finding
    parts: Sequence[ComparedPart]
    traces: tuple[Trace, ...]
    problems: tuple[str, ...]
    cost: Cost
    third: Cost | None
    second: SecondLookResult | None = None

    @property
    def verdict(self) -> Verdict:
        """Return the verdict on the main component."""
        return judge(self.case, self.finding, self.case.maker)


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
        newer: Card | None = None,
        sampled: Callable[[Sketch], None] = lambda _: None,
    ) -> CheckResult:
        """Judge one upload; raises SourceError or Unreadable where nothing of it can be read.

        `complete`: raise Unavailable, too, where a known or declared model cannot be read now. Without a parent,
        an honest upload may look like something else. `newer`: a later card of the same upload, which counts as well.
        `sampled`: called with the main component's samples once they are read.
        """
        started = time.monotonic()
        with self.metered() as meter:
            run = Run(source, progress, complete, meter, started, sampled=sampled)
            suspect = read_upload(self.known, run, newer)
            first = self._compare(run, suspect)
            final = self._look_again(run, suspect, first)
            return self._conclude(run, suspect, final)

    def _compare(self, run: Run, suspect: Suspect) -> _Comparison:
        """Compare every component with the known models, and collect the traces of tools."""
        unread = self.known.refresh(suspect.fingerprint, run.progress)
        if run.complete and (missing := self.known.out_of_reach()):
            raise Unavailable(missing)
        facts, look = suspect.facts, suspect.look
        disclosure, parents, unknown = read_declared_parents(
            self.known, suspect.disclosure, run.progress, complete=run.complete
        )
        keep_sketch(self.known, look, disclosure)
        weights_at = self.clock() if facts.local else self.known.dated(look).weights_at
        case = self.build_case(look.sketch, disclosure, parents, weights_at, assume_earlier=facts.local)
        new_since = self.clock() if facts.local else self.known.new_since(look)
        case = replace(case, unsampled=look.unsampled, new_since=new_since)
        case = add_named_kin(self.known, case, suspect.cards, gated=facts.gated)
        look, case, finding, paid = self._undo_layout(run, suspect, case, parents)
        tracer = Tracer(self.known, self.metered)
        traces, untraced = tracer.traces(
            run.source, look, suspect.card_text, suspect.config, case, finding, suspect.spent
        )
        cost = _without(paid, run.cost())
        third = paid if paid.requests else None
        compared = [*compare_parts(self.known, run.source, suspect.parts, case, suspect.cards, run.problems)]
        return _Comparison(look, case, finding, compared, traces, (*unread, *unknown, *untraced), cost, third)

    def _undo_layout(
        self, run: Run, suspect: Suspect, case: Case, parents: Sequence[Reference]
    ) -> tuple[FirstLook, Case, Finding, Cost]:
        """Take a third look where one is called for: read an upload as a known model is laid out.

        Return look, case, finding, and the cost of the third look; the first three as they were where it finds nothing.
        """
        started, look, finding = time.monotonic(), suspect.look, explain(case)
        with self.metered() as meter:
            looker = ThirdLooker(self.known.of_each_shape, self.known.open_at, self.metered)
            found = looker.look(run.source, look, case, finding)
        cost = Cost(meter.requests, meter.bytes_read, round(time.monotonic() - started, 3))
        if found is None:
            return look, case, finding, cost
        local = suspect.facts.local
        if found.beside:
            again = case_of(found.sketch, found.beside, case.disclosure, case.weights_at, case.screened, case.maker)
        else:
            again = self.build_case(found.sketch, case.disclosure, parents, case.weights_at, assume_earlier=local)
        again = replace(again, new_since=case.new_since)
        case = add_named_kin(self.known, again, suspect.cards, gated=suspect.facts.gated)
        return found, case, explain(case), cost

    def build_case(
        self,
        sketch: Sketch,
        disclosure: Disclosure,
        parents: Sequence[Reference],
        weights_at: datetime | None,
        *,
        assume_earlier: bool = False,
    ) -> Case:
        """Compare a sketch with the known models and the declared `parents`, from stored sketches alone.

        `weights_at` (UTC): of the sketch. `assume_earlier`: models without a date count as earlier than the sketch.
        """
        references = self.known.candidates(sketch, weights_at, disclosure.parents)
        references = _join(parents, references, assume_earlier=assume_earlier)
        maker = self.known.registry.maker_of(sketch.ref.organisation)
        return case_of(sketch, references, disclosure, weights_at, len(self.known.registry.models), maker)

    def _look_again(self, run: Run, suspect: Suspect, first: _Comparison) -> _Comparison:
        """Read the author's other words where an alert may follow, and fresh coordinates where there is a reason."""
        lot = secrets.randbits(32) / 2**32
        if reason_for(first.case, first.finding, first.verdict, lot) or any(p.component.why for p in first.parts):
            first = self._add_words(run, suspect, first)
        reason = reason_for(first.case, first.finding, first.verdict, lot)
        if not reason or first.look.beside:
            return first
        run.progress(f"a second look at {suspect.facts.ref}: {reason}")
        looker = SecondLooker(self.known.open_at, self.metered)
        second = looker.look(run.source, first.look, first.case, first.finding, reason)
        return replace(first, finding=second.finding, second=second)

    def _add_words(self, run: Run, suspect: Suspect, first: _Comparison) -> _Comparison:
        """Return the comparison with the words outside the card, after reading parents that they alone declare."""
        case, look, said = first.case, first.look, first.case.disclosure
        words = read_author_words(run.source, complete=run.complete)
        with_words = replace(case, disclosure=replace(said, mentions=words.declared + said.mentions))
        forms = find_originals(self.known, with_words, complete=run.complete)
        disclosure = replace(said, mentions=(*said.mentions, *words.declared, *forms))
        run.problems.extend(words.problems)
        if not look.beside and not set(said.parents).issuperset(disclosure.parents):
            disclosure, parents, unread = read_declared_parents(
                self.known, disclosure, run.progress, complete=run.complete
            )
            again = self.build_case(
                look.sketch, disclosure, parents, case.weights_at, assume_earlier=suspect.facts.local
            )
            case = replace(again, unsampled=look.unsampled, new_since=case.new_since)
            run.problems.extend(unread)
        case = replace(case, disclosure=disclosure)
        case = add_named_kin(self.known, case, suspect.cards, words.places, gated=suspect.facts.gated)
        gated, more = suspect.facts.gated, words.places
        parts = [compare_part(self.known, p.part, case, suspect.cards, more, gated=gated) for p in first.parts]
        return replace(first, case=case, finding=explain(case), parts=parts)

    def _conclude(self, run: Run, suspect: Suspect, final: _Comparison) -> CheckResult:
        """Decide the audience, assess the claims, and put the result together."""
        suspect = replace(suspect, look=final.look)
        facts, look, second = suspect.facts, suspect.look, final.second
        case = add_mirrors(self.known, final.case, final.verdict, complete=run.complete)
        components = tuple(p.component for p in final.parts)
        verdict = for_reviewers(judge(case, final.finding, case.maker), components)
        verdict, own_cost = self.check_precedence(facts, case, verdict, run.source.states)
        verdict = self.suppress(facts.ref, weights_digest(facts), verdict)
        claims = assess_claims(self.known, facts.ref, suspect.cards[0], verdict, gated=facts.gated)
        traces = tuple(replace(t, quote="") for t in final.traces) if facts.gated else final.traces
        findings = points(verdict, claims, traces)
        own = filter(None, (*problems_of(suspect), *case.disclosure.problems))
        problems = (*run.problems, *own, *final.problems, *(second.problems if second else ()))
        return CheckResult(
            suspect=facts.ref,
            parameters=max(facts.parameters or 0, look.layout.parameters),
            verdict=replace(verdict, why=summed_up(verdict.why, findings)),
            declared=case.disclosure,
            sampled=sampled(case.suspect, verdict),
            cost=run.cost(),
            weights_at=case.weights_at,
            format=format_of(look.marks),
            weights_digest=weights_digest(facts),
            problems=tuple(dict.fromkeys(problems)),
            first_cost=final.cost,
            second=second.look if second else None,
            third_cost=final.third,
            own_cost=own_cost,
            evidence=_evidence(case, final),
            claims=claims,
            traces=traces,
            finished=any(map(is_finished, suspect.cards)),
            components=components,
            findings=findings,
        )

    def check_precedence(
        self, facts: RepoFacts, case: Case, verdict: Verdict, states: States
    ) -> tuple[Verdict, Cost | None]:
        """Restrict a verdict to reviewers where the upload may be older than a parent; raises SourceError.

        Return the cost of the requests beside it; None where none was sent.
        """
        if verdict.audience == "none":
            return verdict, None
        started = time.monotonic()
        with self.metered() as meter:
            verdict = doubted(self.known, facts, case, verdict, states)
        cost = Cost(meter.requests, meter.bytes_read, round(time.monotonic() - started, 3))
        return verdict, cost if cost.requests else None

    def suppress(self, ref: RepoRef, digest: str, verdict: Verdict) -> Verdict:
        """Return the verdict without an audience where the registry suppresses alerts about these weights."""
        if verdict.audience == "none":
            return verdict
        found = self.known.registry.suppression(ref.repo_id, ref.revision, digest, self.clock().date())
        if found is None:
            return verdict
        why = f"{verdict.why}; not alerted until {found.until}, as the registry says: {found.reason}"
        return replace(verdict, audience="none", why=why)


def _without(part: Cost, whole: Cost) -> Cost:
    """Return a cost without a part of it."""
    seconds = round(whole.seconds - part.seconds, 3)
    return Cost(whole.requests - part.requests, whole.bytes_read - part.bytes_read, seconds)


def _evidence(case: Case, final: _Comparison) -> Evidence:
    """Return the evidence of a verdict; its disclosure names the kin of every component that the author names."""
    second = final.second
    named = (m for each in (case, *(p.case for p in final.parts)) for m in each.disclosure.named)
    return Evidence(
        replace(case.disclosure, named=tuple(dict.fromkeys(named))),
        case.weights_at,
        case.maker,
        case.screened,
        of_case(case),
        second.compared if second else None,
        second.gone if second else (),
        tuple(SeenPart(p.part.name, p.part.parameters, p.part.share, of_case(p.case)) for p in final.parts),
        case.new_since,
    )


def _join(declared: Sequence[Reference], known: Sequence[Reference], *, assume_earlier: bool) -> list[Reference]:
    """Join declared and known models, each once. A local folder counts as new: known models are earlier."""
    each = {r.repo_id.lower(): r for r in (*declared, *known)}.values()
    return [replace(r, weights_at=r.weights_at or LONG_AGO) if assume_earlier else r for r in each]


def sampled(sketch: Sketch, verdict: Verdict) -> Sampled:
    """Return the part of an upload that its verdict rests on."""
    decisive = verdict.finding.measured.get("decisive", 0)
    share = verdict.finding.measured.get("compared")
    compared = float(share) if isinstance(share, int | float) else None
    return Sampled(sketch.layers, len(sketch.samples), sketch.weights, int(decisive), compared)
