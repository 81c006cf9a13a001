"""FP8 that is computed on demand is read as the weights that it stores."""

from __future__ import annotations

from math import prod

import numpy as np

from bench.rio397 import fp8
from bench.rio397.shards import Tensor
from bench.rio397.weights import Base

SOURCE = Base("base")
EXPERTS = Tensor("model.layers.0.mlp.experts.down_proj", "BF16", (2, 200, 130))


def test_codes_times_scales_are_the_weights() -> None:
    """Each block has a scale of its own, and no weight is farther than half a step of three bits."""
    codes, scales, head = fp8.tensors([EXPERTS, Tensor("lm_head.weight", "BF16", (4, 4))])
    assert (scales.shape, head.dtype) == ((2, 2, 2), "BF16")
    stored = fp8.Fp8(SOURCE)
    places = np.arange(prod(EXPERTS.shape))
    code = stored.at(codes, places).astype(np.float32).reshape(EXPERTS.shape)
    scale = stored.at(scales, np.arange(8)).astype(np.float32).reshape(scales.shape)
    full = np.repeat(np.repeat(scale, 128, axis=1), 128, axis=2)[:, :200, :130]
    plain = SOURCE.at(EXPERTS, places).astype(np.float32).reshape(EXPERTS.shape)
    assert len(np.unique(scale)) == 8
    assert (np.abs(code * full - plain) <= np.maximum(np.abs(plain) / 15, full * 2.0**-9)).all()
