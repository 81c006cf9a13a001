"""Linear blends that were quantized: every code follows from the mix under the stored scales.

Cells are as wide as the step of the codes, so weights near the mix, noise and further training say nothing here: bits
alone decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from analyzers.blend import Explained, enough, explain_linear, measures, one_is_enough, sentence, told
from analyzers.compare.aligned import Aligned, align
from analyzers.compare.case import Case
from analyzers.fit.mixture import mixture, under
from analyzers.fit.moments import fit_set, moments_of
from analyzers.fit.recipe import best_recipe
from analyzers.numbers.quantized import Quantized
from analyzers.records import Finding, Mix
from analyzers.thresholds import EXACT_REPRODUCED, MIN_TENSOR_REPRODUCED, STRONG

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
    if mix.reproduced < STRONG or mix.equal <= mix.control:
        return None
    rest = list(_elsewhere(case, aligned, found))
    if mix.reproduced >= EXACT_REPRODUCED:
        mix = _with(mix, rest)
    measured, claim = measures(mix, found.residue), f"{sentence(mix)} code for code"
    doubt = _doubt(aligned, found, rest) if mix.reproduced >= EXACT_REPRODUCED and enough(mix) else UNDECIDED
    if doubt or mix.worst_tensor < MIN_TENSOR_REPRODUCED:
        return Finding(NAME, "inconclusive", f"{claim}: {doubt or UNDECIDED}", measured=measured)
    claim += f" ({mix.arithmetic}, then quantized); the nearest single parent equals {mix.control:.4f} of all"
    return Finding(NAME, "blend", claim, mix.parents, "linear", True, False, measured)


UNDECIDED = "too much for coincidence to be excluded and too little to be called a blend"


@dataclass(frozen=True, slots=True)
class Kind:
    """Tensors of one storage kind, and how many of their weights a mix of the same parents reproduces."""

    quantized: bool
    equal: float  # share of all weights
    decisive: int
    hit: int  # decisive ones that are equal
    tensors: int  # with decisive weights


def _doubt(aligned: Aligned, found: Explained, rest: Sequence[Kind]) -> str:
    """Say what speaks against a mix that reproduces the codes; "" if nothing does."""
    other = _stand_in(aligned, found)
    if other:
        return f"so does a mix with {other}"
    follows = all(kind.equal >= EXACT_REPRODUCED for kind in rest)
    return "" if follows else "what is stored in another type does not follow from it"


def _with(mix: Mix, rest: Sequence[Kind]) -> Mix:
    """Return a mix with what it decides in other codes: those of another width tell as much, and finer ones more."""
    rest = [kind for kind in rest if kind.quantized]
    decisive = mix.decisive + sum(kind.decisive for kind in rest)
    hit = mix.reproduced * mix.decisive + sum(kind.hit for kind in rest)
    tensors = mix.tensors + sum(kind.tensors for kind in rest)
    return replace(mix, decisive=decisive, reproduced=hit / decisive if decisive else 0.0, tensors=tensors)


def _elsewhere(case: Case, aligned: Aligned, found: Explained) -> Iterator[Kind]:
    """Yield what a mix of the same parents reproduces of each other type, by the coefficients that fit there best."""
    seen, count = set(aligned.keys), len(found.mixed.parents)
    while (rest := align(case.suspect, aligned.references, seen)) is not None:
        local = rest.of(found.mixed.parents)
        m = moments_of(local, 0)
        mixed = mixture(local, m, fit_set(m, tuple(range(count))))
        best = best_recipe(local, [found.coefficients, *mixed.fits])
        fit = under(local, mixed, best)
        tensors = len(set(rest.tensors[fit.decisive].tolist()))
        coded = isinstance(local.suspect, Quantized)
        yield Kind(coded, best.equal, int(fit.decisive.sum()), int((fit.hit & fit.decisive).sum()), tensors)
        seen |= set(rest.keys)


def _stand_in(aligned: Aligned, found: Explained) -> str:
    """Return a model that can take a parent's place and leave as few codes unexplained; "" if there is none.

    A quantized upload may not tell a parent from a model that was trained on from it.
    """
    parents, fit = found.mixed.parents, found.fitness
    least = float(fit.hit.sum() - (1 - EXACT_REPRODUCED) * fit.decisive.sum())
    m = moments_of(aligned, parents[0])
    for other in (i for i in range(len(aligned.references)) if i not in parents):
        for i in range(len(parents)):
            swapped = (*parents[:i], other, *parents[i + 1 :])
            if mixture(aligned, m, fit_set(m, swapped)).fitness.hit.sum() >= least:
                return aligned.references[other].repo_id
    return ""
