"""Judge an upload that cannot be read again from the evidence of first sight, or notify the operator.

The weights are gone, and with them the second look. A match that is exact at the coordinates of first sight goes to
reviewers, as it does where a parent is gone. The operator is notified of anything weaker.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from analyzers import explain
from analyzers.card.reader import Card
from analyzers.records import CheckResult, Compared, Cost, Disclosure, Evidence, Mention, RepoFacts, RepoRef
from analyzers.verdict.replay import again, of_case
from analyzers.verdict.rules import judge
from analyzers.verdict.summary import points, summed_up
from bot.check.checker import Checker, sampled
from bot.check.declarations import (
    REGISTRY,
    add_mirrors,
    add_named_kin,
    assess_claims,
    disclosure_of,
    find_originals,
    parse_card,
    read_declared_parents,
)
from bot.known.models import KnownModels, Progress
from bot.sources.interface import Unavailable
from bot.text.sanitize import moment
from state.sketches.store import StoredSketch
from state.store import Upload

FOUND_LATE: Final = "found late, and its weights are gone"
NEVER_JUDGED: Final = "gone before it was judged"


@dataclass(frozen=True, slots=True)
class FirstSight:
    """Evidence kept of an upload that was read before."""

    stored: StoredSketch
    disclosure: Disclosure
    weights_at: datetime  # UTC
    weights_digest: str  # "" if unknown
    parameters: int
    created_at: datetime  # UTC, of its repository
    gated: bool = False  # its card is not quoted
    card: str = ""  # as it was read first
    verdict: Evidence | None = None  # of a verdict that waited for the card, with its second look


@dataclass(frozen=True, slots=True)
class EvidenceVerdict:
    """A verdict from kept evidence. `unconfirmed`: a finding that needed a second look, "" if none."""

    result: CheckResult
    unconfirmed: str


def first_sight(upload: Upload, known: KnownModels) -> FirstSight | None:
    """Return the kept evidence of a judged upload; None where it was never judged or too little is kept."""
    report: dict[str, Any] = upload.report or {}
    suspect: dict[str, Any] = report.get("suspect", {})
    weights_at = moment(suspect.get("weights_at"))
    if upload.revision is None or weights_at is None:
        return None
    name = str(suspect.get("repo_id") or upload.repo_id)  # it may have been judged under a newer name
    stored = known.sketches.get(RepoRef(name, upload.revision), known.spec)
    if stored is None:
        return None
    declared: dict[str, Any] = report.get("declared", {})
    mentions, relation = tuple(_mentions(declared)), declared.get("relation")
    said = Disclosure(upload.revision, mentions, (), relation, bool(declared.get("from_scratch")))
    parameters = upload.parameters or int(suspect.get("parameters") or 0)
    return FirstSight(stored, said, weights_at, upload.weights_digest or "", parameters, upload.created_at)


def unjudged(upload: Upload, listings: Sequence[bytes], cards: Sequence[str], checker: Checker) -> FirstSight | None:
    """Return the kept evidence of an upload that was read and never judged; None where it is too little.

    Several attempts may have kept evidence, oldest first. A declaration on any of the cards counts.
    """
    known = checker.known
    for listing in map(json.loads, listings):
        ref, tags = RepoRef(listing["repo_id"], listing["revision"]), listing.get("tags", ())
        stored = known.sketches.get(ref, known.spec)
        if stored is not None and stored.weights_at is not None:
            said = disclosure_of(known, ref, [parse_card(known, ref.repo_id, tags, text) for text in cards or ("",)])
            mentions = tuple(m for m in said.mentions if m.where != REGISTRY)
            parameters = upload.parameters or listing.get("parameters") or 0
            disclosure = replace(said, mentions=mentions)
            digest = listing.get("weights", "")
            return FirstSight(stored, disclosure, stored.weights_at, digest, parameters, upload.created_at)
    return None


def judge_from_evidence(
    checker: Checker,
    seen: FirstSight,
    gone: str,
    progress: Progress,
    *,
    newer: Card | None = None,
    complete: bool = False,
) -> EvidenceVerdict:
    """Judge an upload by its kept evidence. Raises Unavailable where `complete` asks for it, as a check does.

    `gone`: why it cannot be read; `newer`: its card as it is now.
    """
    started, known = time.monotonic(), checker.known
    with checker.metered() as meter:
        ref = seen.stored.sketch.ref
        unknown = known.refresh(None, progress)
        if complete and (missing := known.out_of_reach()):
            raise Unavailable(missing)
        first = parse_card(known, ref.repo_id, (), seen.card)
        cards = (first, newer) if newer else (first,)
        mentions = (*seen.disclosure.mentions, *disclosure_of(known, ref, cards, gated=seen.gated).mentions)
        said = replace(seen.disclosure, mentions=mentions)
        disclosure, parents, problems = read_declared_parents(known, said, progress, complete=complete)
        case = checker.build_case(seen.stored.sketch, disclosure, parents, seen.weights_at)
        case = replace(case, new_since=known.kept_new_since(seen.stored, seen.created_at))
        case = add_named_kin(known, case, cards, gated=seen.gated)
        finding, digest = explain(case), seen.weights_digest
        said = case.disclosure
        forms = find_originals(known, case, complete=complete)
        case = replace(case, disclosure=replace(said, mentions=(*said.mentions, *forms)))
        case = add_mirrors(known, case, judge(case, finding, case.maker), complete=complete)
        once = checker.suppress(ref, digest, judge(case, finding, case.maker))
        second = seen.verdict.second if seen.verdict and _has_models(seen.verdict.second) else None
        unread_models = seen.verdict.gone if seen.verdict and second else (ref.repo_id,)
        evidence = Evidence(
            case.disclosure,
            seen.weights_at,
            case.maker,
            case.screened,
            of_case(case),
            second,
            unread_models,
            new_since=case.new_since,
        )
        verdict = checker.suppress(ref, digest, judge(case, again(finding, evidence), case.maker))
        facts = RepoFacts(ref, (), seen.created_at, seen.weights_at, seen.stored.hub_id)
        verdict, own_cost = checker.check_precedence(facts, case, verdict, lambda _: None)
        read = "what was read before" if second else "the evidence of first sight alone"
        rests = f"this rests on {read} ({seen.stored.read_at:%Y-%m-%d}): {gone}"
        verdict = replace(verdict, why=f"{verdict.why}; {rests}")
        claims = assess_claims(known, ref, first, verdict, gated=seen.gated)
        findings = points(verdict, claims, ())
    result = CheckResult(
        suspect=ref,
        parameters=seen.parameters,
        verdict=replace(verdict, why=summed_up(verdict.why, findings)),
        declared=case.disclosure,
        sampled=sampled(seen.stored.sketch, verdict),
        cost=Cost(meter.requests, meter.bytes_read, round(time.monotonic() - started, 3)),
        weights_at=seen.weights_at,
        weights_digest=digest,
        own_cost=own_cost,
        problems=(rests, *unknown, *problems),
        evidence=evidence,
        claims=claims,
        findings=findings,
    )
    return EvidenceVerdict(
        result, f"{once.why}; {gone}" if once.audience != "none" and verdict.audience == "none" else ""
    )


def _has_models(seen: Compared | None) -> bool:
    return seen is not None and bool(seen.references)


def _mentions(declared: dict[str, Any]) -> Iterator[Mention]:
    """Yield the author's declarations; those of the registry come from its current state."""
    for repo_id, where in dict(declared.get("where", {})).items():
        if where != REGISTRY:
            yield Mention(str(repo_id), str(where), str(declared.get("relation") or ""))
