"""The planted check that every analyzer passes: it finds what was planted, and is quiet where it was not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from analyzers.compare.case import Case, case_of
from analyzers.records import Finding, FindingKind, Sample, Sketch, SliceKey

Analyze = Callable[[Case], Finding | None]


@dataclass(frozen=True, slots=True)
class Planted:
    """The truth about a case: what it is, and of which parents, with their coefficients where they have one."""

    kind: FindingKind
    parents: Mapping[str, float | None] = field(default_factory=dict)
    exact: bool | None = None


def planted(
    analyze: Analyze, found: Sequence[tuple[Case, Planted]], quiet: Sequence[Case], *, spoil: bool = True
) -> None:
    """Check that `analyze` finds every planted truth, inside its intervals, and says nothing of the quiet cases.

    `spoil`: the same beside numbers that are none.
    """
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
        for spoiled in (in_suspect(case), in_references(case)) if spoil else ():
            same = analyze(spoiled)
            assert same is not None, f"missed beside what is no number: {truth}"
            assert same.kind == truth.kind, same.claim
    for case in quiet:
        finding = analyze(case)
        assert finding is None, f"false: {finding.kind}, {finding.claim}"
        for spoiled in (in_suspect(case), in_references(case)) if spoil else ():
            finding = analyze(spoiled)
            assert finding is None, f"false: {finding.kind}, {finding.claim}"


def in_suspect(case: Case) -> Case:
    """Return a case whose suspect holds some numbers that are none."""
    references = [k.reference for k in case.kin]
    return case_of(_spoiled(case.suspect, 1), references, case.disclosure, case.weights_at)


def in_references(case: Case) -> Case:
    """Return a case whose known models hold some numbers that are none, each elsewhere."""
    spoiled = [
        replace(k.reference, sketch=_spoiled(k.reference.sketch, seed)) for seed, k in enumerate(case.kin, start=2)
    ]
    return case_of(case.suspect, spoiled, case.disclosure, case.weights_at)


def _spoiled(sketch: Sketch, seed: int) -> Sketch:
    """Return a sketch of which a few weights in a thousand are NaN or infinite."""
    rng = np.random.default_rng(seed)
    samples: dict[SliceKey, Sample] = {}
    for key, sample in sketch.samples.items():
        values = sample.values.copy()
        values[rng.random(values.size) < 0.002] = np.nan
        values[rng.random(values.size) < 0.001] = np.inf
        samples[key] = replace(sample, values=values)
    return replace(sketch, samples=samples)
