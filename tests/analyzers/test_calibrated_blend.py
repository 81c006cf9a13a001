"""Blends whose codes calibration chose: what is not quantized decides, and the codes must bear it out."""

from __future__ import annotations

import numpy as np
import pytest

from analyzers import calibrated_blend, explain
from demo.models import Weights, fresh, trained
from demo.quantizers import linear
from tests.analyzers.calibrated import CALIBRATED
from tests.analyzers.makers import BASE, OTHER, RELEASE, base_weights, case, delta, family, release_weights
from tests.analyzers.planted import Planted, planted
from tests.analyzers.sketch.test_quantized_layout import blended, sibling


def body_of(body: Weights, rest: Weights) -> Weights:
    """Return the matrices that tools quantize of one model with all else of another."""
    return {name: body[name] if linear(name, body[name]) else rest[name] for name in body}


@pytest.mark.parametrize("name", ["gptq", "awq"])
def test_planted(name: str) -> None:
    """Both parents are named, by their shares; siblings that lean on a release, adapters and twins are left alone."""
    mixes = [{RELEASE: 0.6, BASE: 0.4}, {RELEASE: 0.5, OTHER: 0.5}]
    release = release_weights(1)
    honest = [sibling(0.95), release, fresh(np.random.default_rng(9))]
    honest.append(body_of(trained(release, delta(7, 0.01)), release))
    quantize = CALIBRATED[name]
    found = [(case(quantize(blended(mix)), family()), Planted("blend", mix, exact=False)) for mix in mixes]
    planted(calibrated_blend.analyze, found, [case(quantize(weights), family()) for weights in honest])
    best = explain(found[0][0])
    assert (best.kind, best.exact, best.further_training) == ("blend", False, None)


@pytest.mark.parametrize("name", ["gptq", "awq"])
def test_codes_that_lean_otherwise_leave_a_doubt(name: str) -> None:
    """An embedding that is a mix says nothing of matrices that are not, and nobody is named."""
    mix, quantize = blended({RELEASE: 0.6, BASE: 0.4}), CALIBRATED[name]
    for body in (base_weights(), release_weights(2), blended({RELEASE: 0.6, OTHER: 0.4})):
        finding = calibrated_blend.analyze(case(quantize(body_of(body, mix)), family()))
        assert finding is not None
        assert (finding.kind, finding.parents) == ("inconclusive", ())


def test_what_is_quantized_throughout_is_left_to_the_codes() -> None:
    """Without a plain tensor there is nothing that decides."""
    weights = CALIBRATED["gptq"](blended({RELEASE: 0.6, BASE: 0.4}))
    alone = {n: w for n, w in weights.items() if "embed" not in n and "lm_head" not in n}
    assert calibrated_blend.analyze(case(alone, family())) is None
    assert calibrated_blend.analyze(case(blended({RELEASE: 0.6, BASE: 0.4}), family())) is None
