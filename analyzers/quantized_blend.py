"""Linear blends that were quantized: every code follows from the mix under the stored scales.

Cells are as wide as the step of the codes, so weights near the mix, noise and further training say nothing here: bits
alone decide.
"""

from __future__ import annotations

from analyzers.blend import Explained, enough, explain_linear, measures, one_is_enough, sentence, told
from analyzers.compare.aligned import Aligned, align, noise_floor
from analyzers.compare.case import Case
from analyzers.fit.mixture import mixture
from analyzers.fit.moments import fit_set, moments
from analyzers.fit.recipe import best_recipe
from analyzers.numbers.rounding import widen
from analyzers.records import Finding
from analyzers.thresholds import EXACT_REPRODUCED, MIN_TENSOR_REPRODUCED, STRONG_REPRODUCED

NAME = "quantized_blend"


def analyze(case: Case) -> Finding | None:
    """Name the parents where every code follows from their mix and from no other; None where nothing is quantized."""
    aligned = case.aligned
    if aligned is None or not case.quantized or len(aligned.references) < 2:
        return None
    found = explain_linear(aligned, case.screened, case.suspect.spec.windows)
    mix = told(aligned, found) if found is not None else None
    if found is None or mix is None or one_is_enough(case, mix.equal, mix.weights):
        return None
    if mix.reproduced < STRONG_REPRODUCED or mix.equal <= mix.control:
        return None
    measured, claim = measures(mix, found.residue), f"{sentence(mix)} code for code"
    doubt = _doubt(case, aligned, found) if mix.reproduced >= EXACT_REPRODUCED and enough(mix) else UNDECIDED
    if doubt or mix.worst_tensor < MIN_TENSOR_REPRODUCED:
        return Finding(NAME, "inconclusive", f"{claim}: {doubt or UNDECIDED}", measured=measured)
    claim += f" ({mix.arithmetic}, then quantized); the nearest single parent equals {mix.control:.4f} of all"
    return Finding(NAME, "blend", claim, mix.parents, "linear", True, False, measured)


UNDECIDED = "too much for coincidence to be excluded and too little to be called a blend"


def _doubt(case: Case, aligned: Aligned, found: Explained) -> str:
    """Say what speaks against a mix that reproduces the codes; "" if nothing does."""
    other = _stand_in(aligned, found)
    if other:
        return f"so does a mix with {other}"
    return "" if _elsewhere(case, aligned, found) else "what is stored in another type does not follow from it"


def _elsewhere(case: Case, aligned: Aligned, found: Explained) -> bool:
    """Tell whether a mix of the same parents reproduces the tensors that are stored in other types."""
    seen, count = set(aligned.keys), len(found.mixed.parents)
    while (rest := align(case.suspect, aligned.references, seen)) is not None:
        local = rest.of(found.mixed.parents)
        m = moments(widen(local.suspect), local.candidates, 0, noise_floor(local.suspect, local.candidates))
        fits = mixture(local, m, fit_set(m, tuple(range(count)))).fits
        if best_recipe(local, [found.coefficients, *fits]).equal < EXACT_REPRODUCED:
            return False
        seen |= set(rest.keys)
    return True


def _stand_in(aligned: Aligned, found: Explained) -> str:
    """Return a model that can take a parent's place and leave as few codes unexplained; "" if there is none.

    A quantized upload may not tell a parent from a model that was trained on from it.
    """
    parents, fit = found.mixed.parents, found.fitness
    least = float(fit.hit.sum() - (1 - EXACT_REPRODUCED) * fit.decisive.sum())
    m = moments(
        widen(aligned.suspect), aligned.candidates, parents[0], noise_floor(aligned.suspect, aligned.candidates)
    )
    for other in (i for i in range(len(aligned.references)) if i not in parents):
        for i in range(len(parents)):
            swapped = (*parents[:i], other, *parents[i + 1 :])
            if mixture(aligned, m, fit_set(m, swapped)).fitness.hit.sum() >= least:
                return aligned.references[other].repo_id
    return ""
