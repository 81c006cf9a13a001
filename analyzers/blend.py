"""Linear blends: two or more known models whose weighted sum is the upload, bit for bit.

Estimation names parents and coefficients; bits decide. Only a named arithmetic that reproduces the decisive weights
makes a blend `exact`; coefficients, cosines and coverage never do (three honest models of a test set have those of
a textbook blend: docs/method.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from analyzers.arithmetic import ARITHMETICS, Arithmetic
from analyzers.case import Case
from analyzers.kinship import Kinship, common_keys
from analyzers.mixing import Fit, deepest, feasible_box, noise_floor, refit, select
from analyzers.records import Finding, Mix, Parent, Reference, Sketch
from analyzers.rounding import BF16, Floats, Stored, effective_dtype, round_to, ulp, widen
from analyzers.thresholds import (
    EXACT_REPRODUCED,
    GREY_REPRODUCED,
    MIN_DECISIVE,
    MIN_INFORMATIVE_TENSORS,
    MIN_OVERLAP,
    MIN_TENSOR_REPRODUCED,
    STRONG_REPRODUCED,
)

NAME = "blend"
DIGITS = (2, 3, 4)  # places that people round coefficients to
MAX_ORDERS = 24


@dataclass(frozen=True, slots=True)
class Aligned:
    """The suspect and its candidate parents at the same coordinates."""

    suspect: Stored  # [weights], as the coarsest type that holds them
    candidates: Floats  # float64[models, weights]
    references: tuple[Reference, ...]
    tensors: NDArray[np.int64]  # [weights]: which tensor each weight is of


@dataclass(frozen=True, slots=True)
class Recipe:
    """Coefficients and an arithmetic, and how much of the suspect they reproduce."""

    fit: Fit
    arithmetic: Arithmetic
    prediction: Stored
    equal: float


def align(suspect: Sketch, references: Sequence[Reference]) -> Aligned | None:
    """Put models side by side on the coordinates that all of them share; None if there are none."""
    shared = [set(common_keys(suspect, r.sketch)) for r in references]
    keys = sorted(set.intersection(*shared)) if shared else []
    if not keys:
        return None
    stored = np.concatenate([suspect.samples[k].values.astype(np.float32) for k in keys])
    kinds = {suspect.samples[k].values.dtype for k in keys}
    kind = kinds.pop() if len(kinds) == 1 else np.dtype(np.float32)
    stored = stored.astype(kind)
    rows = [np.concatenate([widen(r.sketch.samples[k].values) for k in keys]) for r in references]
    sizes = [suspect.samples[k].values.size for k in keys]
    return Aligned(
        stored.astype(effective_dtype(stored)),
        np.stack(rows),
        tuple(references),
        np.repeat(np.arange(len(keys)), sizes),
    )


def analyze(case: Case) -> Finding | None:
    """Explain the suspect as a mix; None where there is nothing to mix or one model is all that is needed."""
    candidates = _comparable(case.kin)
    if len(candidates) < 2:
        return None
    aligned = align(case.suspect, [k.reference for k in candidates])
    if aligned is None:
        return None
    recipe = best_recipe(aligned)
    if recipe is None or len(recipe.fit.parents) < 2:
        return None
    mix = measure(aligned, recipe)
    return _finding(case, mix)


def _finding(case: Case, mix: Mix) -> Finding | None:
    """Say what a mix amounts to: a blend, something that must stay untold, or nothing."""
    if _one_is_enough(case, mix):
        return None
    parents = tuple(replace(p, declared=case.declares(p.ref.repo_id)) for p in mix.parents)
    parents = tuple(sorted(parents, key=lambda p: -abs(p.coefficient or 0.0)))
    text = " + ".join(f"{p.coefficient:.4g} {p.ref.repo_id}" for p in parents).replace("+ -", "- ")
    told = f"{text} reproduces {mix.reproduced:.4f} of {mix.decisive:,} decisive weights in {mix.tensors} tensors"
    measured = _measured(mix)
    if _holds_everywhere(mix) and mix.reproduced >= STRONG_REPRODUCED:
        exact = mix.reproduced >= EXACT_REPRODUCED
        claim = (
            f"{told} bit for bit ({mix.arithmetic}); the nearest single parent equals {mix.control:.4f} of all weights"
        )
        return Finding(NAME, "blend", claim, parents, "linear", exact, False if exact else None, measured)
    if mix.reproduced < GREY_REPRODUCED or mix.equal <= mix.control:
        return None
    claim = f"{told}: too much for coincidence to be excluded and too little to be called a blend"
    return Finding(NAME, "inconclusive", claim, measured=measured)


def _holds_everywhere(mix: Mix) -> bool:
    """Tell whether there is enough to decide on, and one recipe holds in every tensor."""
    return (
        mix.decisive >= MIN_DECISIVE
        and mix.tensors >= MIN_INFORMATIVE_TENSORS
        and mix.worst_tensor >= MIN_TENSOR_REPRODUCED
    )


def _one_is_enough(case: Case, mix: Mix) -> bool:
    """Tell whether one known model explains the suspect at least as well as the mix does.

    Then the suspect descends from that model, and what that model hides is charged to its own case.
    """
    missed = 1.25 * (1.0 - mix.equal) * mix.weights + 5
    return any((1.0 - k.equal) * k.weights <= missed for k in case.kin)


def _measured(mix: Mix) -> dict[str, float | int | str]:
    """Return a mix's numbers for the record; its parents are told elsewhere."""
    return {f.name: getattr(mix, f.name) for f in fields(mix) if f.name != "parents"}


