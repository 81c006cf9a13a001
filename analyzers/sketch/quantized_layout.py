"""Quantized matrices among the tensors of an upload: recognised by names, types and shapes, read block by block.

FP8 with scales a tensor, a row or a block (https://arxiv.org/abs/2412.19437, compressed-tensors' float-quantized) or
with none; INT8 with scales a row (compressed-tensors' int-quantized, bitsandbytes); MLX's affine codes
(https://github.com/ml-explore/mlx, mlx/backend/cpu/quantized.cpp); compressed-tensors' packed words
(https://github.com/vllm-project/compressed-tensors); NVFP4 of compressed-tensors and ModelOpt, MXFP4 of gpt-oss.
GPTQ and AWQ: analyzers/sketch/packed_columns.py. NF4 and FP4 of bitsandbytes: analyzers/sketch/packed_flat.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import prod

from analyzers.numbers.parts import Packing, Part
from analyzers.numbers.quantized import QUOTIENTS
from analyzers.numbers.unpacking import NUMBERS
from analyzers.records import TensorEntry
from analyzers.sketch.packed_columns import by_columns
from analyzers.sketch.packed_flat import flat
from analyzers.sketch.packed_tensors import Tensors, Upload, codes, matrix

LEVELS = {"F8_E4M3": "e4m3", "F8_E5M2": "e5m2", "I8": "int8"}  # of tensors that hold one code a byte
SCALES = ("_scale_inv", "_scale")  # that follow the weight's own name
BLOCKS = (128, 64, 32, 16, 256, 512)  # weights that share a scale, the commonest first
GROUPS = (32, 64, 128)  # weights that share a scale in MLX
AFFINE_BITS = (2, 3, 4, 5, 6, 8)
WORD_BITS = (4, 8)


def logical(tensors: Sequence[TensorEntry]) -> tuple[TensorEntry, ...]:
    """Return the tensors with each quantized matrix that is recognised as one entry, of its own shape and name.

    The tensors that its scales are read from are left out.
    """
    upload = Upload.of(tensors)
    found = {entry.name: packed for entry in tensors if (packed := _packed(entry, upload))}
    parts = {(p.shard, p.begin) for entry in found.values() if entry.packing for p in entry.packing.parts}
    left = (e for e in tensors if e.name in found or (e.shard, e.begin) not in parts or e.begin == e.end)
    return tuple(found.get(entry.name, entry) for entry in left)


def _packed(entry: TensorEntry, upload: Upload) -> TensorEntry | None:
    """Return a quantized matrix that `entry` holds the codes of; None if it is none that is known."""
    if entry.packing or len(entry.shape) < 2 or 0 in entry.shape:
        return None
    if entry.dtype in LEVELS and len(entry.shape) <= 3:
        return _bytewise(entry, upload.by_name)
    last = entry.name.rpartition(".")[2]
    if f"{entry.name}.absmax" in upload.by_name:
        return flat(entry, upload)
    reader = _experts if last.endswith("_blocks") else PACKED.get((entry.dtype, last))
    return reader(entry, upload) if reader else None


def _affine(entry: TensorEntry, upload: Upload) -> TensorEntry | None:
    """Read MLX's affine quantization: scales and biases of groups in a row, codes of two to eight bits."""
    scales, biases = upload.beside(entry, "scales"), upload.beside(entry, "biases")
    if scales is None or biases is None or scales.shape != biases.shape or scales.dtype not in NUMBERS:
        return None
    counts = (e.shape[-1] for e in upload.entering("scales"))
    group = next((upload.hidden // n for n in counts if n and upload.hidden % n == 0), 0)
    cols = group * scales.shape[-1]
    bits = 32 * entry.shape[-1] // cols if cols else 0
    if group not in GROUPS or bits not in AFFINE_BITS or cols * bits != 32 * entry.shape[-1]:
        return None
    parts = (
        codes(entry, f"u{bits}", 32, 4 * bits),
        Part("scale", scales.dtype, scales.shard, scales.begin, 1, group, NUMBERS[scales.dtype].itemsize),
        Part("offset", biases.dtype, biases.shard, biases.begin, 1, group, NUMBERS[biases.dtype].itemsize),
    )
    found = matrix(entry, (*entry.shape[:-1], cols), f"uint{bits}", parts, "")
    sure = bits < 8 or scales.dtype != "BF16"  # the steps are counted without error
    chosen = "" if sure else "before BF16"
    return replace(found, packing=replace(found.packing, edges=sure, chosen=chosen)) if found.packing else None


def _words(entry: TensorEntry, upload: Upload) -> TensorEntry | None:
    """Read compressed-tensors' packed integers: four or eight bits of a word, scales of groups in a row or of rows."""
    scale, zero = upload.beside(entry, "weight_scale"), upload.beside(entry, "weight_zero_point")
    if scale is None or scale.dtype not in NUMBERS or upload.beside(entry, "weight_g_idx") is not None:
        return None
    words = next((e.shape[-1] for e in upload.entering("weight_packed")), 0)
    bits = 32 * words // upload.hidden if upload.hidden else 0
    if bits not in WORD_BITS or len(entry.shape) != 2 or len(scale.shape) != 2:
        return None
    rows, cols = entry.shape[0], entry.shape[1] * 32 // bits
    group = cols // scale.shape[1] if cols % scale.shape[1] == 0 else 0
    if not group or scale.shape[0] != rows:
        return None
    parts = [
        codes(entry, f"s{bits}", 32 // bits, 4),
        Part("scale", scale.dtype, scale.shard, scale.begin, 1, group, NUMBERS[scale.dtype].itemsize),
    ]
    if zero is not None:
        if zero.dtype != "I32" or zero.shape != (-(-rows * bits // 32), scale.shape[1]):
            return None
        parts.append(Part("minus", f"s{bits} rows", zero.shard, zero.begin, 32 // bits, group, 4))
    return matrix(entry, (rows, cols), f"int{bits}", tuple(parts), QUOTIENTS if scale.dtype == "BF16" else "")


def _pairs(entry: TensorEntry, upload: Upload) -> TensorEntry | None:
    """Read FP4: two codes a byte, scales of 16 weights with one for all (NVFP4), or powers of two of 32 (MXFP4)."""
    scale, cols = upload.beside(entry, "weight_scale"), 2 * entry.shape[-1]
    if scale is None or scale.shape[:-1] != entry.shape[:-1]:
        return None
    group = cols // scale.shape[-1] if scale.shape[-1] and cols % scale.shape[-1] == 0 else 0
    form = "F8_E8M0" if scale.dtype == "U8" else scale.dtype
    if (form, group) not in (("F8_E4M3", 16), ("F8_E8M0", 32)):
        return None
    parts = [
        codes(entry, "e2m1 pairs", 2, 1),
        Part("scale", form, scale.shard, scale.begin, 1, group, 1),
    ]
    shape = (*entry.shape[:-1], cols)
    for name, how in (("weight_global_scale", "1/F32"), ("weight_scale_2", "F32")):
        whole = upload.beside(entry, name)
        if whole is not None and whole.dtype == "F32":
            part = _each("scale", how, whole, shape)
            if part is None:
                return None
            parts.append(part)
    return matrix(entry, shape, "e2m1", tuple(parts), QUOTIENTS)


def _experts(entry: TensorEntry, upload: Upload) -> TensorEntry | None:
    """Read MXFP4 as in gpt-oss: all experts in one tensor, rows of gate and up by turns."""
    name = entry.name.removesuffix("_blocks")
    scale = upload.by_name.get(f"{name}_scales")
    if (
        scale is None
        or {scale.dtype, entry.dtype} != {"U8"}
        or (*scale.shape, 16) != entry.shape
        or len(scale.shape) != 3
    ):
        return None
    count, rows, groups = scale.shape
    parts = (
        codes(entry, "e2m1 pairs", 2, 1),
        Part("scale", "F8_E8M0", scale.shard, scale.begin, 1, 32, 1),
    )
    found = matrix(replace(entry, name=name), (count, rows, 32 * groups), "e2m1", parts, "")
    turns = count if name.endswith("gate_up_proj") and rows % 2 == 0 else 0
    return replace(found, packing=replace(found.packing, heads=turns)) if found.packing else None


def _bytewise(entry: TensorEntry, by_name: Tensors) -> TensorEntry | None:
    """Read a matrix of one code a byte; None where its scales are not understood."""
    rows, cols = prod(entry.shape[:-1]), entry.shape[-1]
    parts = [Part("level", entry.dtype, entry.shard, entry.begin, 1, 1, 1)]
    chosen = ""
    for plane, form, scale in _scales(entry, by_name):
        part = _each(plane, form, scale, entry.shape)
        if part is None:
            return None
        parts.append(part)
        chosen = QUOTIENTS if scale.dtype == "BF16" else chosen
    if entry.dtype == "I8" and len(parts) == 1:
        return None  # codes of something else
    packing = Packing(rows, cols, LEVELS[entry.dtype], tuple(parts), chosen)
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
    size = {"F32/127": 4, "1/F32": 4}.get(form) or (NUMBERS[form].itemsize if form in NUMBERS else 0)
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


PACKED = {
    ("I32", "qweight"): by_columns,
    ("U32", "weight"): _affine,
    ("I32", "weight_packed"): _words,
    ("U8", "weight"): _pairs,
    ("U8", "weight_packed"): _pairs,
}  # by type and last part of the name of the tensor that holds the codes
