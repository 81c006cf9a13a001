"""Linear blends: two or more known models whose weighted sum is the upload, bit for bit.

Estimation names parents and coefficients; bits decide. Only a named arithmetic that reproduces the decisive weights
makes a blend `exact`; coefficients, cosines and coverage never do (three honest models of a test set have those of
a textbook blend: docs/method.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from analyzers.compare.aligned import Aligned
from analyzers.compare.case import Case
from analyzers.compare.kinship import same_place
from analyzers.fit.fitness import Fitness, worst_tensor
from analyzers.fit.intervals import exact_intervals, sandwich_intervals
from analyzers.fit.mixture import Mixture, mixture, under
from analyzers.fit.moments import Moments, fit_set, moments_of
from analyzers.fit.parent_selection import select_from
from analyzers.fit.recipe import Recipe, best_recipe
from analyzers.fit.residual import Residue, residue
from analyzers.fit.tensor_profile import nearest_model
from analyzers.numbers.rounding import equal, widen
from analyzers.records import Finding, Mix, Parent, Reference, SliceKey
from analyzers.thresholds import (
    AS_WELL,
    EXACT_REPRODUCED,
    GREY_REPRODUCED,
    MIN_DECISIVE,
    MIN_INFORMATIVE_TENSORS,
    MIN_TENSOR_REPRODUCED,
    MOST,
    PROMISING,
    ROUNDED_NEARBY,
    STRONG,
    TOPPED_COEFFICIENT,
)

NAME = "blend"


@dataclass(frozen=True, slots=True)
class Explained:
    """The best linear mix and what is known of it. `intervals`: float64[parents, 2]."""

    mixed: Mixture
    recipe: Recipe | None  # None where no arithmetic was worth trying
    fitness: Fitness
    coefficients: NDArray[np.float64]
    intervals: NDArray[np.float64]
    residue: Residue | None


def analyze(case: Case) -> Finding | None:
    """Explain the suspect as a mix; None where there is nothing to mix or one model is all that is needed."""
    aligned = case.aligned
    if aligned is None or case.quantized or len(aligned.references) < 2:
        return None
    found = explain_linear(aligned, case.screened, case.suspect.spec.windows)
    if found is None:
        return None
    return _finding(case, aligned, found)


def _rounded(found: Explained) -> bool:
    """Tell whether a mix leaves no more than roundings or a touch of noise: then small coefficients mean something."""
    return max(found.fitness.nearby, found.fitness.reproduced) >= STRONG


@lru_cache(maxsize=2)
def explain_linear(aligned: Aligned, screened: int, windows: int) -> Explained | None:
    """Return the best mix of two or more models that all are needed; None if there is none worth a second thought."""
    anchor = nearest_model(aligned)
    m = moments_of(aligned, anchor)
    fit = select_from(m, anchor, screened)
    while len(fit.parents) > 1:
        found = _explained(aligned, mixture(aligned, m, fit), windows)
        if found is None:
            return None
        rest = _without_idle(aligned, m, found)
        if rest == fit.parents and found.residue is not None and not _rounded(found):
            rest = _with_bases(aligned, m, found)
        if rest == fit.parents:
            return found
        fit = fit_set(m, rest, free_sum=fit.free_sum)
    return None


def _with_bases(aligned: Aligned, m: Moments, found: Explained) -> tuple[int, ...]:
    """Return the parents with a base in place of one that hardly differs from it, where that is met just as well.

    Below what came on top, a model that barely moved cannot be told from the base it moved from.
    """
    parents = found.mixed.parents
    bases = [i for i, r in enumerate(aligned.references) if r.role == "base" and i not in parents]
    for i, parent in enumerate(parents):
        for base in bases if aligned.references[parent].role != "base" else []:
            swapped = (*parents[:i], base, *parents[i + 1 :])
            if mixture(aligned, m, fit_set(m, swapped)).fitness.nearby >= AS_WELL * found.mixed.fitness.nearby:
                return swapped
    return parents


def _without_idle(aligned: Aligned, m: Moments, found: Explained) -> tuple[int, ...]:
    """Return the parents without the weakest that is not needed.

    One is not needed if its interval holds 0, or, where something came on top of the mix, if next to no weight is met
    because of it: training drifts a little towards whatever model was trained on the like.
    """
    parents = found.mixed.parents
    for i in np.argsort(np.abs(found.coefficients)):
        low, high = found.intervals[i]
        rest = tuple(p for k, p in enumerate(parents) if k != i)
        if low <= 0 <= high:
            return rest
        if found.residue is not None and abs(found.coefficients[i]) < TOPPED_COEFFICIENT and not _rounded(found):
            return rest
        if found.residue is not None and len(rest) > 1:
            simpler = mixture(aligned, m, fit_set(m, rest)).fitness
            if simpler.nearby >= MOST * found.mixed.fitness.nearby:
                return rest
    return parents


def _explained(aligned: Aligned, mixed: Mixture, windows: int) -> Explained | None:
    """Name the arithmetic of a mix, its coefficients and intervals, in the order of the mix's parents."""
    fit = mixed.fitness
    if max(fit.nearby, fit.reproduced) < PROMISING:
        return None
    local = aligned.of(mixed.parents)
    recipe = best_recipe(local, mixed.fits)
    fitted = under(aligned, mixed, recipe)
    if fitted.reproduced >= EXACT_REPRODUCED:
        order = np.argsort(recipe.parents)
        intervals = exact_intervals(local, recipe)[order]
        return Explained(mixed, recipe, fitted, recipe.coefficients[order], intervals, None)
    best = fitted if fitted.reproduced >= fit.reproduced else fit
    settled = mixed.coefficients if fit.nearby >= STRONG else mixed.likeliest
    likely = mixed.likeliest if abs(mixed.coefficients.sum() - 1) < 1e-9 else mixed.fits[0]
    intervals = sandwich_intervals(local, likely, settled, mixed.tau)
    left = residue(local, settled @ local.candidates, windows)
    return Explained(mixed, recipe, best, settled, intervals, left)


