"""Sparse blends: deltas that survive element by element (ties, dare, della, breadcrumbs, sce, arcee fusion)."""

from __future__ import annotations

from collections.abc import Iterator

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
    MIN_SINGLE,
    SPARSE_BEYOND,
    SPARSE_COVERED,
    SPARSE_GAIN,
    SPARSE_TOLD,
)

NAME = "sparse"
AUDITIONS = 6  # tensors on which bases and parents are chosen
MAX_PARENTS = 3  # besides the base


def analyze(case: Case) -> Finding | None:
    """Name base and parents of a blend chosen element by element; None where the kinds of weights leave too much."""
    aligned = case.aligned
    if aligned is None or len(aligned.references) < 2:
        return None
    found = max((f for b in _bases(aligned) if (f := _grown(aligned, b))), key=lambda f: f[2].covered, default=None)
    if found is None:
        return None
    base, parents, _ = found
    kinds = kinds_of(aligned, base, parents, tuple(range(len(aligned.keys))))
    if kinds is None or not _holds(kinds) or not _needs_all(aligned, base, parents, kinds):
        return None
    if aligned.references[base].role != "base" and kinds.base < MIN_KIND:
        return None  # a release of which next to no weight is left is no more than a near stranger
    needed = (*parents, base)
    refs = [aligned.references[i].sketch.ref for i in needed]
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
        "beyond_largest": kinds.beyond_largest,
        "base": kinds.base,
        "joint": kinds.joint,
    }
    told = tuple(Parent(ref, None, None) for ref in refs)
    trained = False if kinds.covered >= SPARSE_COVERED else None
    return Finding(NAME, "blend", claim, told, "sparse", False, trained, measured, 1.0 - kinds.covered)


def _needs_all(aligned: Aligned, base: int, parents: tuple[int, ...], kinds: Kinds) -> bool:
    """Tell whether enough weights tell, each parent covers some, and no one known model explains as much.

    Where one does, the suspect descends from it, and what that one is made of is charged to its own case.
    """
    every = tuple(range(len(aligned.keys)))
    if kinds.weights < max(MIN_DECISIVE, SPARSE_TOLD * aligned.suspect.size):
        return False
    if any(_gain(aligned, base, parents, every, p, kinds) < SPARSE_GAIN for p in parents):
        return False
    return nearest_share(aligned, base, parents) <= kinds.covered - SPARSE_GAIN


def _holds(kinds: Kinds) -> bool:
    common = sum(share >= MIN_KIND for share in (kinds.base, kinds.joint, *kinds.single))
    return (
        common >= 2
        and sum(kinds.single) >= MIN_SINGLE * kinds.joint
        and kinds.covered >= SPARSE_COVERED
        and kinds.beyond_largest >= SPARSE_BEYOND
    )


def _bases(aligned: Aligned) -> Iterator[int]:
    """Yield the models whose weights the masked-out elements may have: known bases, and the nearest model."""
    roles = [i for i, r in enumerate(aligned.references) if r.role == "base"]
    yield from dict.fromkeys([*roles[:2], nearest_model(aligned)])


def _grown(aligned: Aligned, base: int) -> tuple[int, tuple[int, ...], Kinds] | None:
    """Add parents while each covers markedly more than its decoy, judged on a few tensors; None where not one does."""
    tensors = _telling(aligned, base)
    parents: tuple[int, ...] = ()
    best: Kinds | None = None
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
        if _gain(aligned, base, more, tensors, more[-1], kinds) < SPARSE_GAIN:
            break
        best, parents = kinds, more
    return (base, parents, best) if best else None


def _collinear(aligned: Aligned, base: int, parents: tuple[int, ...], other: int) -> bool:
    """Tell whether a model is among the parents, or its delta lies along one of theirs, as a known blend's does."""
    delta = aligned.candidates[other] - aligned.candidates[base]
    deltas = [aligned.candidates[p] - aligned.candidates[base] for p in parents]
    if other in parents or not np.ptp(delta):  # it is the base wherever all were sampled
        return True
    return any(abs(float(np.corrcoef(delta, each)[0, 1])) >= COLLINEAR for each in deltas if np.ptp(each))


def _gain(
    aligned: Aligned, base: int, parents: tuple[int, ...], tensors: tuple[int, ...], parent: int, kinds: Kinds
) -> float:
    """Return how much more of the told weights a parent covers than coincidence would."""
    decoy = kinds_of(aligned, base, parents, tensors, decoy=parent)
    return kinds.covered - decoy.covered if decoy else 0.0


def _telling(aligned: Aligned, base: int) -> tuple[int, ...]:
    """Return the tensors in which the suspect departs most from the base, relative to their size."""
    departs = np.abs(aligned.suspect.astype(np.float64) - aligned.candidates[base])
    sizes = np.bincount(aligned.tensors, weights=departs) / np.bincount(
        aligned.tensors, weights=np.abs(aligned.candidates[base])
    ).clip(min=1e-30)
    return tuple(int(t) for t in np.argsort(-sizes)[: 2 * AUDITIONS : 2])
