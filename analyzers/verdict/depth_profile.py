"""The profile over depth and module: what each tensor of a second look is made of, with intervals."""

from __future__ import annotations

import numpy as np

from analyzers.compare.aligned import Aligned
from analyzers.compare.case import Case
from analyzers.fit.bit_copies import TensorCopy, copied
from analyzers.fit.intervals import likely_intervals
from analyzers.fit.mixture import mixture
from analyzers.fit.moments import fit_set, moments_of
from analyzers.records import DepthPoint, Finding


def depth_profile(case: Case, finding: Finding) -> tuple[DepthPoint, ...]:
    """Return one point a sampled tensor, by layer and module; () where the finding names no two parents."""
    named = [p.ref.repo_id for p in finding.parents]
    if finding.kind not in ("blend", "copy") or not named:
        return ()
    if finding.family == "stack":
        return _stacked(case)
    aligned = case.aligned
    if aligned is None:
        return ()
    rows = [i for i, r in enumerate(aligned.references) if r.repo_id in named]
    if len(rows) < 2:
        return ()
    local = aligned.of(rows)
    points = [_point(local.only(local.tensors == t), t) for t in range(len(local.keys))]
    return tuple(sorted(points, key=lambda p: (p.key.layer, p.key.role, p.key.expert)))


def _point(part: Aligned, tensor: int) -> DepthPoint:
    m = moments_of(part, len(part.references) - 1)
    found = mixture(part, m, fit_set(m, tuple(range(len(part.references)))))
    bounds = likely_intervals(part, found.coefficients, found.tau)
    shares = {
        r.repo_id: (float(c), float(low), float(high))
        for r, c, (low, high) in zip(part.references, found.coefficients, bounds, strict=True)
    }
    state = "mixed" if found.fitness.decisive.any() else "silent"
    return DepthPoint(part.keys[tensor], state, shares, found.fitness.reproduced, part.suspect.size)


def _stacked(case: Case) -> tuple[DepthPoint, ...]:
    references = [k.reference for k in case.kin]
    found = sorted(copied(case), key=lambda c: (c.key.layer, c.key.role, c.key.expert))
    return tuple(
        DepthPoint(
            c.key,
            _state(c),
            {references[m].repo_id: (1.0, 1.0, 1.0) for m in sorted(c.models)},
            1.0 if c.origins else 0.0,
            int(np.size(case.suspect.samples[c.key].values)),
        )
        for c in found
    )


def _state(one: TensorCopy) -> str:
    if not one.origins:
        return "unexplained"
    return "copied" if one.distinct else "silent"