def _comparable(kin: Sequence[Kinship]) -> list[Kinship]:
    """Return kin, nearest first, that share most of the coordinates the nearest shares."""
    if not kin:
        return []
    nearest = set(kin[0].keys)
    return [k for k in kin if len(nearest & set(k.keys)) >= MIN_OVERLAP * len(nearest)]


def best_recipe(aligned: Aligned) -> Recipe | None:
    """Return the recipe that reproduces most, with no parent it can do without; None if one model is enough."""
    fit = select(aligned.suspect, aligned.candidates, anchor=0)
    if len(fit.parents) < 2:
        return None
    recipe = _polish(aligned, fit)
    while len(recipe.fit.parents) > 2:
        weakest = min(range(len(recipe.fit.parents)), key=lambda i: abs(recipe.fit.coefficients[i]))
        rest = tuple(p for i, p in enumerate(recipe.fit.parents) if i != weakest)
        simpler = _polish(aligned, refit(aligned.suspect, aligned.candidates, rest))
        if simpler.equal < recipe.equal - 0.002:
            break
        recipe = simpler
    return recipe


def _polish(aligned: Aligned, fit: Fit) -> Recipe:
    """Try the fitted coefficients, the deepest ones near them and their rounded neighbours under every arithmetic."""
    fits = [fit]
    if len(fit.parents) > 1:
        fits.append(refit(aligned.suspect, aligned.candidates, fit.parents))
        fits.append(refit(aligned.suspect, aligned.candidates, fit.parents, free_sum=True))
    fits = [_deepest(aligned, fits[-1]), _deepest(aligned, fit), *fits]
    tries = [rounded for f in fits for d in DIGITS if (rounded := _rounded(f, d))] + fits
    best: Recipe | None = None
    for candidate in dict.fromkeys((f.parents, tuple(f.coefficients.tolist())) for f in tries):
        for recipe in _replays(aligned, Fit(candidate[0], np.array(candidate[1]), fit.tau)):
            if best is None or recipe.equal > best.equal:
                best = recipe
        if best is not None and best.equal == 1.0:
            break
    if best is None:  # pragma: no cover - there is always one fit and one arithmetic
        raise AssertionError("no recipe was tried")
    return best


