"""GPTQ and AWQ: matrices whose codes lie column by column, so that a few columns of all rows are read together.

GPTQ: words of several columns of one row, zero points stored less one in its first version, an index of groups where
columns were quantized in another order (https://arxiv.org/abs/2210.17323, AutoGPTQ's qlinear_cuda_old.py and
GPTQModel). AWQ: words of eight rows of one column (https://arxiv.org/abs/2306.00978, AutoAWQ's GEMM).
"""

from __future__ import annotations

from dataclasses import replace

from analyzers.numbers.parts import GROUP, Part
from analyzers.numbers.unpacking import NUMBERS
from analyzers.records import TensorEntry
from analyzers.sketch.packed_tensors import Upload, matrix

SCALED = "after scaling its columns"  # how AWQ chose codes: by factors of the columns that it stores nowhere
BITS = (2, 4, 8)
GROUPS = (128, 64, 32, 256, 512, 1024)  # columns that share scales, where they do not divide a row


def by_columns(entry: TensorEntry, upload: Upload) -> TensorEntry | None:
    """Return the matrix that `entry` holds the words of; None where zero points and scales do not fit it."""
    scale, zero = upload.beside(entry, "scales"), upload.beside(entry, "qzeros")
    if scale is None or zero is None or {len(e.shape) for e in (entry, scale, zero)} != {2}:
        return None
    (groups, rows), words, wide = scale.shape, zero.shape[1], entry.shape[1]
    bits = 32 * words // rows if rows else 0
    gptq = wide == rows
    fits = 32 * words == rows * bits and zero.shape[0] == groups and (gptq or (bits == 4 and wide == words))
    if bits not in BITS or not fits or scale.dtype not in NUMBERS or zero.dtype != "I32":
        return None
    cols = entry.shape[0] * 32 // bits if gptq else entry.shape[0]
    group = _group(cols, groups)
    index = upload.beside(entry, "g_idx") if gptq else None
    if not group or (index is not None and (index.dtype, index.shape) != ("I32", (cols,))):
        return None
    form, word = (f"u{bits}", (1, 32 // bits)) if gptq else ("awq rows", (8, 1))
    parts = [
        Part("level", form, entry.shard, entry.begin, *word, 4, across=True),
        Part("scale", scale.dtype, scale.shard, scale.begin, 1, group, NUMBERS[scale.dtype].itemsize, across=True),
        Part("minus", f"u{bits} rows" if gptq else form, zero.shard, zero.begin, 32 // bits, group, 4, across=True),
    ]
    if index is not None:
        parts.insert(1, Part(GROUP, "I32", index.shard, index.begin, rows, 1, 4))
    found = matrix(entry, (rows, cols), f"uint{bits}", tuple(parts), "" if gptq else SCALED)
    return replace(found, packing=replace(found.packing, less=gptq)) if found.packing else None


def _group(cols: int, groups: int) -> int:
    """Return how many columns share scales; 0 where no known number of them makes so many groups."""
    if groups and cols % groups == 0:
        return cols // groups
    return next((g for g in GROUPS if -(-cols // g) == groups), 0)
