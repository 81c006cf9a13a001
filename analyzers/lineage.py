"""What is left when nothing was copied or mixed: trained on from a known model, or from none."""

from __future__ import annotations

import numpy as np

from analyzers.compare.case import Case
from analyzers.compare.kinship import Kinship
from analyzers.numbers.rounding import cell, widen
from analyzers.records import Finding, Parent
from analyzers.thresholds import RELATED_CORRELATION, TRAINED_ON_COEFFICIENT, TRAINED_ON_NEARNESS

NAME = "lineage"


def analyze(case: Case) -> Finding:
    """Name the model that the suspect descends from; every suspect gets one finding here."""
    if not case.kin:
        return _no_kin(case)
    parent, how = _parent(case)
    ref = parent.reference.sketch.ref
    if parent.correlation < RELATED_CORRELATION:
        claim = (
            f"{parent.alike} of {len(parent.keys)} sampled tensors resemble those of {ref.repo_id}, the others do not:"
            " layers may have been moved or replaced"
        )
        return Finding(NAME, "inconclusive", claim, measured={"weights": parent.weights, "alike": parent.alike})
    return Finding(
        NAME,
        "derivative",
        f"trained on from {ref.repo_id} ({how}): its weights lie {parent.distance:.2g} of their size away from it, "
        f"{parent.equal:.3f} of {parent.weights:,} sampled ones unchanged",
        (Parent(ref, None, None),),
        measured={
            "weights": parent.weights,
            "equal": parent.equal,
            "distance": parent.distance,
            "correlation": parent.correlation,
        },
    )


def _no_kin(case: Case) -> Finding:
    if not case.suspect.samples:
        reason = case.unsampled or "no matrix of a type that can be read"
        return Finding(NAME, "inconclusive", f"nothing could be sampled: {reason}")
    seen = f"{case.suspect.weights:,} sampled weights"
    if not case.compared:
        sizes = {(s.rows * s.cols, k.role, f"{s.rows:,} x {s.cols:,}") for k, s in case.suspect.samples.items()}
        _, role, shape = max(sizes)
        of = f"such as {role[:120]} of {shape}"
        return Finding(NAME, "unrelated", f"no known model has matrices of these names and shapes, {of} ({seen})")
    return Finding(NAME, "unrelated", f"{seen} resemble those of none of {case.compared} comparable known models")


def _parent(case: Case) -> tuple[Kinship, str]:
    """Choose the parent: the declared one, else the base, unless a stranger's release was clearly trained on.

    Clearly is measured from the base as well as from the declared model: seen from a far release, siblings look alike.
    """
    declared = [k for k in case.kin if case.declares(k.reference.repo_id)]
    bases = [k for k in case.kin if k.reference.role == "base"]
    default = (declared or bases or list(case.kin))[0]
    for one in case.kin:
        if one.distance >= default.distance:
            break
        origins = [k for k in (default, *bases[:1]) if k is not one]
        if not case.own(one.reference) and all(_is_trained_on(case, one, origin) for origin in origins):
            return one, "nearest, and its whole delta is in it"
    return default, "declared" if declared else "nearest base" if bases else "nearest"


def _is_trained_on(case: Case, one: Kinship, origin: Kinship) -> bool:
    """Tell whether the suspect lies near one model, and has all that sets this one apart from its origin."""
    close = one.distance <= TRAINED_ON_NEARNESS * origin.distance
    return close and abs(share_of_delta(case, one, origin) - 1) <= TRAINED_ON_COEFFICIENT


def share_of_delta(case: Case, one: Kinship, base: Kinship) -> float:
    """Return the least-squares coefficient of (one - base) in (suspect - base), weighted by 1/ulp^2.

    Near 1 for a model trained on from `one`: training adds to what it starts from and takes next to nothing back.
    """
    keys = sorted(set(one.keys) & set(base.keys))
    if not keys:
        return 0.0
    top = bottom = 0.0
    for key in keys:
        suspect = case.suspect.samples[key].kept
        origin = widen(base.reference.sketch.samples[key].values)
        delta = widen(one.reference.sketch.samples[key].values) - origin
        told = np.isfinite(widen(suspect)) & np.isfinite(origin) & np.isfinite(delta)
        suspect, origin, delta = suspect[told], origin[told], delta[told]
        if not delta.size:
            continue
        weight = 1.0 / np.maximum(cell(suspect), 1e-3 * np.abs(origin).mean()) ** 2
        top += float((weight * delta * (widen(suspect) - origin)).sum())
        bottom += float((weight * delta * delta).sum())
    return top / bottom if bottom else 0.0
