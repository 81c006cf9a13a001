"""Sparse blends: deltas that survive element by element (ties, dare, della, breadcrumbs, sce, arcee fusion).

Masks and rescaling leave the mean of the deltas, so that a linear fit names the parents. The kinds of weights decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analyzers.blend import strangers
from analyzers.compare.aligned import Aligned
from analyzers.compare.case import Case
from analyzers.fit.parent_selection import select
from analyzers.fit.sparse_masks import Kinds, kinds_of
from analyzers.fit.tensor_profile import nearest_model
from analyzers.records import Finding, Parent
from analyzers.thresholds import MIN_DECISIVE, SPARSE_BEYOND, SPARSE_TOLD, STRONG

NAME = "sparse"
MAX_PARENTS = 3  # besides the base


@dataclass(frozen=True, slots=True)
class Sorted:
    """The weights sorted into kinds by a base and some parents, rows of the aligned models.

    `beyond`: share covered of what a decoy of the `weakest` parent leaves, or one kind or known model in each row.
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
    enough = (f for f in tried(aligned) if f.beyond >= SPARSE_BEYOND)
    found = max(enough, key=lambda f: (-len(f.parents), f.beyond), default=None)  # the more parents, the more freedom
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
    trained = False if kinds.covered >= STRONG else None
    return Finding(NAME, "blend", claim, told, "sparse", False, trained, measured, 1.0 - kinds.covered)


def _bases(aligned: Aligned) -> Iterator[int]:
    """Yield the models whose weights the masked-out elements may have: known bases, and the nearest model."""
    roles = [i for i, r in enumerate(aligned.references) if r.role == "base"]
    yield from dict.fromkeys([*roles[:2], nearest_model(aligned)])


def tried(aligned: Aligned) -> Iterator[Sorted]:
    """Yield how each base and the parents beside it sort the weights, without the weakest parent until it is enough."""
    for base in _bases(aligned):
        parents = _likely(aligned, base)
        while (found := _sort(aligned, base, parents)) is not None:
            yield found
            if found.beyond >= SPARSE_BEYOND:
                break
            parents = tuple(p for p in parents if p != found.weakest)


def _likely(aligned: Aligned, base: int) -> tuple[int, ...]:
    """Return the models that a linear fit needs beside a base, those with the largest coefficients first."""
    fit = select(aligned.suspect, aligned.candidates, base)
    order = np.argsort(-np.abs(fit.coefficients))
    return tuple(p for p in (fit.parents[i] for i in order) if p != base)[:MAX_PARENTS]


def _sort(aligned: Aligned, base: int, parents: tuple[int, ...]) -> Sorted | None:
    """Sort the weights of all tensors by a base and these parents; None where too few weights tell."""
    kinds = kinds_of(aligned, base, parents) if parents else None
    if kinds is None or kinds.weights < max(MIN_DECISIVE, SPARSE_TOLD * aligned.suspect.size):
        return None
    if len(parents) == 1 and kinds.beyond(kinds.alone) < SPARSE_BEYOND:
        return Sorted(base, parents, kinds, kinds.beyond(kinds.alone), parents[0])
    decoys = {p: decoy.covered for p in parents if (decoy := kinds_of(aligned, base, parents, swapped=p))}
    weakest = max(decoys, key=decoys.__getitem__)
    return Sorted(base, parents, kinds, kinds.beyond(max(kinds.alone, decoys[weakest])), weakest)
