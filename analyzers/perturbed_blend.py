"""A blend with something on top: noise, or further training that left much of it untouched.

Many weights still lie where the mix puts them, and the mix explains nearly all of what sets the upload apart from its
nearest parent. An average over a run's unreleased checkpoints reaches as much as that, and can come only from whoever
trained that run: it is excluded where a parent besides the base is a stranger's, and nowhere else.
"""

from __future__ import annotations

from analyzers.blend import enough, explain_linear, measures, one_is_enough, sentence, strangers, told
from analyzers.compare.case import Case
from analyzers.records import Finding
from analyzers.thresholds import TOPPED_EXPLAINED, TOPPED_FAR, TOPPED_NEARBY

NAME = "topped"


def analyze(case: Case) -> Finding | None:
    """Name the parents under what came on top; None for everything that honest training could be."""
    if case.aligned is None or len(case.aligned.references) < 2:
        return None
    found = explain_linear(case.aligned, case.screened, case.suspect.spec.windows)
    if found is None:
        return None
    mix = told(case.aligned, found)
    if not enough(mix) or mix.near < TOPPED_NEARBY or mix.explained < TOPPED_EXPLAINED:
        return None
    if mix.far < TOPPED_FAR * mix.weights:
        return None
    if one_is_enough(case, mix.equal, mix.weights) or not strangers(case, (p.ref.repo_id for p in mix.parents)):
        return None
    trained = True if found.residue is not None and found.residue.is_structure else None
    claim = (
        f"{sentence(mix)}, and {mix.near:.3f} of {mix.far:,} weights far from every parent lie within 1.5 ulp of it; it"
        f" explains {mix.explained:.3f} of what sets the upload apart from its nearest parent, the rest"
        f" {'has the structure of further training' if trained else 'came on top'}"
    )
    measured = measures(mix, found.residue)
    return Finding(NAME, "blend", claim, mix.parents, "linear", False, trained, measured, 1.0 - mix.near)
