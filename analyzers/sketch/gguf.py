"""GGUF headers -> every tensor under the name that transformers gives it, and where it lies.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Blocks: ggml-common.h and ggml-quants.c of the same
repository. Names and the order of rows: convert_hf_to_gguf.py of https://github.com/ggml-org/llama.cpp.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from analyzers.errors import MalformedWeights
from analyzers.numbers.parts import Packing, Part
from analyzers.records import ShardHeader, TensorEntry

SUFFIX = ".gguf"
MAGIC, VERSIONS = b"GGUF", (2, 3)
MAX_TENSORS, MAX_PAIRS, MAX_NAME, MAX_DIMENSIONS = 1_000_000, 100_000, 1 << 16, 4
SHOWN = 2_000  # characters of a value that are kept
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9
ALIGNMENT, ALIGNED = "general.alignment", 32


@dataclass(frozen=True, slots=True)
class Block:
    """A type of tensors: `weights` in a row share `size` bytes. `levels`: as in Quantized; "" if stored."""

    name: str
    weights: int
    size: int
    levels: str = ""


TYPES: Mapping[int, Block] = {
    0: Block("F32", 1, 4),
    1: Block("F16", 1, 2),
    30: Block("BF16", 1, 2),
    8: Block("Q8_0", 32, 34, "int8"),
    2: Block("Q4_0", 32, 18, "int4"),
    3: Block("Q4_1", 32, 20, "uint4"),
    6: Block("Q5_0", 32, 22, "int5"),
    7: Block("Q5_1", 32, 24, "uint5"),
    10: Block("Q2_K", 256, 84, "uint2"),
    11: Block("Q3_K", 256, 110, "int3"),
    12: Block("Q4_K", 256, 144, "uint4"),
    13: Block("Q5_K", 256, 176, "uint5"),
    14: Block("Q6_K", 256, 210, "int6"),
    39: Block("MXFP4", 32, 17, "e2m1"),
}
ROUNDED_LATER = frozenset({"Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"})  # types whose codes are chosen before the scales
OTHERS: Mapping[int, tuple[int, int]] = {
    9: (32, 36), 15: (256, 292), 16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18),
    21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8),
    29: (256, 56), 34: (256, 54), 35: (256, 66),
}  # fmt: skip  # weights and bytes of a block of types that are not read

# Rows of q_proj and k_proj are in another order in the files of these architectures.
PERMUTED = frozenset(
    {"llama", "arcee", "baichuan", "granite", "granitemoe", "internlm2", "minicpm", "olmo", "smollm3", "xverse"}
)
OUTSIDE = {"token_embd.weight": "model.embed_tokens.weight", "output.weight": "lm_head.weight"}
INSIDE = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_qkv": "self_attn.qkv_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_a": "self_attn.q_a_proj",
    "attn_q_b": "self_attn.q_b_proj",
    "attn_kv_a_mqa": "self_attn.kv_a_proj_with_mqa",
    "attn_kv_b": "self_attn.kv_b_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "ffn_gate_inp": "mlp.gate",
    "ffn_gate_exps": "mlp.experts.gate_proj",
    "ffn_up_exps": "mlp.experts.up_proj",
    "ffn_down_exps": "mlp.experts.down_proj",
    "ffn_gate_shexp": "mlp.shared_expert.gate_proj",
    "ffn_up_shexp": "mlp.shared_expert.up_proj",
    "ffn_down_shexp": "mlp.shared_expert.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}
IN_A_LAYER = re.compile(r"blk\.(\d+)\.(\w+)\.(weight|bias)")


class Incomplete(Exception):
    """The bytes end before the header does."""


@dataclass(slots=True)
class _Reader:
    """Reads values one after the other; Incomplete where the bytes end."""

    content: bytes
    at: int = 0

    def take(self, size: int) -> bytes:
        if self.at + size > len(self.content):
            raise Incomplete
        self.at += size
        return self.content[self.at - size : self.at]

    def number(self, code: str) -> int | float | bool:
        found: int | float | bool = struct.unpack(f"<{code}", self.take(struct.calcsize(code)))[0]
        return found

    def count(self, code: str = "Q") -> int:
        return int(self.number(code))

    def text(self) -> str:
        return self.take(self.count()).decode("utf-8", errors="replace")

    def value(self, kind: int) -> object:
        """Read one value; of a list, nothing but its end matters. ValueError for a type that there is none of."""
        if kind == STRING:
            return self.text()
        if kind != ARRAY:
            return self.number(_code(kind))
        inner, length = self.count("I"), self.count()
        if inner == STRING:
            for _ in range(length):
                self.take(self.count())
        else:
            self.take(length * struct.calcsize(_code(inner)))
        return None


def _code(kind: int) -> str:
    if kind not in SCALARS:
        raise ValueError(f"values of the unknown type {kind}")
    return SCALARS[kind]


def read_header(content: bytes, file_bytes: int, name: str) -> ShardHeader | None:
    """Return the header that a file begins with; None where more of it is needed, MalformedWeights for anything else.

    `__metadata__` has the pairs that are text or numbers, as text; the tensors stand as in a safetensors header.
    """
    reader = _Reader(content)
    try:
        return _header(reader, file_bytes)
    except Incomplete:
        return None
    except ValueError as error:
        raise MalformedWeights(f"{name}: {error}") from None


def _header(reader: _Reader, file_bytes: int) -> ShardHeader:
    if reader.take(4) != MAGIC or reader.count("I") not in VERSIONS:
        raise ValueError("no GGUF file of a version that is read")
    tensors, pairs = reader.count(), reader.count()
    if tensors > MAX_TENSORS or pairs > MAX_PAIRS:
        raise ValueError(f"a header of {tensors:,} tensors and {pairs:,} pairs")
    metadata: dict[str, str] = {}
    for _ in range(pairs):
        key, kind = reader.text(), reader.count("I")
        value = reader.value(kind)
        if value is not None:
            metadata[key[:SHOWN]] = str(value)[:SHOWN]
    entries: dict[str, object] = {"__metadata__": metadata}
    for _ in range(tensors):
        key = reader.text()
        dimensions = reader.count("I")
        if len(key) > MAX_NAME or dimensions > MAX_DIMENSIONS or key in entries:
            raise ValueError(f"tensor {key[:200]!r} has {dimensions} dimensions or stands there twice")
        shape = [reader.count() for _ in range(dimensions)][::-1]
        kind, begin = reader.count("I"), reader.count()
        dtype, weights, size = _type(kind)
        if shape and shape[-1] % weights:
            raise ValueError(f"tensor {key[:200]!r} of shape {shape} has rows that are no whole blocks of {dtype}")
        entries[key] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, begin + prod(shape) // weights * size]}
    alignment = _alignment(metadata)
    start = -(-reader.at // alignment) * alignment
    return ShardHeader(entries, file_bytes, start - 8)


def _alignment(metadata: Mapping[str, str]) -> int:
    said = metadata.get(ALIGNMENT, str(ALIGNED))
    if not said.isdecimal() or not 0 < int(said) <= 1 << 20:
        raise ValueError(f"an alignment of {said[:20]!r} bytes")
    return int(said)


def _type(kind: int) -> tuple[str, int, int]:
    """Return (name, weights of a block, its bytes) of a type by its number."""
    if kind in TYPES:
        return TYPES[kind].name, TYPES[kind].weights, TYPES[kind].size
    if kind not in OTHERS:
        raise ValueError(f"tensors of the unknown type {kind}")
    return f"type {kind}", *OTHERS[kind]


def tensors_of(headers: Mapping[str, ShardHeader]) -> list[TensorEntry]:
    """Return the tensors of all parts of one model; the first part alone says what concerns the rows of q and k."""
    metadata = [header.entries["__metadata__"] for header in headers.values()]
    said = {k: v for each in reversed(metadata) if isinstance(each, Mapping) for k, v in each.items()}
    return [
        entry
        for shard, header in sorted(headers.items())
        for name, about in header.entries.items()
        if name != "__metadata__" and isinstance(about, Mapping)
        for entry in [_entry(shard, header, name, about, said)]
    ]


def _entry(
    shard: str, header: ShardHeader, name: str, about: Mapping[str, object], said: Mapping[str, str]
) -> TensorEntry:
    """Return one tensor; MalformedWeights where it lies outside the file."""
    dtype, shape, offsets = str(about["dtype"]), about["shape"], about["data_offsets"]
    assert isinstance(shape, list)  # noqa: S101  # read_header wrote it
    assert isinstance(offsets, list)  # noqa: S101
    start = 8 + (header.header_bytes or 0)
    begin, end = start + offsets[0], start + offsets[1]
    if not start <= begin <= end <= header.file_bytes:
        raise MalformedWeights(f"{shard}: tensor {name[:200]!r} lies outside the file's {header.file_bytes} bytes")
    usual, heads = renamed(name, said)
    if heads and (len(shape) != 2 or shape[0] % (2 * heads)):
        usual, heads = name, 0
    block = next((b for b in TYPES.values() if b.name == dtype), None)
    packing = None
    if block is not None and len(shape) > 1 and 0 not in shape and (block.levels or heads):
        part = Part("level", block.name, shard, begin, 1, block.weights, block.size)
        chosen = "before F16" if block.name in ROUNDED_LATER else ""
        rows = prod(shape[:-1])
        packing = Packing(rows, shape[-1], block.levels, (part,), chosen, heads)
    return TensorEntry(usual, dtype, tuple(shape), shard, begin, end, packing)


def renamed(name: str, said: Mapping[str, str]) -> tuple[str, int]:
    """Return a tensor's name in transformers, and how many heads its rows are ordered by; 0: they are not.

    It keeps its own name where that is not known, or the number of heads is not.

    >>> renamed("blk.3.attn_k.weight", {"general.architecture": "llama", "llama.attention.head_count": "8"})
    ('model.layers.3.self_attn.k_proj.weight', 8)
    """
    match = IN_A_LAYER.fullmatch(name)
    if match is None or match[2] not in INSIDE:
        return OUTSIDE.get(name, name), 0
    usual, heads = f"model.layers.{match[1]}.{INSIDE[match[2]]}.{match[3]}", 0
    architecture = said.get("general.architecture", "")
    if architecture in PERMUTED and match[2] in ("attn_q", "attn_k"):
        own = f"{architecture}.attention.head_count"
        count = said.get(f"{own}_kv", said.get(own, "")) if match[2] == "attn_k" else said.get(own, "")
        heads = int(count) if count.isdecimal() else 0
        usual = usual if heads else name
    return usual, heads
