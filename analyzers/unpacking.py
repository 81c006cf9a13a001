"""Bytes of a quantized matrix's parts -> its weights at the sampled places."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import ml_dtypes
import numpy as np

from analyzers.blocks import BLOCKS, Bytes, Planes
from analyzers.packing_records import Packing, Part
from analyzers.quantized import Quantized

PER_SCALE = 127.0  # bitsandbytes keeps the largest weight of a row, https://arxiv.org/abs/2208.07339

NUMBERS: Mapping[str, np.dtype[np.generic]] = {
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "F16": np.dtype(np.float16),
    "F32": np.dtype(np.float32),
    "F8_E4M3": np.dtype(ml_dtypes.float8_e4m3fn),
    "F8_E5M2": np.dtype(ml_dtypes.float8_e5m2),
    "F8_E8M0": np.dtype(ml_dtypes.float8_e8m0fnu),
    "I8": np.dtype(np.int8),
}


def quantized(packing: Packing, places: Sequence[tuple[int, int, int]], data: Sequence[bytes]) -> Quantized:
    """Return the weights at `places`, (row, first column, columns) each, out of the bytes that each part's span holds.

    ValueError where a length is wrong.
    """
    level = scale = np.ones(1, np.float32)
    minus = offset = np.zeros(1, np.float32)
    for part, chunk in zip(packing.parts, data, strict=True):
        with np.errstate(all="ignore"):  # scales may be anything
            planes = _planes(packing, part, places, chunk)
        level = planes.get("level", level)
        scale = scale * planes.get("scale", np.ones(1, np.float32))
        minus = minus + planes.get("minus", np.zeros(1, np.float32))
        offset = offset + planes.get("offset", np.zeros(1, np.float32))
    with np.errstate(all="ignore"):
        scale = np.full(level.shape, scale, np.float32)
        zero = np.full(level.shape, offset - scale * minus, np.float32)
        values = zero + scale * level
    return Quantized(values, scale, zero, packing.levels, packing.scale_type)


def _planes(packing: Packing, part: Part, places: Sequence[tuple[int, int, int]], chunk: bytes) -> Planes:
    """Return what one part says of each weight, float32[weights] by plane."""
    begin, end = packing.span(part, tuple(places))
    if len(chunk) != end - begin:
        raise ValueError(f"{len(chunk)} bytes instead of {end - begin}")
    blocks = FORMS[part.form](np.frombuffer(chunk, np.uint8).reshape(-1, part.size))
    origin = (begin - part.begin) // part.size
    rows = np.concatenate([np.full(length, packing.stored(row)) for row, _, length in places])
    cols = np.concatenate([np.arange(col, col + length) for _, col, length in places])
    number = rows // part.rows * -(-packing.cols // part.cols) + cols // part.cols - origin
    found = {}
    for plane, values in blocks.items():
        _, high, wide = values.shape
        found[plane or part.plane] = values[number, rows % min(part.rows, high), cols % part.cols % wide]
    return found


def _numbers(dtype: np.dtype[np.generic], divisor: float, blocks: Bytes) -> Planes:
    """Read one number a block."""
    values = np.ascontiguousarray(blocks).view(dtype).astype(np.float32)
    return {"": (values / np.float32(divisor))[:, None, :]}


FORMS: Mapping[str, Callable[[Bytes], Planes]] = {
    **{name: partial(_numbers, dtype, 1.0) for name, dtype in NUMBERS.items()},
    "F32/127": partial(_numbers, NUMBERS["F32"], PER_SCALE),
    **BLOCKS,
}
