"""NF4 and FP4 of bitsandbytes: a matrix as one row of codes, whose shape stands in no header.

Blocks of weights share their largest size, which may itself be quantized: by a code of eight bits, the largest size of
256 of these, and one number that all are less by (https://arxiv.org/abs/2305.14314, bitsandbytes/functional.py).
"""

from __future__ import annotations

from dataclasses import replace

from analyzers.numbers.parts import Part
from analyzers.numbers.quantized import COARSE
from analyzers.records import TensorEntry
from analyzers.sketch.packed_tensors import ENTERED, Upload, matrix

BLOCKS = (64, 128, 256, 512, 1024, 2048, 4096)
NESTED = 256  # blocks whose sizes share a scale
LEFT = ("o_proj", "down_proj")  # modules whose rows are the hidden size
KEPT = ("k_proj", "v_proj")  # modules whose columns are, and that are quantized so


def flat(entry: TensorEntry, upload: Upload) -> TensorEntry | None:
    """Return the matrix that `entry` holds the codes of; None where its shape or its scales stay unknown."""
    size, module = 2 * (entry.end - entry.begin), entry.name.removesuffix(".weight").rpartition(".")[2]
    hidden = upload.hidden
    if not hidden or size % hidden or entry.dtype != "U8" or module not in (*ENTERED, *KEPT, *LEFT):
        return None
    rows, cols = (hidden, size // hidden) if module in LEFT else (size // hidden, hidden)
    of = {name: upload.by_name.get(f"{entry.name}.{name}") for name in ("absmax", "nested_absmax")}
    table = next((t for t in ("nf4", "fp4") if f"{entry.name}.quant_state.bitsandbytes__{t}" in upload.by_name), "")
    largest, nested = of["absmax"], of["nested_absmax"]
    if not table or largest is None or len(largest.shape) != 1:
        return None
    block = next((b for b in BLOCKS if -(-size // b) == largest.shape[0]), 0)
    if not block or largest.dtype != ("F32" if nested is None else "U8"):
        return None
    parts = [Part("level", f"{table} pairs", entry.shard, entry.begin, 1, 2, 1)]
    if nested is None:
        parts.append(Part("scale", "F32", largest.shard, largest.begin, 1, block, 4))
    else:
        state = upload.by_name[f"{entry.name}.quant_state.bitsandbytes__{table}"]
        parts += [
            Part("scale", "dynamic", largest.shard, largest.begin, 1, block, 1),
            Part("scale", "F32", nested.shard, nested.begin, 1, block * NESTED, 4),
            Part("added", "offset", state.shard, state.begin, 1, size, state.end - state.begin),
        ]
    found = matrix(entry, (rows, cols), table, tuple(parts), "" if nested is None else COARSE)
    return replace(found, packing=replace(found.packing, rows=1, cols=size, flat=cols)) if found.packing else None
