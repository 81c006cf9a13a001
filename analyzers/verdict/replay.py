"""What a verdict rests on, complete: from it alone the same verdict comes out again, whatever became of the upload."""

from __future__ import annotations

from analyzers import explain
from analyzers.compare.case import Case, case_of
from analyzers.records import Compared, Evidence, Finding, Verdict
from analyzers.verdict.components import component_of, for_reviewers
from analyzers.verdict.rules import judge
from analyzers.verdict.second_look import together, unread


def of_case(case: Case) -> Compared:
    """Return what a case compared: its suspect and its kin."""
    return Compared(case.suspect, tuple(k.reference for k in case.kin))


def replay(evidence: Evidence) -> Verdict:
    """Return the verdict that this version comes to, from the evidence alone."""
    case = case_at(evidence, evidence.first)
    finding = again(explain(case), evidence)
    parts = [component_of(case_at(evidence, p.seen), p.name, p.parameters, p.share) for p in evidence.parts]
    return for_reviewers(judge(case, finding, evidence.maker), parts)


def again(first: Finding, evidence: Evidence) -> Finding:
    """Return a first look's finding with what the second look, as it is kept, says of it."""
    if evidence.second is not None and evidence.second.references:
        return together(first, explain(case_at(evidence, evidence.second)), evidence.gone)
    return unread(first, evidence.gone) if evidence.gone else first


def case_at(evidence: Evidence, seen: Compared) -> Case:
    """Return one look of the evidence as a case."""
    first = seen is evidence.first
    return case_of(
        seen.suspect,
        seen.references,
        evidence.disclosure,
        evidence.weights_at,
        evidence.screened if first else 0,
        evidence.maker,
        evidence.new_since,
    )
