"""When a third look is called for."""

from __future__ import annotations

from dataclasses import replace

from analyzers.compare.case import Case
from analyzers.relayout.restored import is_called_for
from demo.quantizers import FORMATS
from tests.analyzers.makers import case, family, release_weights


def with_few_alike(one: Case) -> Case:
    """Return a case whose nearest known model shares one sampled matrix with the upload."""
    return replace(one, kin=(replace(one.kin[0], alike=1),))


def test_fewer_samples_of_a_quantized_upload_call_for_nothing() -> None:
    """Of an upload in halves a few alike ones ask for another layout; of a quantized one fewer are read at all."""
    weights = release_weights(3)
    assert is_called_for(with_few_alike(case(weights, family())))
    assert not is_called_for(with_few_alike(case(FORMATS["fp8 in blocks"](weights), family())))
