"""Layerwise blends: every tensor is a mix of the same known models, each with coefficients of its own.

Slerp and gradients over depth, weights per layer or module, model stock, spherical and Karcher means. One set of
coefficients explains no more of such a model than of an honest sibling; tensor by tensor the mix shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analyzers.blend import one_is_enough, strangers
from analyzers.compare.aligned import Aligned
from analyzers.compare.case import Case
from analyzers.fit.arithmetic import ARITHMETICS, Arithmetic
from analyzers.fit.mixture import under
from analyzers.fit.recipe import recipes
from analyzers.fit.tensor_profile import TensorProfile, profile, promising
from analyzers.records import Finding, Parent
from analyzers.thresholds import (
    EXACT_REPRODUCED,
    MIN_DECISIVE,
    MIN_INFORMATIVE_TENSORS,
    MOST,
    PARENT_TENSORS,
    REPRODUCED_TENSOR,
    STRONG,
)

NAME = "layerwise"
LOOSE = 0.03
AUDITIONS = 6  # tensors on which the arithmetic is chosen


@dataclass(frozen=True, slots=True)
class Replayed:
    """What one arithmetic reproduces, tensor by tensor with coefficients of each one's own."""

    arithmetic: str
    decisive: int
    reproduced: float


def analyze(case: Case) -> Finding | None:
    """Explain the suspect tensor by tensor; None where too many tensors are no mix of known models."""
    aligned = case.aligned
    if aligned is None or len(aligned.references) < 2 or not promising(aligned):
        return None
    tensors = profile(aligned)
    telling = [t for t in tensors if t.state != "silent"]
    mixed = [t for t in telling if t.state == "mixed"]
    explained = [t for t in telling if t.state in ("mixed", "copied")]
    far = sum(int(t.mixed.fitness.far.sum()) for t in mixed if t.mixed)
    decisive = sum(int(t.mixed.fitness.decisive.sum()) for t in mixed if t.mixed)
    if len(mixed) < MIN_INFORMATIVE_TENSORS or decisive < MIN_DECISIVE:
        return None
    if len(explained) < MOST * len(telling):
        return None
    models = parents_of(explained)
    best = replay(aligned, mixed)
    equal = _equal(tensors, aligned)
    if len(models) < 2 or one_is_enough(case, equal, aligned.suspect.size):
        return None
    refs = [aligned.references[m].sketch.ref for m in models]
    near = float(np.average([t.mixed.fitness.nearby for t in mixed if t.mixed]))
    exact = best.reproduced >= EXACT_REPRODUCED and len(explained) == len(telling)
    if not exact and not strangers(case, (ref.repo_id for ref in refs)):
        return None  # an earlier checkpoint of one's own run bends a little from tensor to tensor, too
    names = " and ".join(ref.repo_id for ref in refs)
    claim = (
        f"a mix of {names} with coefficients of their own in {len(explained)} of {len(telling)} telling tensors:"
        f" {best.reproduced:.4f} of {best.decisive:,} decisive weights are reproduced bit for bit ({best.arithmetic}),"
        f" {near:.3f} of {far:,} far from every parent lie within 1.5 ulp"
    )
    measured: dict[str, float | int | str] = {
        "tensors": len(telling),
        "mixed": len(mixed),
        "copied": len(explained) - len(mixed),
        "decisive": best.decisive,
        "reproduced": best.reproduced,
        "arithmetic": best.arithmetic,
        "far": far,
        "near": near,
        "equal": equal,
        "weights": aligned.suspect.size,
    }
    # a profile that misses this many weights is no better an explanation than kinds of weights that miss a few more
    least = 1.0 - near + (LOOSE if near < STRONG else 0.0)
    trained = False if near >= REPRODUCED_TENSOR else None
    parents = tuple(Parent(ref, None, None) for ref in refs)
    return Finding(NAME, "blend", claim, parents, "layerwise", exact, trained, measured, least)


def parents_of(explained: Sequence[TensorProfile]) -> list[int]:
    """Return the models that more than a stray tensor needs, the most needed first."""
    votes: dict[int, int] = {}
    for tensor in explained:
        if tensor.mixed is not None:
            for model in tensor.needed:
                votes[model] = votes.get(model, 0) + 1
        elif len(tensor.copied_from) == 1:
            (model,) = tensor.copied_from
            votes[model] = votes.get(model, 0) + 1
    enough = max(2.0, PARENT_TENSORS * len(explained))
    return sorted((m for m in votes if votes[m] >= enough), key=lambda m: (-votes[m], m))


def replay(aligned: Aligned, mixed: Sequence[TensorProfile]) -> Replayed:
    """Return the arithmetic that reproduces most of all the mixed tensors' decisive weights."""
    few = mixed[:: max(1, len(mixed) // AUDITIONS)]
    first = max((_replay(aligned, few, a) for a in ARITHMETICS), key=lambda r: r.reproduced)
    chosen = next(a for a in ARITHMETICS if a.name == first.arithmetic)
    return _replay(aligned, mixed, chosen)


def _replay(aligned: Aligned, mixed: Sequence[TensorProfile], arithmetic: Arithmetic) -> Replayed:
    hits = decisive = 0
    for tensor in mixed:
        assert tensor.mixed is not None  # noqa: S101 - that is what mixed means
        part = aligned.only(aligned.tensors == aligned.keys.index(tensor.key))
        (recipe,) = recipes(part.of(tensor.mixed.parents), tensor.mixed.fits, [arithmetic])
        fit = under(part, tensor.mixed, recipe)
        hits += int(fit.hit[fit.decisive].sum())
        decisive += int(fit.decisive.sum())
    return Replayed(arithmetic.name, decisive, hits / max(decisive, 1))


def _equal(tensors: Sequence[TensorProfile], aligned: Aligned) -> float:
    """Return the share of all weights that the profile predicts bit for bit, whatever the arithmetic."""
    counts = np.bincount(aligned.tensors, minlength=len(aligned.keys))
    told = 0.0
    for tensor, count in zip(tensors, counts, strict=True):
        if tensor.copied_from:
            told += count
        elif tensor.mixed is not None:
            told += float(tensor.mixed.fitness.hit.sum())
    return told / aligned.suspect.size
