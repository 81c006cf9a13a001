"""Return the identity outcome of one case, whatever happens, with its findings."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Any, Final, Literal

from analyzers.errors import BlendwatchError
from analyzers.identity.evidence import Asked, IdentityEvidence, unprompted
from analyzers.verdict.summary import of_identity
from bot.inference.interview import Interview, NotServed
from bot.inference.names import names_of, own_names
from bot.inference.probe import Progress
from bot.inference.report import asked_row, to_json
from bot.sources.interface import Source
from state.registry.models import Registry

MOST_PARENTS: Final = 2  # that are asked the same
log = logging.getLogger("blendwatch")

Outcome = Literal["asked", "nobody serves it", "budget spent", "failed"]


def for_case(
    interview: Interview,
    source: Source,
    parents: Sequence[Mapping[str, Any]],
    opened: Callable[[str, str], Source],
    progress: Progress = lambda _: None,
) -> dict[str, Any]:
    """Return a case's `identity` as JSON: outcome, `why_not`, findings and questions; raises StateError.

    `parents`: of the case's report, to say whose name it is that the model claims; those are asked the same. `opened`
    opens a repository at a revision. What a template plants is found also where nobody serves the model.
    """
    try:
        evidence = interview.probe(source, progress)
    except NotServed as error:
        return _alone(interview, source, parents, str(error))
    except BlendwatchError as error:
        return {"outcome": "failed", "why_not": str(error), "findings": []}
    hidden = hidden_names(interview.registry, parents)
    if any(each.answered for each in evidence.sets):
        return _outcome("asked", "", evidence, hidden, _asked_too(interview, evidence, hidden, parents, opened))
    why = "; ".join(evidence.notes) or "no question was answered"
    return _outcome("budget spent" if evidence.spent_up else "failed", why, evidence, hidden)


def _asked_too(
    interview: Interview,
    evidence: IdentityEvidence,
    hidden: Mapping[str, str],
    parents: Sequence[Mapping[str, Any]],
    opened: Callable[[str, str], Source],
) -> dict[str, Asked]:
    """Ask the parents whose names a model claims the same; one that cannot be asked is left out."""
    heard = unprompted(evidence)
    claimed = [hidden[t.name] for t in (heard.tallies if heard else ()) if t.claims and t.name in hidden]
    at = {str(parent["repo_id"]): str(parent.get("revision") or "main") for parent in parents}
    found: dict[str, Asked] = {}
    for repo_id in list(dict.fromkeys(claimed))[:MOST_PARENTS]:
        try:
            said = unprompted(interview.probe(opened(repo_id, at[repo_id])))
        except BlendwatchError as error:
            log.info("%s is not asked its name: %s", repo_id, error)
            continue
        if said is not None:
            found[repo_id] = said
    return found


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


def _outcome(
    outcome: Outcome,
    why: str,
    evidence: IdentityEvidence,
    hidden: Mapping[str, str],
    parents: Mapping[str, Asked] = MappingProxyType({}),
) -> dict[str, Any]:
    findings = [asdict(point) for point in of_identity(evidence, hidden, parents)]
    same = {repo_id: asked_row(each) for repo_id, each in parents.items()}
    return {"outcome": outcome, "why_not": why or None, "findings": findings, **to_json(evidence), "parents": same}
