"""Bytes of a quantized matrix's parts -> its weights at the sampled places."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from analyzers.numbers.gguf_blocks import BLOCKS, E2M1, Bytes, Planes, Single
from analyzers.numbers.parts import GROUP, Packing, Part, Places
from analyzers.numbers.quantized import FP4, NF4, Quantized, levels_of

PER_SCALE = 127.0  # bitsandbytes keeps the largest weight of a row, https://arxiv.org/abs/2208.07339
AWQ_ORDER = [0, 4, 1, 5, 2, 6, 3, 7]  # where in a word each row's code lies, https://github.com/casper-hansen/AutoAWQ


def _dynamic_type() -> Single:
    """Return the values of bitsandbytes' signed dynamic type in ascending order (https://arxiv.org/abs/1511.04561)."""
    found = [0.0, 1.0]
    for exponent in range(7):
        edges = np.linspace(0.1, 1, 2**exponent + 1, dtype=np.float32)
        middles = 10.0 ** (exponent - 6) * ((edges[:-1] + edges[1:]) / 2).astype(np.float64)
        found += [*middles, *-middles]
    return np.sort(np.array(found, np.float32))


DYNAMIC = _dynamic_type()

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

    Those that are not read, or whose scale is not, are no number. ValueError where a length is wrong.
    """
    every, read = tuple(places), packing.read(tuple(places))
    level = scale = np.ones(1, np.float32)
    minus = offset = added = np.zeros(1, np.float32)
    group: Single | None = None
    for part, chunk in zip(packing.parts, data, strict=True):
        with np.errstate(all="ignore"):  # scales may be anything
            planes = _planes(packing, part, every, chunk, group)
        level = planes.get("level", level)
        group = planes.get(GROUP, group)
        scale = scale * planes.get("scale", np.ones(1, np.float32))
        added = added + planes.get("added", np.zeros(1, np.float32))
        minus = minus + planes.get("minus", np.zeros(1, np.float32))
        offset = offset + planes.get("offset", np.zeros(1, np.float32))
    with np.errstate(all="ignore"):
        scale = np.full(level.shape, scale + added, np.float32)
        minus = minus + _stored_less(packing, level, scale, minus) if packing.less else minus
        zero = np.full(level.shape, offset - scale * minus, np.float32)
        if packing.edges:
            steps = np.rint(zero / scale)
            scale = np.where(np.isfinite(steps) & (steps != 0), zero / steps, scale).astype(np.float32)
        values = zero + scale * level
    told = _among(every, read)
    values, scale, zero = (_spread(told, plane, rest) for plane, rest in ((values, np.nan), (scale, 1.0), (zero, 0.0)))
    return Quantized(values, scale, zero, packing.levels, packing.chosen)


def _among(every: Places, read: Places) -> NDArray[np.bool_]:
    """Tell which weights of all places are read, bool[weights]: the first ones of some windows."""
    counts = {(row, col): length for row, col, length in read}
    return np.concatenate([np.arange(length) < counts.get((row, col), 0) for row, col, length in every])


def _spread(told: NDArray[np.bool_], values: Single, rest: float) -> Single:
    """Return what was read where it lies among all weights, and `rest` elsewhere."""
    found = np.full(told.shape, rest, np.float32)
    found[told] = values
    return found


def _stored_less(packing: Packing, level: Single, scale: Single, minus: Single) -> float:
    """Return 1 where the zero points are stored less one, as in the first version of GPTQ's format, else 0.

    Symmetric codes have their zero in the middle. Of others, that version is right whose weights are nearer to 0 in
    the mean; of eight bits that says nothing, and the first version is by far the commoner.
    """
    middle = float(levels_of(packing.levels).size // 2)
    if (minus == middle).all() or (minus == middle - 1).all():
        return middle - float(minus.flat[0])
    if packing.levels == "uint8":
        return 1.0
    means = [abs(float(np.nanmean(scale * (level - minus - less)))) for less in (1.0, 0.0)]
    return 1.0 if means[0] <= means[1] else 0.0


def _planes(packing: Packing, part: Part, places: Places, chunk: bytes, group: Single | None) -> Planes:
    """Return what one part says of each weight that is read, float32[weights] by plane; NaN where it does not.

    `group`: the group of weights that each column is of, where an index says it.
    """
    begin, end = packing.span(part, places)
    if len(chunk) != end - begin:
        raise ValueError(f"{len(chunk)} bytes instead of {end - begin}")
    blocks = FORMS[part.form](np.frombuffer(chunk, np.uint8).reshape(-1, part.size))
    origin = (begin - part.begin) // part.size
    read = packing.laid(packing.read(places))
    rows = np.concatenate([np.full(length, packing.stored(row)) for row, _, length in read])
    cols = np.concatenate([np.arange(col, col + length) for _, col, length in read])
    if group is not None:
        cols = group.astype(np.int64) * part.cols
    number = packing.blocks(part, rows, cols) - origin
    there = (number >= 0) & (number < (end - begin) // part.size) & (cols < packing.cols)
    found = {}
    for plane, values in blocks.items():
        _, high, wide = values.shape
        picked = values[np.where(there, number, 0), rows % min(part.rows, high), cols % part.cols % wide]
        found[plane or part.plane] = np.where(there, picked, np.float32(np.nan))
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


def _words(blocks: Bytes) -> Planes:
    """Read AWQ's words: eight rows' codes of four bits each, those of even rows first."""
    return {"": nibbles_of(blocks)[:, AWQ_ORDER, None]}


def nibbles_of(blocks: Bytes) -> Single:
    """Return the codes of four bits, the low half of each byte first, float32[blocks, codes]."""
    return np.stack([blocks & 15, blocks >> 4], axis=2).reshape(len(blocks), -1).astype(np.float32)


def _pairs(table: Single, high: int, blocks: Bytes) -> Planes:
    """Read two codes a byte; `high`: which of the two lies in the high half."""
    halves = (blocks & 15, blocks >> 4) if high else (blocks >> 4, blocks & 15)
    return {"": table[np.concatenate(halves, axis=1)][:, None, :]}


def _dynamic(blocks: Bytes) -> Planes:
    """Read one code of bitsandbytes' dynamic type a block."""
    return {"": DYNAMIC[blocks][:, None, :]}