def _deepest(aligned: Aligned, fit: Fit) -> Fit:
    rows = aligned.candidates[list(fit.parents)]
    slack = noise_floor(aligned.suspect, rows) / 2
    return replace(fit, coefficients=deepest(aligned.suspect, rows, fit.coefficients, slack))


def _rounded(fit: Fit, digits: int) -> Fit | None:
    """Return the fit with rounded coefficients, without the parents whose share becomes nothing."""
    rounded = np.round(fit.coefficients, digits)
    kept = np.flatnonzero(rounded)
    if not kept.size:
        return None
    return Fit(tuple(fit.parents[i] for i in kept), rounded[kept], fit.tau)


def _replays(aligned: Aligned, fit: Fit) -> Iterator[Recipe]:
    """Yield one recipe for each arithmetic and each order of the parents that can matter to it."""
    for arithmetic in ARITHMETICS:
        orders = list(permutations(range(len(fit.parents)))) if arithmetic.ordered else [tuple(range(len(fit.parents)))]
        for order in orders[:MAX_ORDERS]:
            ordered = Fit(tuple(fit.parents[i] for i in order), fit.coefficients[list(order)], fit.tau)
            rows = [aligned.candidates[p] for p in ordered.parents]
            prediction = arithmetic.mix(rows, list(ordered.coefficients), aligned.suspect.dtype)
            yield Recipe(ordered, arithmetic, prediction, float((prediction == aligned.suspect).mean()))


def measure(aligned: Aligned, recipe: Recipe) -> Mix:
    """Return the numbers behind a recipe."""
    suspect, chosen = aligned.suspect, list(recipe.fit.parents)
    rows = aligned.candidates[chosen]
    stored = np.stack([round_to(row, suspect.dtype) for row in rows])
    informative = (stored != stored[0]).any(axis=0)
    decisive = (recipe.prediction[None, :] != stored).all(axis=0)
    hit = recipe.prediction == suspect
    box = _intervals(aligned, recipe, rows)
    return Mix(
        parents=tuple(
            Parent(aligned.references[p].sketch.ref, float(c), (float(low), float(high)))
            for p, c, (low, high) in zip(chosen, recipe.fit.coefficients, box, strict=True)
        ),
        arithmetic=recipe.arithmetic.name,
        weights=suspect.size,
        informative=int(informative.sum()),
        decisive=int(decisive.sum()),
        reproduced=float(hit[decisive].mean()) if decisive.any() else 0.0,
        equal=float(hit.mean()),
        control=float((stored == suspect[None, :]).mean(axis=1).max()),
        worst_tensor=_worst_tensor(hit[informative], aligned.tensors[informative]),
        tensors=len(set(aligned.tensors[decisive].tolist())),
    )


def _intervals(aligned: Aligned, recipe: Recipe, rows: Floats) -> NDArray[np.float64]:
    """Return float64[parents, 2]: coefficients for which the mix lies in every rounding cell that it hits now."""
    suspect, coefficients = aligned.suspect, recipe.fit.coefficients
    slack = noise_floor(suspect, rows) / 2 * (1 + 1e-6)
    slack += 4 * 2.0**-24 * np.abs(rows * coefficients[:, None]).sum(axis=0)
    if recipe.arithmetic.in_storage:
        terms = np.abs(rows * coefficients[:, None])
        slack += (1.5 * ulp(terms, suspect.dtype)).sum(axis=0)
    box = feasible_box(suspect, rows, coefficients, slack)
    if recipe.arithmetic.in_storage:  # the tool rounded the coefficients themselves
        own = ulp(coefficients, BF16)[:, None] * np.array([-1.0, 1.0])
        box = box + own
    return box


def _worst_tensor(hit: NDArray[np.bool_], tensors: NDArray[np.int64]) -> float:
    """Return the lowest share reproduced of any tensor with at least 16 informative weights; 0 if there is none."""
    counts, hits = np.bincount(tensors), np.bincount(tensors, weights=hit)
    enough = counts >= 16
    return float((hits[enough] / counts[enough]).min()) if enough.any() else 0.0
