"""Recipes of linear blends: parents in order, weights and arithmetic, for a reader who repeats the sum."""

from __future__ import annotations

from typing import Any

from analyzers.blend import explain_linear
from analyzers.records import Compared, Evidence
from analyzers.thresholds import EXACT_REPRODUCED
from analyzers.verdict.replay import case_at


def recipes_of(evidence: Evidence, family: str) -> list[dict[str, Any]]:
    """Return the recipe of each look; [] unless the verdict is a linear blend."""
    looks = {"first": evidence.first, "second": evidence.second} if family == "linear" else {}
    found = (_recipe(evidence, name, seen) for name, seen in looks.items() if seen is not None and seen.references)
    return [recipe for recipe in found if recipe]


def _recipe(evidence: Evidence, look: str, seen: Compared) -> dict[str, Any]:
    case = case_at(evidence, seen)
    if case.aligned is None or len(case.aligned.references) < 2:
        return {}
    found = explain_linear(case.aligned, case.screened, seen.suspect.spec.windows)
    if found is None or found.recipe is None:
        return {}
    order = [case.aligned.references[found.mixed.parents[p]].sketch.ref for p in found.recipe.parents]
    refs = [r.sketch.ref for r in seen.references]
    return {
        "look": look,
        "arithmetic": found.recipe.arithmetic.name,
        "models": [refs.index(ref) for ref in order],
        "weights": found.recipe.weights.tolist(),
        "exact": found.fitness.reproduced >= EXACT_REPRODUCED,
    }
