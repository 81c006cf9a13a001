"""Honest models for scale: known models of the family, measured as if each were the suspect, by the same parents."""

from __future__ import annotations

from typing import Final

from analyzers.compare.case import Case, case_of
from analyzers.records import Disclosure, Finding, Reference, Yardstick
from analyzers.verdict.depth_profile import depth_profile

MOST: Final = 3


def yardsticks(case: Case, finding: Finding) -> tuple[Yardstick, ...]:
    """Return the profiles of up to MOST honest models over the found parents, the nearest models first.

    They tell a reader how large the shares are that a model has which was not mixed of these parents. () for anything
    but a mix of two parents or more: whole layers of other models have no share to compare.
    """
    named = {p.ref.repo_id for p in finding.parents}
    parents = [k.reference for k in case.kin if k.reference.repo_id in named]
    if finding.kind != "blend" or finding.family == "stack" or len(parents) < 2:
        return ()
    honest = [k.reference for k in case.kin if _honest(k.reference, parents)][:MOST]
    measured = [Yardstick(r.repo_id, depth_profile(_as_suspect(r, parents), finding)) for r in honest]
    return tuple(one for one in measured if one.profile)


def _honest(reference: Reference, parents: list[Reference]) -> bool:
    """Tell whether a model of the registry comes from none of the parents but from a base."""
    releases = {p.repo_id.lower() for p in parents if p.role != "base"}
    if reference.role != "release" or reference.automatic or reference.repo_id in {p.repo_id for p in parents}:
        return False
    return len(reference.declares) < 2 and not releases & {name.lower() for name in reference.declares}


def _as_suspect(reference: Reference, parents: list[Reference]) -> Case:
    """Return the case of a model that may be made of these parents, whenever they were published."""
    return case_of(reference.sketch, parents, Disclosure(reference.sketch.ref.revision), None, maker=reference.maker)
