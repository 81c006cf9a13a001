"""Inner products of embeddings: what an orthogonal rotation of the residual stream keeps.

Owners rotate for quantization (https://arxiv.org/abs/2404.00456, https://arxiv.org/abs/2405.16406) and against
merging. The products show descent, and no more: no weight is compared with another.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from analyzers.compare.kinship import pearson
from analyzers.numbers.rounding import Floats, widen
from analyzers.records import Sample, SliceKey
from analyzers.thresholds import SAME_PRODUCTS

TOKENS = 32  # adjacent rows of the embeddings whose products are compared
BLOCKS = 4  # of them, over the whole vocabulary
ROLE = "embed_tokens.products"


def blocks(rows: int) -> tuple[int, ...]:
    """Return the first row of each block of a vocabulary of `rows`; () where it is too small."""
    if rows < 2 * BLOCKS * TOKENS:
        return ()
    return tuple((2 * i + 1) * rows // (2 * BLOCKS) for i in range(BLOCKS))


def products(first: int, rows: Floats) -> Sample:
    """Return the cosines between the centred rows, float64[TOKENS, columns], of one block as a sample."""
    centred = rows - rows.mean(axis=0)
    sizes = np.linalg.norm(centred, axis=1, keepdims=True)
    unit = np.divide(centred, sizes, out=np.zeros_like(centred), where=sizes > 0)
    above = np.triu_indices(len(rows), 1)
    return Sample(len(rows), len(rows), first, (unit @ unit.T)[above].astype(np.float32))


def keys() -> list[SliceKey]:
    """Return the keys under which the blocks stand."""
    return [SliceKey(ROLE, expert=block) for block in range(BLOCKS)]


def same_products(own: Mapping[SliceKey, Sample], known: Mapping[SliceKey, Sample]) -> bool:
    """Tell whether every block has a known model's products: those of strangers agree in some blocks, by frequency."""
    return all(pearson(widen(own[k].values), widen(known[k].values)) >= SAME_PRODUCTS for k in keys())
