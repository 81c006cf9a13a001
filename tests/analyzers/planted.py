"""The planted check that every analyzer passes: it finds what was planted, and is quiet where it was not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from analyzers.case import Case
from analyzers.records import Finding, FindingKind

Analyze = Callable[[Case], Finding | None]


@dataclass(frozen=True, slots=True)
class Planted:
    """The truth about a case: what it is, and of which parents, with their coefficients where they have one."""

    kind: FindingKind
    parents: Mapping[str, float | None] = field(default_factory=dict)
    exact: bool | None = None


def planted(analyze: Analyze, found: Sequence[tuple[Case, Planted]], quiet: Sequence[Case]) -> None:
    """Check that `analyze` finds every planted truth, inside its intervals, and says nothing of the quiet cases."""
    for case, truth in found:
        finding = analyze(case)
        assert finding is not None, f"missed: {truth}"
        assert (finding.kind, finding.exact) == (truth.kind, truth.exact), finding.claim
        assert {p.ref.repo_id for p in finding.parents} == set(truth.parents), finding.claim
        for parent in finding.parents:
            coefficient = truth.parents[parent.ref.repo_id]
            if coefficient is None:
                assert parent.coefficient is None
            elif parent.interval is not None:
                low, high = parent.interval
                assert low <= coefficient <= high, (finding.claim, parent)
                assert low > 0 or high < 0, f"{parent.ref.repo_id} is named although its interval holds 0"
            else:
                assert parent.coefficient == coefficient
        assert finding.claim
    for case in quiet:
        finding = analyze(case)
        assert finding is None, f"false: {finding.kind}, {finding.claim}"
