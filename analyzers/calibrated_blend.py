"""Linear blends whose codes calibration chose (GPTQ, AWQ), or whose scales were themselves quantized.

No prediction reproduces such codes: what is left over is as large as a step, and an honest sibling's own training hides
under it. So the tensors that the tool left as they were decide, bit for bit: embedding, head, routers. The
quantized ones must bear their mix out: lean on the same parents by the same shares, and on no other model. Of codes
alone nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzers.blend import Explained, explain_linear, measures, sentence, told
from analyzers.compare.aligned import Aligned, align
from analyzers.compare.case import Case
from analyzers.fit.moments import cost_of, fit_set, moments_of
from analyzers.fit.parent_selection import select_from
from analyzers.fit.tensor_profile import nearest_model
from analyzers.records import Finding, SliceKey
from analyzers.thresholds import ENOUGH_WEIGHTS, EXACT_REPRODUCED, MIN_DECISIVE, MIN_Z

NAME = "calibrated_blend"


def analyze(case: Case) -> Finding | None:
    """Name the parents by what was not quantized, where what was quantized bears them out; None where it cannot."""
    aligned = case.aligned
    if aligned is None or not case.quantized or len(aligned.references) < 2:
        return None
    plain = align(case.suspect.plain, aligned.references)
    found = explain_linear(plain, case.screened, case.suspect.spec.windows) if plain is not None else None
    if plain is None or found is None:
        return None
    mix = told(plain, found)
    if mix.reproduced < EXACT_REPRODUCED or mix.decisive < ENOUGH_WEIGHTS or mix.equal <= mix.control:
        return None
    claim = f"{sentence(mix)} bit for bit ({mix.arithmetic}), of those that are not quantized"
    doubt = _doubt(case, aligned, found) if mix.decisive >= MIN_DECISIVE else "too few of them to say"
    if doubt:
        return Finding(NAME, "inconclusive", f"{claim}; {doubt}", measured=measures(mix, None))
    claim += (
        f"; the quantized ones lean on the same models by the same shares, {MIN_Z:g} standard errors beyond any one"
    )
    return Finding(NAME, "blend", claim, mix.parents, "linear", False, None, measures(mix, None), 0.0)


def _doubt(case: Case, aligned: Aligned, found: Explained) -> str:
    """Say in what the quantized tensors do not bear out the mix; "" where they do."""
    told_by = 0
    for part in _quantized(case, aligned):
        m = moments_of(part, 0)
        parents = found.mixed.parents
        free = fit_set(m, parents, free_sum=True)
        scale = free.coefficients.sum() / found.coefficients.sum()  # levels that are no means of their cells shrink all
        cost = cost_of(m, parents, scale * found.coefficients)
        if cost - free.cost > MIN_Z**2:
            return "the quantized ones lean on these models by other shares"
        single = min(fit_set(m, (i,), free_sum=True).cost for i in range(len(part.references)))
        told_by += single - cost >= MIN_Z**2
        anchor = nearest_model(part)
        needed = select_from(m, anchor, case.screened).parents
        if len(needed) > 1 and not set(needed) <= set(parents):
            return "the quantized ones lean on other models, too"
    return "" if told_by else "the quantized ones are too few to bear it out"


def _quantized(case: Case, aligned: Aligned) -> Iterator[Aligned]:
    """Yield the quantized tensors, those with the same levels together."""
    seen: set[SliceKey] = {k for k, s in case.suspect.samples.items() if s.quantized is None}
    while (part := align(case.suspect, aligned.references, seen)) is not None:
        seen |= set(part.keys)
        yield part
