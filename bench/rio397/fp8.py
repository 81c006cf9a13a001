"""FP8 in blocks with `weight_scale_inv`, as large releases are stored, computed on demand.

A block's scale is drawn, not found from the block's largest weight: which scale a tool takes does not matter, and the
blocks of 400 billion weights need not be computed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import ml_dtypes
import numpy as np

from bench.rio397.repos import CONFIG
from bench.rio397.shards import Tensor
from bench.rio397.weights import Floats, Places, Stored, Weights, key_of, normals, scale_of

BLOCK = 128
SCALE = "_scale_inv"
QUANTIZED = re.compile(
    r"(?!.*visual).*\.(?:[qkvo]_proj|(?:gate|up|down|gate_up)_proj|in_proj_(?:qkv|z)|out_proj)(?:\.weight)?"
)
LARGEST, FARTHEST = 448.0, 6.0  # of E4M3; a weight in standard deviations
SETTINGS = {"quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [BLOCK, BLOCK]}}


def tensors(plain: Iterable[Tensor]) -> list[Tensor]:
    """Return the tensors of a model in FP8: codes with their scales, and what stays as it is."""
    found = []
    for tensor in plain:
        if QUANTIZED.fullmatch(tensor.name):
            *outer, rows, cols = tensor.shape
            blocks = (*outer, -(-rows // BLOCK), -(-cols // BLOCK))
            found += [Tensor(tensor.name, "F8_E4M3", tensor.shape), Tensor(tensor.name + SCALE, "F32", blocks)]
        else:
            found.append(tensor)
    return found


@dataclass(frozen=True, slots=True)
class Fp8:
    """A model's weights in FP8."""

    source: Weights

    def at(self, tensor: Tensor, places: Places) -> Stored:
        """See Weights."""
        if tensor.name.endswith(SCALE):
            return _scales(tensor.name.removesuffix(SCALE), places)
        if tensor.dtype != "F8_E4M3":
            return self.source.at(tensor, places)
        rows, cols = tensor.shape[-2:]
        row, col = np.divmod(places, cols)
        outer, row = np.divmod(row, rows)
        blocks = (outer * -(-rows // BLOCK) + row // BLOCK) * -(-cols // BLOCK) + col // BLOCK
        plain = self.source.at(Tensor(tensor.name, "BF16", tensor.shape), places).astype(np.float32)
        return (plain / _scales(tensor.name, blocks)).astype(ml_dtypes.float8_e4m3fn)


def _scales(name: str, blocks: Places) -> Floats:
    drawn = np.exp(normals(key_of("fp8", name), blocks) / 10) * scale_of(Tensor(name, "BF16", ())) * FARTHEST / LARGEST
    return drawn.astype(np.float32)


def config() -> dict[str, object]:
    """Return the config of a model in FP8."""
    return dict(CONFIG) | SETTINGS