def _finding(case: Case, aligned: Aligned, found: Explained) -> Finding | None:
    """Say what a mix amounts to: a blend, something that must stay untold, or nothing."""
    mix = told(aligned, found)
    if one_is_enough(case, mix.equal, mix.weights):
        return None
    measured = measures(mix, found.residue)
    said, least = sentence(mix), 1.0 - max(mix.near, mix.reproduced)
    exact = mix.reproduced >= EXACT_REPRODUCED
    if not exact and not strangers(case, (p.ref.repo_id for p in mix.parents)):
        return None  # an average or an earlier checkpoint of one's own run is not excluded
    trained = False if exact else True if found.residue and found.residue.is_structure else None
    if enough(mix) and mix.worst_tensor >= MIN_TENSOR_REPRODUCED and mix.reproduced >= STRONG:
        claim = f"{said} bit for bit ({mix.arithmetic}); the nearest single parent equals {mix.control:.4f} of all"
        return Finding(NAME, "blend", claim, mix.parents, "linear", exact, trained, measured, least)
    claim = f"{said}, and {mix.near:.3f} of {mix.far:,} weights far from every parent lie within 1.5 ulp of it"
    if enough(mix) and mix.far >= MIN_DECISIVE and mix.near >= STRONG:
        # what no noise of this size would leave, an arithmetic that is not named here does: all within two roundings
        rounded = mix.near >= ROUNDED_NEARBY and mix.reproduced < STRONG
        trained = False if rounded else trained
        return Finding(NAME, "blend", claim, mix.parents, "linear", False, trained, measured, least)
    if max(mix.reproduced, mix.near) < GREY_REPRODUCED or mix.equal <= mix.control:
        return None
    claim += ": too much for coincidence to be excluded and too little to be called a blend"
    return Finding(NAME, "inconclusive", claim, measured=measured)


