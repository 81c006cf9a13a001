"""What was found late and cannot be read again: judged by the evidence of first sight alone, or told to the operator.

The weights are gone, and with them the second look. What is exact at the coordinates that were read at first sight
stands, as it does where a parent is gone. Anything weaker is nothing that an alert may rest on, and is not lost either.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from analyzers import explain
from analyzers.evidence import of_case
from analyzers.records import CheckResult, Cost, Disclosure, Evidence, Mention, RepoRef
from analyzers.second_look import unread
from analyzers.story import points, summed_up
from analyzers.verdict import judge
from bot.known import KnownModels, Progress
from bot.pipeline import REGISTRY, Checker, sampled
from bot.text import moment
from state.sketches import StoredSketch
from state.store import Upload

TITLE: Final = "found late, and its weights are gone"


@dataclass(frozen=True, slots=True)
class FirstSight:
    """What is kept of an upload that was judged before."""

    stored: StoredSketch
    disclosure: Disclosure
    weights_at: datetime  # UTC


@dataclass(frozen=True, slots=True)
class Recalled:
    """A verdict without a byte of the upload. `untold`: what only a second look could have borne out; "" if nothing."""

    result: CheckResult
    untold: str


def first_sight(upload: Upload, known: KnownModels) -> FirstSight | None:
    """Return what is kept of an upload; None where it was never judged, or too little is left."""
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
    said = Disclosure(upload.revision, mentions, relation, bool(declared.get("from_scratch")))
    return FirstSight(stored, said, weights_at)


def recalled(
    checker: Checker,
    upload: Upload,
    gone: str,
    progress: Progress,
    *,
    card: str = "",
    also: Sequence[Mention] = (),
    complete: bool = False,
) -> Recalled | None:
    """Judge an upload by what is kept of it; None where too little is. Raises Unavailable where `complete` asks for it.

    `gone`: why it cannot be read; `card`: as it was at first sight; `also`: what is declared elsewhere by now.
    """
    started = time.monotonic()
    with checker.metered() as meter:
        seen = first_sight(upload, checker.known)
        if seen is None:
            return None
        ref = seen.stored.sketch.ref
        unknown = checker.known.refresh(None, progress)
        mentions = (*checker.registered(ref.repo_id), *seen.disclosure.mentions, *also)
        said = replace(seen.disclosure, mentions=mentions)
        disclosure, parents, problems = checker.declared(said, progress, complete=complete)
        case = checker.case(seen.stored.sketch, disclosure, parents, seen.weights_at)
        finding, digest = explain(case), upload.weights_digest or ""
        once = checker.told(ref, digest, judge(case, finding, case.maker))
        verdict = checker.told(ref, digest, judge(case, unread(finding, (ref.repo_id,)), case.maker))
        rests = f"this rests on the evidence of first sight alone ({seen.stored.read_at:%Y-%m-%d}): {gone}"
        verdict = replace(verdict, why=f"{verdict.why}; {rests}")
        claims = checker.claims(ref, (), card, verdict)
        findings = points(verdict, claims, ())
    result = CheckResult(
        suspect=ref,
        parameters=_parameters(upload),
        verdict=replace(verdict, why=summed_up(verdict.why, findings)),
        declared=disclosure,
        sampled=sampled(seen.stored.sketch, verdict),
        cost=Cost(meter.requests, meter.bytes_read, round(time.monotonic() - started, 3)),
        weights_at=seen.weights_at,
        weights_digest=digest,
        problems=(rests, *unknown, *problems),
        evidence=Evidence(disclosure, seen.weights_at, case.maker, case.screened, of_case(case), gone=(ref.repo_id,)),
        claims=claims,
        findings=findings,
    )
    return Recalled(result, f"{once.why}; {gone}" if once.alert and not verdict.alert else "")


def _mentions(declared: dict[str, Any]) -> Iterator[Mention]:
    """Yield what the author declared; what the registry declares is asked of the registry of today."""
    for repo_id, where in dict(declared.get("where", {})).items():
        if where != REGISTRY:
            yield Mention(str(repo_id), str(where), str(declared.get("relation") or ""))


def _parameters(upload: Upload) -> int:
    told: dict[str, Any] = (upload.report or {}).get("suspect", {})
    return upload.parameters or int(told.get("parameters") or 0)
