"""Sparse blends: deltas that survive element by element (ties, dare, della, breadcrumbs, sce, arcee fusion)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from analyzers.aligned import Aligned
from analyzers.blend import strangers
from analyzers.case import Case
from analyzers.elements import Kinds, kinds_of, nearest_share
from analyzers.profile import nearest_model
from analyzers.records import Finding, Parent
from analyzers.thresholds import (
    COLLINEAR,
    MIN_DECISIVE,
    MIN_KIND,
    ROUNDED_LAYERWISE,
    SPARSE_BEYOND,
    SPARSE_GAIN,
    SPARSE_TOLD,
)

NAME = "sparse"
AUDITIONS = 6  # tensors on which bases and parents are chosen
MAX_PARENTS = 3  # besides the base


@dataclass(frozen=True, slots=True)
class Sorted:
    """The weights sorted by a base and some parents, rows of the aligned models.

    `beyond`: the share that the kinds cover of what a decoy in the place of the `weakest` parent would leave.
    """

    base: int
    parents: tuple[int, ...]
    kinds: Kinds
    beyond: float
    weakest: int


def analyze(case: Case) -> Finding | None:
    """Name base and parents of a blend chosen element by element; None where the kinds of weights leave too much."""
    aligned = case.aligned
    if aligned is None or len(aligned.references) < 2:
        return None
    found = max(filter(None, (_sorted(aligned, b) for b in _bases(aligned))), key=lambda f: f.beyond, default=None)
    if found is None:
        return None
    kinds, refs = found.kinds, [aligned.references[i].sketch.ref for i in (*found.parents, found.base)]
    if not strangers(case, [r.repo_id for r in refs]):
        return None
    shares = ", ".join(f"{s:.2f} the delta of {r.repo_id}" for s, r in zip(kinds.single, refs, strict=False))
    claim = (
        f"of {kinds.weights:,} weights on which the parents are distinct, {kinds.base:.2f} are still those of"
        f" {refs[-1].repo_id}, {shares} alone, {kinds.joint:.2f} of several: {kinds.covered:.3f} in all"
    )
    measured: dict[str, float | int | str] = {
        "decisive": kinds.weights,
        "covered": kinds.covered,
        "beyond": found.beyond,
        "base": kinds.base,
        "joint": kinds.joint,
    }
    told = tuple(Parent(ref, None, None) for ref in refs)
    trained = False if found.beyond >= ROUNDED_LAYERWISE else None
    return Finding(NAME, "blend", claim, told, "sparse", False, trained, measured, 1.0 - kinds.covered)


def _sorted(aligned: Aligned, base: int) -> Sorted | None:
    """Sort the weights by a base and the parents that are needed beside it; None where that is no better than chance.

    Weights of one kind alone are a scaled delta, which training has, too. A release of which next to no weight is left
    is no base but a near stranger.
    """
    parents = _grown(aligned, base)
    found = _needed(aligned, base, parents) if parents else None
    if found is None or found.kinds.weights < max(MIN_DECISIVE, SPARSE_TOLD * aligned.suspect.size):
        return None
    kinds = found.kinds
    common = sum(share >= MIN_KIND for share in (kinds.base, kinds.joint, *kinds.single))
    left = aligned.references[base].role == "base" or kinds.base >= MIN_KIND
    found = replace(found, beyond=min(found.beyond, kinds.beyond(nearest_share(aligned, base, found.parents))))
    return found if common >= 2 and left and found.beyond >= SPARSE_BEYOND else None


def _needed(aligned: Aligned, base: int, parents: tuple[int, ...]) -> Sorted | None:
    """Sort the weights without the weakest parents, which cover little beyond a decoy in their place."""
    found = sort_by(aligned, base, parents)
    while found is not None and found.beyond < SPARSE_BEYOND and len(found.parents) > 1:
        found = sort_by(aligned, base, tuple(p for p in found.parents if p != found.weakest))
    return found


def sort_by(aligned: Aligned, base: int, parents: tuple[int, ...]) -> Sorted | None:
    """Sort the weights of all tensors by a base and these parents; None where too few weights tell."""
    every = tuple(range(len(aligned.keys)))
    kinds = kinds_of(aligned, base, parents, every)
    if kinds is None:
        return None
    decoys = {p: kinds_of(aligned, base, parents, every, decoy=p) for p in parents}
    beyond = {p: kinds.beyond(decoy.covered) if decoy else 0.0 for p, decoy in decoys.items()}
    weakest = min(parents, key=beyond.__getitem__)
    return Sorted(base, parents, kinds, beyond[weakest], weakest)


def _bases(aligned: Aligned) -> Iterator[int]:
    """Yield the models whose weights the masked-out elements may have: known bases, and the nearest model."""
    roles = [i for i, r in enumerate(aligned.references) if r.role == "base"]
    yield from dict.fromkeys([*roles[:2], nearest_model(aligned)])


def _grown(aligned: Aligned, base: int) -> tuple[int, ...]:
    """Add parents while each covers more than its decoy, judged on a few tensors."""
    tensors = _telling(aligned, base)
    parents: tuple[int, ...] = ()
    while len(parents) < MAX_PARENTS:
        tried = [
            (k, (*parents, i))
            for i in range(len(aligned.references))
            if i != base
            and not _collinear(aligned, base, parents, i)
            and (k := kinds_of(aligned, base, (*parents, i), tensors))
        ]
        if not tried:
            break
        kinds, more = max(tried, key=lambda t: t[0].covered)
        decoy = kinds_of(aligned, base, more, tensors, decoy=more[-1])
        if decoy is None or kinds.covered - decoy.covered < SPARSE_GAIN:
            break
        parents = more
    return parents


def _collinear(aligned: Aligned, base: int, parents: tuple[int, ...], other: int) -> bool:
    """Tell whether a model is among the parents, or its delta lies along one of theirs, as a known blend's does."""
    delta = aligned.candidates[other] - aligned.candidates[base]
    deltas = [aligned.candidates[p] - aligned.candidates[base] for p in parents]
    if other in parents or not np.ptp(delta):  # it is the base wherever all were sampled
        return True
    return any(abs(float(np.corrcoef(delta, each)[0, 1])) >= COLLINEAR for each in deltas if np.ptp(each))


def _telling(aligned: Aligned, base: int) -> tuple[int, ...]:
    """Return the tensors in which the suspect departs most from the base, relative to their size."""
    departs = np.abs(aligned.suspect.astype(np.float64) - aligned.candidates[base])
    sizes = np.bincount(aligned.tensors, weights=departs) / np.bincount(
        aligned.tensors, weights=np.abs(aligned.candidates[base])
    ).clip(min=1e-30)
    return tuple(int(t) for t in np.argsort(-sizes)[: 2 * AUDITIONS : 2])
