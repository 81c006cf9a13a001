"""Copies in AWQ: every column is a known model's times one factor."""

from __future__ import annotations

import numpy as np
import pytest

from analyzers import explain, scaled_copy
from demo.models import fresh, trained
from tests.analyzers.calibrated import CALIBRATED, awq
from tests.analyzers.makers import BASE, RELEASE, base_weights, case, delta, family, release_weights
from tests.analyzers.planted import Planted, planted
from tests.analyzers.sketch.test_quantized_layout import blended, sibling
from tests.analyzers.test_calibrated_blend import body_of


def test_planted() -> None:
    """Copies are named; what was trained on, with its embedding frozen or not, blends and twins are not."""
    release = release_weights(1)
    found = [
        (case(awq(base_weights()), family()), Planted("copy", {BASE: 1.0})),
        (case(awq(release), family()), Planted("copy", {RELEASE: 1.0})),
    ]
    honest = [sibling(0.95), sibling(0.0, 0.002), fresh(np.random.default_rng(9))]
    honest += [blended({RELEASE: 0.6, BASE: 0.4}), body_of(trained(release, delta(7, 0.01)), release)]
    planted(scaled_copy.analyze, found, [case(awq(weights), family()) for weights in honest])
    best = explain(found[1][0])
    assert (best.kind, best.exact, best.further_training) == ("copy", None, None)


@pytest.mark.parametrize("name", ["gptq", "gptq of 8 bits"])
def test_codes_that_were_corrected_for_each_other_show_no_copy(name: str) -> None:
    """A model and a light fine-tune of it look alike in GPTQ: a copy is said to be a derivative."""
    finding = explain(case(CALIBRATED[name](release_weights(1)), family()))
    assert (finding.kind, finding.parents[0].ref.repo_id) == ("derivative", BASE)


def test_a_model_with_no_other_beside_it_leaves_a_doubt() -> None:
    """How much the columns tell is known by those of another model."""
    finding = scaled_copy.analyze(case(awq(base_weights()), family()[:1]))
    assert finding is not None
    assert (finding.kind, finding.parents) == ("inconclusive", ())
