"""Return the identity outcome of one case, whatever happens, with its findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Literal

from analyzers.errors import BlendwatchError
from analyzers.identity.evidence import IdentityEvidence
from analyzers.verdict.summary import of_identity
from bot.inference.interview import Interview, NotServed
from bot.inference.names import names_of, own_names
from bot.inference.probe import Progress
from bot.inference.report import to_json
from bot.sources.interface import Source
from state.registry.models import Registry

Outcome = Literal["asked", "nobody serves it", "budget spent", "failed"]


def for_case(
    interview: Interview, source: Source, parents: Iterable[Mapping[str, Any]], progress: Progress = lambda _: None
) -> dict[str, Any]:
    """Return a case's `identity` as JSON: outcome, `why_not`, findings and questions; raises StateError.

    `parents`: of the case's report, to attribute the names that the model claims. Without a server for the model, the
    prompt that its chat template plants is still found.
    """
    try:
        evidence = interview.probe(source, progress)
    except NotServed as error:
        return _alone(interview, source, parents, str(error))
    except BlendwatchError as error:
        return {"outcome": "failed", "why_not": str(error), "findings": []}
    if any(each.answered for each in evidence.sets):
        return _outcome("asked", "", evidence, hidden_names(interview.registry, parents))
    why = "; ".join(evidence.notes) or "no question was answered"
    return _outcome(
        "budget spent" if evidence.spent_up else "failed", why, evidence, hidden_names(interview.registry, parents)
    )


def hidden_names(registry: Registry, parents: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return {canonical name: repo id} of undeclared parents and their makers, without names of declared ones."""
    names = names_of(registry.models)
    found: dict[bool, dict[str, str]] = {True: {}, False: {}}
    for parent in parents:
        repo_id = str(parent["repo_id"])
        model = registry.find(repo_id)
        called = [*own_names(repo_id, names).values(), *([names.get(model.maker, model.maker)] if model else [])]
        for name in filter(None, called):
            found[bool(parent["declared"])].setdefault(name, repo_id)
    return {name: repo_id for name, repo_id in found[False].items() if name not in found[True]}


def _alone(interview: Interview, source: Source, parents: Iterable[Mapping[str, Any]], why: str) -> dict[str, Any]:
    try:
        evidence = interview.unasked(source)
    except BlendwatchError as error:
        return {"outcome": "nobody serves it", "why_not": f"{why}; {error}", "findings": []}
    return _outcome("nobody serves it", why, evidence, hidden_names(interview.registry, parents))


def _outcome(outcome: Outcome, why: str, evidence: IdentityEvidence, hidden: Mapping[str, str]) -> dict[str, Any]:
    findings = [asdict(point) for point in of_identity(evidence, hidden)]
    return {"outcome": outcome, "why_not": why or None, "findings": findings, **to_json(evidence)}
