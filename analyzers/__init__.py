"""Pure functions of values: bytes, dicts and arrays in, frozen values out.

An analyzer is a module with NAME and analyze(case) -> Finding | None: one file, one line in ANALYZERS, one test
through the shared planted check.
"""

from collections.abc import Callable
from dataclasses import replace

from analyzers import (
    blend,
    calibrated_blend,
    duplicate,
    layerwise,
    lineage,
    perturbed_blend,
    quantized_blend,
    scaled_copy,
    sparse,
    stack,
)
from analyzers.compare.case import Case, among_declared, compared
from analyzers.records import Finding, Sketch
from analyzers.thresholds import MIN_COMPARED, MIN_INFORMATIVE_TENSORS

# A family with more to choose must leave by so much less unexplained before it is preferred to a simpler one.
FREEDOM = {"layerwise": 0.01, "sparse": 0.03}

# Read top to bottom: the first that finds something decides. Each line names what it rests on.
ANALYZERS: tuple[Callable[[Case], Finding | None], ...] = (
    duplicate.analyze,  # bits; noise told from training by dispersion and row dependence
    scaled_copy.analyze,  # bits up to a factor a column: https://arxiv.org/abs/2306.00978
    stack.analyze,  # tensors copied bit for bit: https://arxiv.org/abs/2312.15166, mergekit's passthrough
    blend.analyze,  # bit replay of merges: https://arxiv.org/abs/2203.05482, https://arxiv.org/abs/2212.04089
    quantized_blend.analyze,  # the same, code for code, of quantized uploads
    calibrated_blend.analyze,  # bit replay of what is not quantized: https://arxiv.org/abs/2210.17323
    sparse.analyze,  # element by element: https://arxiv.org/abs/2306.01708, https://arxiv.org/abs/2311.03099
    layerwise.analyze,  # tensor by tensor: https://arxiv.org/abs/2403.19522, https://arxiv.org/abs/2403.13257
    perturbed_blend.analyze,  # a blend under noise or further training
    lineage.analyze,  # what is left: nearest kin by relative distance
)
# These know the bits of a storage type alone. Of a quantized upload they see the rest, unless its codes left a doubt.
OF_THE_REST = (sparse.analyze, layerwise.analyze, perturbed_blend.analyze)


def explain(case: Case) -> Finding:
    """Return what an upload is. What declared models alone make, bit for bit, owes nothing to any other.

    Two people may run one recipe: the second is no copy of the first.
    """
    finding = _best(case)
    hidden = finding.kind in ("blend", "copy") and not all(case.declares(p.ref.repo_id) for p in finding.parents)
    declared = among_declared(case) if hidden else None
    own = _best(declared) if declared else finding
    found = own if own.exact else finding
    return _after_undoing(case.suspect, found) if case.suspect.undone else found


def _after_undoing(suspect: Sketch, finding: Finding) -> Finding:
    """Say what was undone first. Where a part was rounded again under a scale, nothing is exact: it is float32 here."""
    rounded = len({sample.values.dtype for sample in suspect.samples.values()}) > 1
    exact = False if finding.exact and rounded else finding.exact
    return replace(finding, claim=f"{suspect.undone}: {finding.claim}", exact=exact)


def _best(case: Case) -> Finding:
    """Return the first finding that reproduces bits exactly, else the one that leaves least unexplained.

    One that could not make up its mind is overruled by whoever names a blend or copy, and overrules mere descent.
    """
    rest = case.unquantized
    found: list[tuple[Finding, Case]] = []
    for analyze in ANALYZERS:
        seen = rest if analyze in OF_THE_REST else case
        finding = analyze(seen) if seen is case or not any(by is case for _, by in found) else None
        if finding is not None:
            found.append((finding, seen))
            if finding.exact:
                break
    best, seen = min(found, key=lambda each: _rank(each[0]))  # of equals, the first
    return _within_reach(seen, best if seen is case else _of_a_part(best))


def _of_a_part(finding: Finding) -> Finding:
    """Say that quantized weights were left out: whatever is exact without them is not the upload."""
    return replace(finding, claim=f"{finding.claim}, of those that are not quantized", exact=False)


def _within_reach(case: Case, finding: Finding) -> Finding:
    """Return a finding, or "inconclusive" where too little of the suspect was compared for one about the model.

    Of a part that is exactly a blend it keeps the parents: bulk beside a blend must not hide it.
    """
    share, rest = compared(case, [p.ref.repo_id for p in finding.parents])
    if share is None:
        return finding
    measured = {**finding.measured, "compared": round(share, 4)}
    few = finding.kind == "copy" and len(case.suspect.samples) < MIN_INFORMATIVE_TENSORS
    if (share >= MIN_COMPARED and not few) or finding.kind in ("derivative", "inconclusive"):
        return replace(finding, measured=measured)
    beyond = "its experts" if "experts" in rest else rest
    little = f"only {share:.0%} of its parameters could be compared, and not {beyond}"
    seen = little if share < MIN_COMPARED else "too few tensors to say"
    parents = finding.parents if finding.kind == "blend" and finding.exact else ()
    return Finding(finding.analyzer, "inconclusive", f"{seen}: {finding.claim}", parents, measured=measured)


def _rank(finding: Finding) -> tuple[int, float]:
    if finding.kind in ("blend", "copy"):
        return (0, 0.0) if finding.exact else (1, finding.unexplained + FREEDOM.get(finding.family or "", 0.0))
    return (2 if finding.kind == "inconclusive" else 3), 0.0
