"""Headers -> every tensor and where it lies, checked as strictly as the library checks whole files.

A remote reader sees only headers, so what the library refuses on a whole file is refused here against the
known size. Format: https://huggingface.co/docs/safetensors (header of at most 100,000,000 bytes; tensors tile the
rest of the file exactly, in any order, without holes or overlaps).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from math import prod
from typing import cast

from analyzers.errors import MalformedWeights
from analyzers.records import ShardHeader, TensorEntry, WeightLayout
from analyzers.sketch.gguf import SUFFIX, tensors_of

MAX_HEADER_BYTES = 100_000_000
MAX_TENSORS = 1_000_000
MAX_DIMENSIONS = 16
MAX_FILE_BYTES = 1 << 53

BITS = {
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}  # fmt: skip


def layout_of(headers: Mapping[str, ShardHeader]) -> WeightLayout:
    """Return the layout that `headers` (by shard path) describe; MalformedWeights names shard and tensor."""
    ggufs = {shard: header for shard, header in headers.items() if shard.endswith(SUFFIX)}
    tensors = tensors_of(ggufs)
    for shard in sorted(set(headers) - set(ggufs)):
        tensors += _tensors_of(shard, headers[shard])
        if len(tensors) > MAX_TENSORS:
            raise MalformedWeights(f"more than {MAX_TENSORS:,} tensors")
    twice = [name for name, count in Counter(t.name for t in tensors).items() if count > 1]
    if twice:
        raise MalformedWeights(f"tensor {twice[0][:200]!r} stands in more than one shard")
    shape_of = sorted(f"{t.name} {t.dtype} {t.shape}" for t in tensors)
    return WeightLayout(
        tensors=tuple(tensors),
        total_bytes=sum(t.end - t.begin for t in tensors),
        parameters=sum(prod(t.shape) for t in tensors if t.packing or t.dtype.startswith(("F", "BF"))),
        digest=hashlib.sha256("\n".join(shape_of).encode()).hexdigest(),
    )


def _tensors_of(shard: str, header: ShardHeader) -> list[TensorEntry]:
    """Read one header; the tensors come in the order of their bytes."""
    if not 8 <= header.file_bytes <= MAX_FILE_BYTES:
        raise MalformedWeights(f"{shard}: a file of {header.file_bytes} bytes cannot hold a header")
    entries = [_parse(shard, name, raw) for name, raw in header.entries.items() if name != "__metadata__"]
    _check_metadata(shard, header.entries.get("__metadata__"))
    entries.sort(key=lambda e: (e.begin, e.end))
    position = 0
    for entry in entries:
        if entry.begin != position:
            raise MalformedWeights(f"{shard}: tensor {entry.name!r} starts at {entry.begin}, not at {position}")
        position = entry.end
    data_start = _data_start(shard, header, position)
    return [TensorEntry(e.name, e.dtype, e.shape, e.shard, data_start + e.begin, data_start + e.end) for e in entries]


def _data_start(shard: str, header: ShardHeader, data_bytes: int) -> int:
    """Return the absolute position of the first tensor byte; tensors and header must fill the file exactly."""
    stated = header.header_bytes
    length = header.file_bytes - 8 - data_bytes if stated is None else stated
    if not 2 <= length <= MAX_HEADER_BYTES:
        raise MalformedWeights(f"{shard}: a header of {length} bytes is not possible in {header.file_bytes} bytes")
    if 8 + length + data_bytes != header.file_bytes:
        raise MalformedWeights(
            f"{shard}: header and tensors end at byte {8 + length + data_bytes}, the file at {header.file_bytes}"
        )
    return 8 + length


def _parse(shard: str, name: str, raw: object) -> TensorEntry:
    """Check one entry of a header; positions stay relative to the first tensor byte."""
    where = f"{shard}: tensor {name[:200]!r}"
    if any("\ud800" <= c <= "\udfff" for c in name):  # JSON may name half of a sign, which no file can
        raise MalformedWeights(f"{where} has a name that is no text")
    if not isinstance(raw, Mapping):
        raise MalformedWeights(f"{where} is no object")
    dtype, shape, offsets = raw.get("dtype"), raw.get("shape"), raw.get("data_offsets")
    if not isinstance(dtype, str) or dtype not in BITS:
        raise MalformedWeights(f"{where} has the unknown type {str(dtype)[:40]!r}")
    if not _whole_numbers(shape) or len(cast("list[int]", shape)) > MAX_DIMENSIONS:
        raise MalformedWeights(f"{where} has no valid shape")
    if not _whole_numbers(offsets) or len(cast("list[int]", offsets)) != 2:
        raise MalformedWeights(f"{where} has no valid data_offsets")
    dims = tuple(cast("list[int]", shape))
    begin, end = cast("list[int]", offsets)
    bits = prod(dims) * BITS[dtype]
    if end < begin or bits % 8 or end - begin != bits // 8:
        raise MalformedWeights(f"{where}: {dtype} of shape {list(dims)} does not fit bytes {begin} to {end}")
    return TensorEntry(name, dtype, dims, shard, begin, end)


def _whole_numbers(value: object) -> bool:
    """Tell a JSON list of whole numbers from 0 on; true and false are not numbers."""
    return isinstance(value, list) and all(type(v) is int and 0 <= v <= MAX_FILE_BYTES for v in value)


def _check_metadata(shard: str, metadata: object) -> None:
    """Refuse what the library refuses: metadata other than text to text."""
    if metadata is None:
        return
    if not isinstance(metadata, Mapping) or not all(isinstance(v, str) for v in metadata.values()):
        raise MalformedWeights(f"{shard}: __metadata__ is not text to text")
