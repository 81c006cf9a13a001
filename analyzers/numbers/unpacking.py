"""Bytes of a quantized matrix's parts -> its weights at the sampled places."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import ml_dtypes
import numpy as np

from analyzers.numbers.gguf_blocks import BLOCKS, E2M1, Bytes, Planes
from analyzers.numbers.parts import Packing, Part
from analyzers.numbers.quantized import Quantized

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
        if packing.edges:
            steps = np.rint(zero / scale)
            scale = np.where(np.isfinite(steps) & (steps != 0), zero / steps, scale).astype(np.float32)
        values = zero + scale * level
    return Quantized(values, scale, zero, packing.levels, packing.chosen)


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


def _integers(width: int, signed: bool, down: bool, blocks: Bytes) -> Planes:
    """Read integers of `width` bits each, lowest bits first; `signed`: the lowest stands as 0; `down`: of rows."""
    each = np.unpackbits(blocks, axis=1, bitorder="little").reshape(len(blocks), -1, width)
    values = each @ (1 << np.arange(width)) - ((1 << (width - 1)) if signed else 0)
    return {"": values.astype(np.float32)[:, :, None] if down else values.astype(np.float32)[:, None, :]}


def _pairs(blocks: Bytes) -> Planes:
    """Read two FP4 codes a byte, the low half first."""
    return {"": E2M1[np.concatenate([blocks & 15, blocks >> 4], axis=1)][:, None, :]}


def _reciprocal(blocks: Bytes) -> Planes:
    """Read one divisor a block."""
    return {"": np.reciprocal(_numbers(NUMBERS["F32"], 1.0, blocks)[""])}


FORMS: Mapping[str, Callable[[Bytes], Planes]] = {
    **{name: partial(_numbers, dtype, 1.0) for name, dtype in NUMBERS.items()},
    "F32/127": partial(_numbers, NUMBERS["F32"], PER_SCALE),
    "1/F32": _reciprocal,
    "e2m1 pairs": _pairs,
    **{f"u{width}": partial(_integers, width, False, False) for width in (2, 3, 4, 5, 6, 8)},
    **{f"s{width}": partial(_integers, width, True, False) for width in (4, 8)},
    **{f"s{width} rows": partial(_integers, width, True, True) for width in (4, 8)},
    **BLOCKS,
}
