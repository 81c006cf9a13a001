"""Which known models a suspect is put beside, and whose they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from analyzers.blend import strangers
from analyzers.compare.case import Case, case_of
from demo.models import Delta, Weights, trained
from tests.analyzers.makers import (
    BASE,
    BF16,
    NOW,
    OTHER,
    RELEASE,
    SUSPECT,
    base_weights,
    case,
    declaring,
    delta,
    family,
    known,
    release_weights,
    sketch,
)


def beside(found: Case) -> set[str]:
    """The models at the same coordinates as the suspect."""
    assert found.aligned is not None
    return {r.repo_id for r in found.aligned.references}


def barely(share: float) -> Weights:
    """The base with a share of its weights moved."""
    rng = np.random.default_rng(4)
    exact = {n: w.astype(np.float64) for n, w in base_weights().items()}
    return {n: np.where(rng.random(w.shape) < share, 1.1 * w, w).astype(BF16) for n, w in exact.items()}


def test_a_model_that_hardly_moved_is_not_put_beside_its_base() -> None:
    """It would stand in for the base and explain nothing; it stays among the kin."""
    still, moving = known("wren/Still", barely(0.002)), known("wren/Moving", barely(0.2))
    found = case(release_weights(3), [*family(), still, moving])
    assert beside(found) == {BASE, RELEASE, OTHER, "wren/Moving"}
    assert "wren/Still" in {k.reference.repo_id for k in found.kin}


def test_a_maker_owns_what_it_answers_for() -> None:
    """By the registry's aliases where they are known, else by the name of the repository."""
    release = family()[1]
    plain = case(release_weights(1), family(), repo_id="Tidepool/Next")
    alias = case_of(sketch(SUSPECT, release_weights(1)), family(), declaring(), NOW, maker="TIDEPOOL")
    other = case(release_weights(1), family())
    assert [c.own(release) for c in (plain, alias, other)] == [True, True, False]


def test_what_declares_ones_own_models_lies_on_ones_own_line() -> None:
    """A stranger's fine-tune of the maker's own release is no stranger among the parents; any other stranger is."""
    tuned = known("wren/Tuned", trained(release_weights(1), Delta.draw(np.random.default_rng(3), 0.01)))
    own_line = replace(tuned, declares=(RELEASE,))
    for reference, strange in ((own_line, False), (tuned, True)):
        found = case(trained(release_weights(1), delta(8, 0.01)), [*family(), reference], repo_id="tidepool/Next")
        assert found.made_of_own(reference) is not strange
        assert strangers(found, ["wren/Tuned"]) is strange
        assert not strangers(found, [RELEASE, BASE])
        assert not strangers(found, [RELEASE, OTHER])
