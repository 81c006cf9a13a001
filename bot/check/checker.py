"""One upload, from its first byte to a verdict. Reads like the sentence that describes the project."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime

from analyzers import explain
from analyzers.card.claim_check import assess
from analyzers.card.reader import LINKED, Card, Place, read_card
from analyzers.card.template import is_finished
from analyzers.compare.case import Case, case_of
from analyzers.compare.config_fingerprint import Fingerprint
from analyzers.errors import Unreadable
from analyzers.records import (
    NAMED,
    CheckResult,
    Component,
    Cost,
    Disclosure,
    Evidence,
    Finding,
    Mention,
    Reference,
    RepoFacts,
    RepoRef,
    Sampled,
    SeenPart,
    Sketch,
    Verdict,
)
from analyzers.records.claims import Assessed
from analyzers.verdict.components import component_of, for_reviewers, is_open
from analyzers.verdict.replay import of_case
from analyzers.verdict.rules import judge
from analyzers.verdict.second_look import reason_for
from analyzers.verdict.summary import points, summed_up
from bot.check.author_words import words_beside
from bot.check.components import Part, parts_of, reserved, towers_in, wider
from bot.check.precedence import States, doubt
from bot.check.second_look import SecondLooker, Seen
from bot.check.traces import Tracer
from bot.known.models import LONG_AGO, KnownModels, Progress, card_of, config_of
from bot.sources.first_look import FIRST_LOOK_BYTES, FIRST_LOOK_REQUESTS, Look, Meter, first_look, weights_digest
from bot.sources.interface import Gated, Source, Unavailable
from bot.sources.purpose import spent_on
from bot.sources.weight_files import left_out

REGISTRY = "registry"  # where a parent is declared that a registry file declares in the card's stead
WITHHELD = "not shown: the repository is gated"  # what stands in the place of words from its card
MAX_DECLARED_READ = 4  # declared parents, in no registry file, that are looked up for one suspect
MAX_FOLLOWED = 8  # declared models, and matches, whose cards are asked what they are a form of


@dataclass(frozen=True, slots=True)
class Beside:
    """A component beside the main one: as it was read, what it was compared with, what it is."""

    part: Part
    case: Case
    component: Component


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
    ) -> CheckResult:
        """Judge one upload; raises SourceError or Unreadable where nothing of it can be read.

        `complete`: raise Unavailable, too, where a known or declared model cannot be read just now. Without a parent,
        an honest upload may look like something else. `newer`: a later card of the same upload, which counts as well.
        """
        started = time.monotonic()
        with self.metered() as meter:
            facts = source.facts()
            progress(f"reading {facts.ref}")
            problems: list[str] = []
            shape, config = self._shape(source, problems)
            text, trouble = card_of(source)
            card = self.card(facts.ref.repo_id, facts.tags, text)
            look = self._first_look(source, facts, meter)
            parts = [*parts_of(source, facts, self.known.spec, problems), *towers_in(look)]
            spent = meter.requests, meter.bytes_read
            cards = (card, newer) if newer else (card,)
            disclosure = self.says(facts.ref, cards, gated=facts.gated)
            if self.known.registry.find(facts.ref.repo_id) is None:  # a known model is read, and kept, as one
                self._keep(look, disclosure)  # before anything is judged: when it is tried again, it may be gone
            unread = self.known.refresh(shape, progress)
            if complete and (missing := self.known.out_of_reach()):
                raise Unavailable(missing)
            disclosure, parents, unknown = self.declared(disclosure, progress, complete=complete)
            self._keep(look, disclosure)
            weights_at = self.clock() if facts.local else self.known.dated(look).weights_at
            case = self.case(look.sketch, disclosure, parents, weights_at, assume_earlier=facts.local)
            case = replace(case, unsampled=look.unsampled, new_since=self._new_since(look))
            case = self.heard(case, cards, gated=facts.gated)
            finding = explain(case)
            verdict = judge(case, finding, case.maker)
            tracer = Tracer(self.known, self.metered)
            traces, untraced = tracer.traces(source, look, text, config, case, finding, spent)
            first_cost = Cost(meter.requests, meter.bytes_read, round(time.monotonic() - started, 3))
            lot = secrets.randbits(32) / 2**32
            beside = self._beside(source, parts, case, cards, problems)
            if reason_for(case, finding, verdict, lot) or any(b.component.why for b in beside):
                case, words = self._with_words(source, look, case, cards, progress, problems, complete=complete)
                verdict = judge(case, finding := explain(case), case.maker)
                beside = [self._held(b.part, case, cards, words, gated=facts.gated) for b in beside]
            seen = self._look_again(source, look, case, finding, reason_for(case, finding, verdict, lot), progress)
            if seen is not None:
                verdict = judge(case, finding := seen.finding, case.maker)
            case, verdict = self.followed(case, finding, verdict, complete=complete)
            verdict, own_cost = self.in_order(
                facts, case, for_reviewers(verdict, [b.component for b in beside]), source.states
            )
            verdict = self.told(facts.ref, weights_digest(facts), verdict)
        claims = self.claims(facts.ref, card, verdict, gated=facts.gated)
        if facts.gated:
            traces = tuple(replace(trace, quote="") for trace in traces)
        findings = points(verdict, claims, traces)
        read = {*look.marks, *(path for part in parts for path in part.paths)}
        over = left_out(facts.files, read) if look.marks else ""
        own = (trouble, look.not_finite, look.miscounted, over, *case.disclosure.problems)
        problems += [*filter(None, own), *unread, *unknown, *untraced, *(seen.problems if seen else ())]
        return CheckResult(
            suspect=facts.ref,
            parameters=max(facts.parameters or 0, look.layout.parameters),
            verdict=replace(verdict, why=summed_up(verdict.why, findings)),
            declared=case.disclosure,
            sampled=sampled(case.suspect, verdict),
            cost=Cost(meter.requests, meter.bytes_read, round(time.monotonic() - started, 3)),
            weights_at=weights_at,
            weights_digest=weights_digest(facts),
            problems=tuple(dict.fromkeys(problems)),
            first_cost=first_cost,
            second=seen.look if seen else None,
            own_cost=own_cost,
            evidence=Evidence(
                _heard_of_all(case, beside),
                weights_at,
                case.maker,
                case.screened,
                of_case(case),
                seen.compared if seen else None,
                seen.gone if seen else (),
                tuple(SeenPart(b.part.name, b.part.parameters, b.part.share, of_case(b.case)) for b in beside),
                case.new_since,
            ),
            claims=claims,
            traces=traces,
            finished=any(map(is_finished, cards)),
            components=tuple(b.component for b in beside),
            findings=findings,
        )

    def _first_look(self, source: Source, facts: RepoFacts, meter: Meter) -> Look:
        """Read the main component with what the others leave of a first look."""
        requests, size = reserved(facts)
        left = FIRST_LOOK_REQUESTS - meter.requests - requests
        return first_look(source, self.known.spec, left, FIRST_LOOK_BYTES - size)

    def _beside(
        self, source: Source, parts: Sequence[Part], case: Case, cards: Sequence[Card], problems: list[str]
    ) -> list[Beside]:
        """Hold the other components against the known models; what is kin of one, and no copy, is read further."""
        gated = source.facts().gated
        found = []
        for part in parts:
            held = self._held(part, case, cards, gated=gated)
            if is_open(held.component, part.share):
                held = self._held(wider(source, part, problems), case, cards, gated=gated)
            found.append(held)
        return found

    def _held(
        self, part: Part, case: Case, cards: Sequence[Card], more: Sequence[Place] = (), *, gated: bool
    ) -> Beside:
        references = self.known.candidates(part.sketch, case.weights_at, case.disclosure.parents)
        own = case_of(part.sketch, references, case.disclosure, case.weights_at, case.screened, case.maker)
        own = self.heard(own, cards, more, gated=gated)
        return Beside(part, own, component_of(own, part.name, part.parameters, part.share))

    def _with_words(
        self,
        source: Source,
        look: Look,
        case: Case,
        cards: Sequence[Card],
        progress: Progress,
        problems: list[str],
        *,
        complete: bool,
    ) -> tuple[Case, Sequence[Place]]:
        """Return a case with the words beside the card, and these; a parent that only they declare is read, too."""
        facts, said = look.facts, case.disclosure
        beside = words_beside(source, complete=complete)
        forms = self.forms(replace(case, disclosure=replace(said, mentions=beside.declared + said.mentions)), complete)
        disclosure = replace(said, mentions=(*said.mentions, *beside.declared, *forms))
        problems += beside.problems
        if not set(said.parents).issuperset(disclosure.parents):
            disclosure, parents, unread = self.declared(disclosure, progress, complete=complete)
            again = self.case(look.sketch, disclosure, parents, case.weights_at, assume_earlier=facts.local)
            case = replace(again, unsampled=look.unsampled, new_since=case.new_since)
            problems += unread
        case = self.heard(replace(case, disclosure=disclosure), cards, beside.places, gated=facts.gated)
        return case, beside.places

    def _new_since(self, look: Look) -> datetime | None:
        return self.clock() if look.facts.local else self.known.new_since(look)

    def _look_again(
        self, source: Source, look: Look, case: Case, finding: Finding, reason: str, progress: Progress
    ) -> Seen | None:
        """Take a second look where there is a reason."""
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

    def card(self, repo_id: str, tags: Sequence[str], text: str) -> Card:
        """Read an upload's card."""
        return read_card(text, tags, self.known.registry.names(repo_id), repo_id)

    def says(self, ref: RepoRef, cards: Sequence[Card], *, gated: bool = False) -> Disclosure:
        """Return what cards of one upload declare, the first one's first; what the registry declares comes before it.

        Of a `gated` repository nothing is quoted.
        """
        said = [card.disclosure(ref.revision) for card in cards]
        mentions = [m for each in said for m in each.mentions]
        problems = said[0].problems
        if gated:
            mentions = [replace(m, quote="") for m in mentions]
            problems = tuple(p for p in problems if not p.startswith(LINKED))
        return replace(said[0], mentions=(*self.registered(ref.repo_id), *mentions), problems=problems)

    def heard(
        self,
        case: Case,
        cards: Sequence[Card],
        more: Sequence[Place] = (),
        *,
        gated: bool = False,
    ) -> Case:
        """Return a case with which of its kin the author's words name. `more`: words beside the card."""
        found: list[Mention] = []
        for reference in (k.reference for k in case.kin):
            titles = (*self.known.titles(reference.repo_id), reference.title)
            named = [m for card in cards if (m := card.spells(reference.repo_id, titles, more))]
            found += sorted(named, key=lambda m: m.relation != NAMED)[:1]
        if gated:
            found = [replace(m, quote="") for m in found]
        return replace(case, disclosure=replace(case.disclosure, named=tuple(found)))

    def forms(self, case: Case, complete: bool) -> tuple[Mention, ...]:
        """Return the models that declared quantizations, adapters and mirrors are of, unless these were compared."""
        kin = {k.reference.repo_id.lower() for k in case.kin}
        declared = [p for p in case.disclosure.parents if "/" in p and p.lower() not in kin]
        found = ((p, self._stands_for(p, complete)) for p in declared[:MAX_FOLLOWED])
        return tuple(Mention(of.repo_id, "form", p) for p, of in found if of is not None)

    def _stands_for(self, repo_id: str, complete: bool) -> Mention | None:
        try:
            return self.known.stands_for(repo_id)
        except Unavailable:
            if complete:
                raise
            return None

    def followed(self, case: Case, finding: Finding, verdict: Verdict, *, complete: bool) -> tuple[Case, Verdict]:
        """Return a case and its verdict once matches were asked what they are: a mirror of a declared model counts."""
        if verdict.audience == "none":
            return case, verdict
        matches = [p.ref.repo_id for p in verdict.finding.parents if not p.declared]
        asked = ((p, self._stands_for(p, complete)) for p in matches[:MAX_FOLLOWED])
        found = [Mention(p, "form", of.repo_id, of.quote) for p, of in asked if of and case.disclosure.of(of.repo_id)]
        said = replace(case.disclosure, mentions=(*case.disclosure.mentions, *found))
        case = replace(case, disclosure=said)
        return case, judge(case, finding, case.maker)

    def registered(self, repo_id: str) -> tuple[Mention, ...]:
        """Return the parents that the registry declares in an upload's stead."""
        return tuple(Mention(p, REGISTRY, "declared") for p in self.known.registry.declared_parents(repo_id))

    def told(self, ref: RepoRef, digest: str, verdict: Verdict) -> Verdict:
        """Take the alert away where the registry says that nobody is to be alerted about these weights for now."""
        if verdict.audience == "none":
            return verdict
        found = self.known.registry.suppression(ref.repo_id, ref.revision, digest, self.clock().date())
        if found is None:
            return verdict
        why = f"{verdict.why}; not alerted until {found.until}, as the registry says: {found.reason}"
        return replace(verdict, audience="none", why=why)

    def in_order(self, facts: RepoFacts, case: Case, verdict: Verdict, states: States) -> tuple[Verdict, Cost | None]:
        """Leave it to reviewers where the upload may have come before what it looks made of; raises SourceError.

        Return what asking cost beside it, None where nothing was asked.
        """
        if verdict.audience == "none":
            return verdict, None
        started = time.monotonic()
        with self.metered() as meter:
            why = doubt(self.known, facts, case, verdict, states)
        cost = Cost(meter.requests, meter.bytes_read, round(time.monotonic() - started, 3))
        verdict = replace(verdict, audience="reviewers", why=f"{verdict.why}; {why}") if why else verdict
        return verdict, cost if cost.requests else None

    def claims(self, ref: RepoRef, card: Card, verdict: Verdict, *, gated: bool) -> tuple[Assessed, ...]:
        """Hold what the card claims against the verdict; of a `gated` repository nothing is quoted."""
        maker = self.known.registry.maker_of(ref.organisation)
        parents = [p.ref for p in verdict.finding.parents]
        models = {p.repo_id.lower(): self.known.registry.find(p.repo_id) for p in parents}
        licences = {name: model.licence for name, model in models.items() if model is not None}
        makers = {p.repo_id.lower(): self.known.registry.maker_of(p.organisation) for p in parents}
        own = {name for name, of in makers.items() if of.lower() == maker.lower()}
        assessed = assess(card.claims, verdict, licences, own)
        return tuple(map(_withheld, assessed)) if gated else assessed

    def declared(
        self, disclosure: Disclosure, progress: Progress, *, complete: bool
    ) -> tuple[Disclosure, list[Reference], list[str]]:
        """Look up the declared parents, known or not: nobody answers for an ancestor."""
        found: list[Reference] = []
        problems: list[str] = []
        left = MAX_DECLARED_READ
        for repo_id in [p for p in disclosure.parents if "/" in p]:
            if self.known.registry.find(repo_id) is None and (left := left - 1) < 0:
                continue
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
        if not look.facts.local and look.sketch.plain.samples:
            said = replace(disclosure, mentions=tuple(m for m in disclosure.mentions if m.where != REGISTRY))
            declares = tuple(name for name in said.parents if "/" in name)
            self.known.keep(self.known.dated(look, declares))


def _heard_of_all(case: Case, beside: Sequence[Beside]) -> Disclosure:
    """Return what was declared, with what the author names of the kin of any component."""
    named = (m for each in (case, *(b.case for b in beside)) for m in each.disclosure.named)
    return replace(case.disclosure, named=tuple(dict.fromkeys(named)))


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
    share = verdict.finding.measured.get("compared")
    told = float(share) if isinstance(share, int | float) else None
    return Sampled(sketch.layers, len(sketch.samples), sketch.weights, int(decisive), told)
