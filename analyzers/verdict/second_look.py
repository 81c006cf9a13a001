"""Whether a first look calls for a second one at fresh coordinates, with whom, and what the two say together.

The first look's coordinates are public, so they could be painted over by someone who knows them, and a few kilobytes
leave questions: before anything is told, and where the first look could not say, fresh random coordinates are read of
the suspect and of the models it may be made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from analyzers.compare.case import Case
from analyzers.compare.kinship import Kinship
from analyzers.fit.bit_copies import copied
from analyzers.records import Finding, Reference, Verdict
from analyzers.thresholds import (
    MIN_INFORMATIVE_TENSORS,
    NEARLY_NOISE,
    NOISE_DISPERSION,
    NOISE_DISTANCE,
    NOISE_LEAST,
    NOISE_ROW_DEPENDENCE,
)

MAX_MODELS = 6  # read again beside the suspect
DOUBTS = 4  # of them where no parents are named yet
LOT = 0.02  # share of quiet derivatives that are read again all the same


def reason_for(case: Case, finding: Finding, verdict: Verdict, lot: float) -> str:
    """Say why fresh coordinates should be read; "" if they need not be. `lot`: a random number from 0 to 1."""
    if not case.kin:
        return ""
    if verdict.audience != "none":
        return "before an alert"
    if finding.kind == "inconclusive":
        return "the first look could not say"
    return _of_a_derivative(case, lot) if finding.kind == "derivative" else ""


def _of_a_derivative(case: Case, lot: float) -> str:
    if stacked(case) or moved(case):
        return "whole tensors of known models are in it"
    if undeclared_noise(case):
        return "it may be a copy under noise"
    return "drawn by lot" if lot < LOT else ""


def stacked(case: Case) -> bool:
    """Tell whether some tensors are copied, bit for bit, from models of which no single one has them all."""
    found = [c for c in copied(case) if c.origins and c.distinct]
    return len(found) >= MIN_INFORMATIVE_TENSORS and not frozenset.intersection(*(c.models for c in found))


def moved(case: Case) -> bool:
    """Tell whether layers seem to have changed places: some tensors are a model's, others resemble nothing there."""
    return any(c.moved for c in copied(case)) or any(_partly_alike(k) for k in case.kin)


def _partly_alike(one: Kinship) -> bool:
    return one.tensors_equal > 0 and one.alike < len(one.keys) - 1


def undeclared_noise(case: Case) -> bool:
    """Tell whether what sets the suspect apart from its nearest, undeclared kin could be noise."""
    nearest = case.kin[0]
    return (
        not case.declares(nearest.reference.repo_id)
        and NOISE_LEAST / 2 <= nearest.distance <= NOISE_DISTANCE
        and nearest.dispersion <= NEARLY_NOISE * NOISE_DISPERSION
        and nearest.row_dependence <= NEARLY_NOISE * NOISE_ROW_DEPENDENCE
    )


def companions(case: Case, finding: Finding) -> tuple[Reference, ...]:
    """Return the models to read again: the parents found, declared ones, bases and the nearest, at most MAX_MODELS."""
    named = {p.ref.repo_id for p in finding.parents}
    ranked = sorted(
        range(len(case.kin)),
        key=lambda i: (
            case.kin[i].reference.repo_id not in named,
            not case.declares(case.kin[i].reference.repo_id),
            case.kin[i].reference.role != "base",
            i,
        ),
    )
    whole = stacked(case) or moved(case)  # other tensors may come from models that gave none of those seen so far
    settled = finding.kind in ("blend", "copy")
    told = sum(n in named or case.declares(n) for n in (k.reference.repo_id for k in case.kin))
    wanted = MAX_MODELS if whole else max(told, 2) if settled else DOUBTS
    return tuple(case.kin[i].reference for i in ranked[: min(wanted, MAX_MODELS)])


def unread(first: Finding, gone: Sequence[str]) -> Finding:
    """Return a first look's finding where models that it needs could not be read again.

    Deleting a parent must not clear what was made of it: what is exact at the public coordinates stands, says what
    was gone, and goes to reviewers.
    """
    missing = f"{', '.join(gone)} could not be read at fresh coordinates"
    if first.kind not in ("blend", "copy"):
        return first
    if first.exact:
        return replace(first, claim=f"{missing}; at the public ones: {first.claim}", gone=tuple(gone))
    claim = f"the first look found this: {first.claim}; but {missing}, so it could not be borne out"
    return Finding(first.analyzer, "inconclusive", claim, measured=dict(first.measured))


def together(first: Finding, second: Finding, gone: Sequence[str] = ()) -> Finding:
    """Return what both looks say. A blend or copy must hold at fresh coordinates; a doubt may be settled there.

    `gone`: models named by the first look that the second could not read.
    """
    found = ("blend", "copy")
    if gone and second.kind not in found:
        return unread(first, gone)
    if second.kind in found:
        same = {p.ref.repo_id for p in first.parents} == {p.ref.repo_id for p in second.parents}
        told = "fresh coordinates say the same: " if first.kind in found and same else "at fresh coordinates: "
        return replace(second, claim=told + second.claim)
    if first.kind not in found:
        return second if second.kind == "inconclusive" else first
    claim = f"the first look found this: {first.claim}; but fresh coordinates do not bear it out: {second.claim}"
    return Finding(second.analyzer, "inconclusive", claim, measured=dict(second.measured))