def enough(mix: Mix) -> bool:
    """Tell whether a mix rests on enough weights and tensors to decide anything."""
    return mix.decisive >= MIN_DECISIVE and mix.tensors >= MIN_INFORMATIVE_TENSORS


def sentence(mix: Mix) -> str:
    """Say what a mix is and how much of the suspect it reproduces."""
    text = " + ".join(f"{p.coefficient:.4g} {p.ref.repo_id}" for p in mix.parents).replace("+ -", "- ")
    return f"{text} reproduces {mix.reproduced:.4f} of {mix.decisive:,} decisive weights in {mix.tensors} tensors"


def one_is_enough(case: Case, equal: float, weights: int) -> bool:
    """Tell whether one known model explains the suspect at least as well as the mix does.

    Then the suspect descends from that model, and what that model hides is charged to its own case. It is held against
    the same tensors as the mix: others, in which an upload was trained on in a finer type, say nothing against it.
    """
    missed = 1.25 * (1.0 - equal) * weights + 5
    keys = case.aligned.keys if case.aligned is not None else ()
    return any(_missed(case, k.reference, keys) <= missed for k in case.kin)


def _missed(case: Case, reference: Reference, keys: tuple[SliceKey, ...]) -> int:
    """Return how many of the suspect's weights in these tensors a model does not have."""
    missed = 0
    for key in keys:
        mine, other = case.suspect.samples[key], reference.sketch.samples.get(key)
        if not same_place(mine, other) or other is None:
            missed += mine.values.size
        else:
            its = widen(other.values)
            told = np.isfinite(widen(mine.values)) & np.isfinite(its)
            missed += int((~equal(its, mine.kept) & told).sum())
    return missed


def strangers(case: Case, parents: Iterable[str]) -> bool:
    """Tell whether a parent besides the bases is of another maker than the suspect.

    An average over a run's unreleased checkpoints looks much like a blend with something on top, and can come only from
    whoever trained that run: between strangers it is excluded, within one organisation it is not. What declares the
    suspect's own maker's models as its parents lies on their line, and stands for them here.
    """
    foreign = {
        k.reference.repo_id
        for k in case.kin
        if k.reference.role != "base" and not case.own(k.reference) and not case.made_of_own(k.reference)
    }
    own = {k.reference.repo_id for k in case.kin if case.own(k.reference)}
    named = set(parents)
    return not foreign.isdisjoint(named) and own.isdisjoint(named)


def told(aligned: Aligned, found: Explained) -> Mix:
    """Return the numbers of a mix for the record, the largest coefficient first."""
    parents = [
        Parent(
            aligned.references[p].sketch.ref,
            float(c),
            (float(low), float(high)),
        )
        for p, c, (low, high) in zip(found.mixed.parents, found.coefficients, found.intervals, strict=True)
    ]
    fit = found.fitness
    return Mix(
        parents=tuple(sorted(parents, key=lambda p: -abs(p.coefficient or 0.0))),
        arithmetic=found.recipe.arithmetic.name if found.recipe else "none",
        weights=aligned.suspect.size,
        informative=int(fit.informative.sum()),
        decisive=int(fit.decisive.sum()),
        reproduced=fit.reproduced,
        equal=float(fit.hit.mean()),
        control=fit.control,
        worst_tensor=worst_tensor(fit.hit[fit.informative], aligned.tensors[fit.informative]),
        tensors=len(set(aligned.tensors[fit.decisive].tolist())),
        far=int(fit.far.sum()),
        near=fit.nearby,
        explained=found.mixed.explained,
    )


def measures(mix: Mix, left: Residue | None) -> dict[str, float | int | str]:
    """Return a mix's numbers for the record; its parents are told elsewhere."""
    numbers = {f.name: getattr(mix, f.name) for f in fields(mix) if f.name != "parents"}
    return numbers | ({f"residue_{f.name}": getattr(left, f.name) for f in fields(left)} if left else {})
