"""Copies: one known model, stored again as it is, in another type, with noise, or with a few touched tensors."""

from __future__ import annotations

from collections import Counter

from analyzers.compare.case import Case
from analyzers.compare.kinship import Kinship
from analyzers.fit.parent_selection import select
from analyzers.numbers.quantized import COARSE
from analyzers.numbers.rounding import stored_as
from analyzers.records import Finding, Parent
from analyzers.sketch.packed_columns import SCALED
from analyzers.thresholds import (
    COPY_MIN_WEIGHTS,
    COPY_TENSORS_EQUAL,
    COPY_TENSORS_HELD,
    NOISE_DISPERSION,
    NOISE_DISTANCE,
    NOISE_LEAST,
    NOISE_ROW_DEPENDENCE,
    NOISE_TENSORS,
)

NAME = "copy_of"


def analyze(case: Case) -> Finding | None:
    """Name the model that the suspect is a copy of, a declared one first, then the most equal; None if none is."""
    for one in sorted(case.kin, key=lambda k: _order(case, k)):
        how = _how(case, one)
        most = len(one.keys) >= COPY_TENSORS_HELD * len(case.suspect.samples)
        if how and most and one.weights >= COPY_MIN_WEIGHTS:
            return _finding(one, f"{how}{_stored_as(case, one)}")
    return None


def _order(case: Case, one: Kinship) -> tuple[bool, float, int, bool]:
    """Return where a model stands among those that may be copied: wide cells may hold a base's weights and others'."""
    return not case.declares(one.reference.repo_id), -one.equal, -one.weights, one.reference.role != "base"


def _how(case: Case, one: Kinship) -> str | None:
    """Say in what way the suspect copies `one`; None if it does not."""
    kept = [case.suspect.samples[k].quantized for k in one.keys]
    if any(q is not None and q.chosen in (COARSE, SCALED) for q in kept):
        return None  # a light fine-tune lies within what is not known of the edges of their cells
    if one.equal == 1.0:
        return "every sampled weight is equal"
    if any(q is not None for q in kept):
        return None  # wide cells hide a light fine-tune in whole tensors, and look like noise themselves
    if one.tensors_equal >= COPY_TENSORS_EQUAL:
        return f"{one.tensors_equal:.2f} of the tensors are equal throughout, the others were touched"
    # no nearer kin may stand between, unless it is the farther one that the card names
    foremost = one.distance <= case.kin[0].distance or case.declares(one.reference.repo_id)
    if foremost and is_noise(one) and _alone(case, one):
        return f"they differ by noise alone, {one.distance:.1e} of each tensor's size in every tensor"
    return None


def _stored_as(case: Case, one: Kinship) -> str:
    """Say in what other type than the model's most of the suspect is stored; "" where it is the same."""
    pairs = [
        (stored_as(case.suspect.samples[k].kept), stored_as(one.reference.sketch.samples[k].values)) for k in one.keys
    ]
    own, its = Counter(pairs).most_common(1)[0][0]
    return "" if own == its else f", stored as {own} and not as {its}"


def _alone(case: Case, one: Kinship) -> bool:
    """Tell whether no other known model helps to explain the suspect: what is left over owes nothing to any of them."""
    aligned = case.aligned
    rows = [i for i, r in enumerate(aligned.references) if r is one.reference] if aligned else []
    if aligned is None or not rows:
        return True
    row = rows[0]
    needed = select(aligned.suspect, aligned.candidates, row, case.screened).parents
    return needed == (row,) or (len(needed) == 1 and case.declares(one.reference.repo_id))


def is_noise(one: Kinship) -> bool:
    """Tell added noise from training: of one relative size in all tensors, and independent from row to row.

    Training fails both by far: its size differs between tensors, and its rows move along common directions.
    """
    return (
        len(one.keys) >= NOISE_TENSORS
        and NOISE_LEAST <= one.distance <= NOISE_DISTANCE
        and one.dispersion <= NOISE_DISPERSION
        and 0 < one.row_dependence <= NOISE_ROW_DEPENDENCE
    )


def _finding(one: Kinship, how: str) -> Finding:
    ref = one.reference.sketch.ref
    exact = one.equal == 1.0
    return Finding(
        NAME,
        "copy",
        f"a copy of {ref.repo_id}: of {one.weights:,} sampled weights in {len(one.keys)} tensors, {how}",
        (Parent(ref, 1.0, None),),
        exact=exact,
        further_training=False if exact else None,
        measured={
            "weights": one.weights,
            "equal": one.equal,
            "tensors_equal": one.tensors_equal,
            "distance": one.distance,
            "dispersion": one.dispersion,
            "row_dependence": one.row_dependence,
        },
    )