def _offset(blocks: Bytes) -> Planes:
    """Read what bitsandbytes adds to all scales of a matrix, out of its JSON; NaN where it does not say."""
    try:
        said = json.loads(blocks.tobytes())["nested_offset"]
        found = float(said)
    except (ValueError, KeyError, TypeError, RecursionError):
        found = np.nan
    return {"": np.full((1, 1, 1), found, np.float32)}


def _reciprocal(blocks: Bytes) -> Planes:
    """Read one divisor a block."""
    return {"": np.reciprocal(_numbers(NUMBERS["F32"], 1.0, blocks)[""])}


FORMS: Mapping[str, Callable[[Bytes], Planes]] = {
    **{name: partial(_numbers, dtype, 1.0) for name, dtype in NUMBERS.items()},
    "F32/127": partial(_numbers, NUMBERS["F32"], PER_SCALE),
    "1/F32": _reciprocal,
    "I32": partial(_numbers, np.dtype(np.int32), 1.0),
    "e2m1 pairs": partial(_pairs, E2M1.astype(np.float32), 1),
    "nf4 pairs": partial(_pairs, np.array(NF4, np.float32), 0),
    "fp4 pairs": partial(_pairs, np.array(FP4, np.float32), 0),
    "dynamic": _dynamic,
    "offset": _offset,
    "awq rows": _words,
    **{f"u{width}": partial(_integers, width, False, False) for width in (2, 3, 4, 5, 6, 8)},
    **{f"u{width} rows": partial(_integers, width, False, True) for width in (2, 4, 8)},
    **{f"s{width}": partial(_integers, width, True, False) for width in (4, 8)},
    **{f"s{width} rows": partial(_integers, width, True, True) for width in (4, 8)},
    **BLOCKS,
}
