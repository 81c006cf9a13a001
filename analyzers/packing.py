"""Quantized matrices among the tensors of an upload: recognised by names, types and shapes, read block by block.

FP8 with scales a tensor, a row or a block (https://arxiv.org/abs/2412.19437, compressed-tensors' float-quantized) or
with none; INT8 with scales a row (compressed-tensors' int-quantized, bitsandbytes).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod

from analyzers.packing_records import Packing, Part
from analyzers.records import TensorEntry
from analyzers.unpacking import NUMBERS

LEVELS = {"F8_E4M3": "e4m3", "F8_E5M2": "e5m2", "I8": "int8"}  # of tensors that hold one code a byte
SCALES = ("_scale_inv", "_scale")  # that follow the weight's own name
ROUNDED = ("BF16", "F16")  # types that codes may have been chosen before
BLOCKS = (128, 64, 32, 16, 256, 512)  # weights that share a scale, the commonest first
Tensors = Mapping[str, TensorEntry]


def logical(tensors: Sequence[TensorEntry]) -> tuple[TensorEntry, ...]:
    """Return the tensors with each quantized matrix that is recognised as one entry, of its own shape and name.

    The tensors that its scales are read from are left out.
    """
    by_name = {entry.name: entry for entry in tensors}
    found = {entry.name: packed for entry in tensors if (packed := _packed(entry, by_name))}
    parts = {(p.shard, p.begin) for entry in found.values() if entry.packing for p in entry.packing.parts}
    left = (e for e in tensors if e.name in found or (e.shard, e.begin) not in parts or e.begin == e.end)
    return tuple(found.get(entry.name, entry) for entry in left)


def _packed(entry: TensorEntry, by_name: Tensors) -> TensorEntry | None:
    """Return a quantized matrix that `entry` holds the codes of; None if it is none that is known."""
    if entry.dtype in LEVELS and len(entry.shape) in (2, 3) and 0 not in entry.shape:
        return _bytewise(entry, by_name)
    return None


def _bytewise(entry: TensorEntry, by_name: Tensors) -> TensorEntry | None:
    """Read a matrix of one code a byte; None where its scales are not understood."""
    rows, cols = prod(entry.shape[:-1]), entry.shape[-1]
    parts = [Part("level", entry.dtype, entry.shard, entry.begin, 1, 1, 1)]
    scale_type = ""
    for plane, form, scale in _scales(entry, by_name):
        part = _each(plane, form, scale, entry.shape)
        if part is None:
            return None
        parts.append(part)
        scale_type = scale_type or (scale.dtype if scale.dtype in ROUNDED else "")
    if entry.dtype == "I8" and len(parts) == 1:
        return None  # codes of something else
    packing = Packing(rows, cols, LEVELS[entry.dtype], tuple(parts), scale_type)
    return replace(entry, packing=packing)


def _scales(entry: TensorEntry, by_name: Tensors) -> Iterator[tuple[str, str, TensorEntry]]:
    """Yield (plane, form, tensor) of what belongs to a weight of one code a byte."""
    scale = next((by_name[entry.name + end] for end in SCALES if entry.name + end in by_name), None)
    if scale is not None:
        yield "scale", "F8_E8M0" if scale.dtype == "U8" else scale.dtype, scale
    zero = by_name.get(f"{entry.name}_zero_point")
    if zero is not None:
        yield "minus", zero.dtype, zero
    largest = by_name.get(f"{entry.name.removesuffix('weight')}SCB")
    if largest is not None and scale is None:
        yield "scale", f"{largest.dtype}/127", largest


def _each(plane: str, form: str, scale: TensorEntry, shape: tuple[int, ...]) -> Part | None:
    """Return where the scales of a weight of `shape` lie; None where their number fits no known block."""
    size = {"F32/127": 4}.get(form) or (NUMBERS[form].itemsize if form in NUMBERS else 0)
    total, (rows, cols) = prod(scale.shape), shape[-2:]
    if not size or not total:
        return None
    matrices = prod(shape[:-2])
    if total == 1:
        high, wide = rows * matrices, cols
    elif total in (matrices, matrices * rows):
        high, wide = matrices * rows // total, cols
    else:
        high, wide = _block(rows, scale.shape[-2] if len(scale.shape) > 1 else 0), _block(cols, scale.shape[-1])
    fits = -(-rows // high) * -(-cols // wide) * matrices == total if high and wide and total > 1 else total == 1
    whole = matrices == 1 or rows % high == 0 or total == 1
    return Part(plane, form, scale.shard, scale.begin, high, wide, size) if fits and whole else None


def _block(length: int, count: int) -> int:
    """Return how many of `length` weights share each of `count` scales; 0 if that is no known number."""
    if count == 1:
        return length
    return next((b for b in (1, *BLOCKS) if count and -(-length // b) == count), 0)
