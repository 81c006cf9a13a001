"""Recipes of linear blends: parents in order, weights and arithmetic, for a reader who repeats the sum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analyzers.blend import explain_linear
from analyzers.records import Compared, Evidence
from analyzers.verdict.replay import case_at


def recipes_of(evidence: Evidence, report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the recipe of each look, where it is of the report's parents; [] unless that is of a linear blend."""
    looks = {"first": evidence.first, "second": evidence.second} if report["family"] == "linear" else {}
    named = {(p["repo_id"], p["revision"]) for p in report["parents"]}
    recipes = []
    for name, seen in looks.items():
        found = _recipe(evidence, name, seen) if seen is not None and seen.references else {}
        refs = (seen.references[i].sketch.ref for i in found.get("models", ())) if seen else ()
        if found and {(ref.repo_id, ref.revision) for ref in refs} == named:
            recipes.append(found)
    return recipes


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
    }
