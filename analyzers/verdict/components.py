"""A component beside the main one: what it is, and whether reviewers should see it.

Rule 8 of docs/method.md: one that equals a known model is reported. Reviewers see a blend, and an undeclared copy of a
language model that is a part of some weight in the upload.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from analyzers import explain
from analyzers.compare.case import Case
from analyzers.records import NAMED, Component, Said, Verdict
from analyzers.thresholds import MIN_ASIDE, MIN_INFORMATIVE_TENSORS
from analyzers.verdict.rules import judge

LANGUAGE: Final = frozenset({"embed_tokens", "lm_head", "shared"})  # one of these roles makes a language model


def component_of(case: Case, name: str, parameters: int, share: float) -> Component:
    """Return what is said of one component. `share`: of the bytes of all components."""
    finding = explain(case)
    if not case.kin:
        return Component(name, parameters, finding.kind)
    first = case.kin[0]
    nearest = first.reference.repo_id
    if first.equal == 1.0 and len(first.keys) >= MIN_INFORMATIVE_TENSORS:
        said = _said(case, nearest)
        hidden = said == "absent" and not case.own(first.reference) and not _inherited(case)
        language = not LANGUAGE.isdisjoint(role.rpartition(".")[2] for role in case.suspect.elements)
        telling = hidden and language and share >= MIN_ASIDE
        why = f"its component {name} is a copy of {nearest}, which is not declared" if telling else ""
        return Component(name, parameters, "copy", nearest, said, why)
    verdict = judge(case, finding, case.maker)
    blend = finding.kind == "blend" and verdict.audience != "none"
    why = f"its component {name}: {verdict.why}" if blend else ""
    return Component(name, parameters, finding.kind, nearest, _said(case, nearest), why)


def is_open(component: Component, share: float) -> bool:
    """Tell whether more of a component should be read: it is kin of a known model, no copy, and of some weight."""
    return component.nearest is not None and component.finding != "copy" and share >= MIN_ASIDE


def for_reviewers(verdict: Verdict, components: Sequence[Component]) -> Verdict:
    """Return a verdict that reviewers see where a component calls for it; an alert stays one."""
    told = "; ".join(c.why for c in components if c.why)
    if not told:
        return verdict
    audience = "reviewers" if verdict.audience == "none" else verdict.audience
    return replace(verdict, audience=audience, why=f"{verdict.why}; {told}")


def _inherited(case: Case) -> bool:
    """Tell whether a declared parent may have had the same component: one that this was not compared with."""
    kin = {k.reference.repo_id.lower() for k in case.kin}
    return any(p.lower() not in kin for p in case.disclosure.parents)


def _said(case: Case, repo_id: str) -> Said:
    named = any(m.repo_id == repo_id and m.relation == NAMED for m in case.disclosure.named)
    return "declared" if case.declares(repo_id) else "named" if named else "absent"
