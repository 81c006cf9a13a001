"""The tensors of a model, how they are divided into shards, and the bytes of each shard's header."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from pathlib import Path

ITEM_BYTES = {"BF16": 2, "F32": 4, "F8_E4M3": 1}
WRITTEN_FIRST = ("F32", "BF16", "F8_E4M3")  # the safetensors writer sorts by type, the widest first, then by name
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor in C order; `shape` in elements."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def item_bytes(self) -> int:
        """Bytes of one element."""
        return ITEM_BYTES[self.dtype]

    @property
    def nbytes(self) -> int:
        """Bytes in all."""
        return prod(self.shape) * self.item_bytes


@dataclass(frozen=True, slots=True)
class Shard:
    """One file: the header with its eight bytes of length, then the tensors, one at each of `begins`."""

    header: bytes
    tensors: tuple[Tensor, ...]
    begins: tuple[int, ...]  # absolute, in bytes
    size: int


def read_layout(path: Path) -> list[Tensor]:
    """Read {name: {dtype, shape}} in the model's own order; raises OSError, ValueError and KeyError."""
    return [Tensor(n, e["dtype"], tuple(e["shape"])) for n, e in json.loads(path.read_text()).items()]


def largest_first(tensors: Iterable[Tensor], limit: int = 8 * GIB) -> list[list[Tensor]]:
    """Divide as the published files are: filled one after another, the largest tensors first.

    At 8 GiB this gives the 94 shards of Qwen3.5-397B-A17B, with lm_head in the 91st and all routers and the last norm
    in the 94th, as observed there. At 6 and 5 GiB it gives the 39 and 14 shards of its smaller siblings.
    """
    return in_order(sorted(tensors, key=lambda t: -t.nbytes), limit)


def in_order(tensors: Iterable[Tensor], limit: int = 8_600_000_000) -> list[list[Tensor]]:
    """Divide as save_pretrained does: in the model's order, a new shard where `limit` bytes would be exceeded.

    No limit near 8.6 GB gives 94 shards of this layout: every layer's largest tensor fills one alone and cuts the rest.
    """
    shards: list[list[Tensor]] = [[]]
    filled = 0
    for tensor in tensors:
        if shards[-1] and filled + tensor.nbytes > limit:
            shards.append([])
            filled = 0
        shards[-1].append(tensor)
        filled += tensor.nbytes
    return shards


def shard_of(tensors: Sequence[Tensor]) -> Shard:
    """Lay out one file as the safetensors writer does."""
    placed = sorted(tensors, key=lambda t: (WRITTEN_FIRST.index(t.dtype), t.name))
    ends = list(accumulate(t.nbytes for t in placed))
    begins = [0, *ends[:-1]]
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
    for tensor, begin, end in zip(placed, begins, ends, strict=True):
        entries[tensor.name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    header = len(text).to_bytes(8, "little") + text
    return Shard(header, tuple(placed), tuple(len(header) + b for b in begins), len(header) + ends[-1])


def named(division: Sequence[Sequence[Tensor]]) -> dict[str, Shard]:
    """Return the shards by file name."""
    count = len(division)
    names = [f"model.safetensors-{i:05d}-of-{count:05d}.safetensors" for i in range(1, count + 1)]
    return {name: shard_of(tensors) for name, tensors in zip(names, division, strict=True)}


def index_of(shards: Mapping[str, Shard]) -> bytes:
    """Return model.safetensors.index.json."""
    places = {t.name: path for path, shard in shards.items() for t in shard.tensors}
    total = sum(t.nbytes for shard in shards.values() for t in shard.tensors)
    return json.dumps({"metadata": {"total_size": total}, "weight_map": places}, indent=2).encode()
