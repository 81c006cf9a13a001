"""Tensor names made canonical: the same matrix has the same key under any wrapper, fused or per expert.

What varies in the wild (transformers' conversion_mapping, multimodal wrappers, Mixtral's own names): prefixes such as
`model.language_model.`, experts as one 3-D tensor or as one tensor each, gate and up projection fused or apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from analyzers.layout import BITS
from analyzers.records import SliceKey, TensorEntry, WeightLayout

WRAPPERS = frozenset(
    {"model", "language_model", "text_model", "transformer", "module", "base_model", "llm", "backbone"}
)
STACKS = frozenset({"layers", "h", "blocks", "block", "resblocks"})
MLP_NAMES = {"block_sparse_moe": "mlp", "feed_forward": "mlp", "ffn": "mlp", "moe": "mlp"}
GATE_UP = "gate_up_proj"  # both projections of all experts in one tensor
EXPERT_NAMES = {"w1": "gate_proj", "w2": "down_proj", "w3": "up_proj"}
MAX_DIGITS = 6  # of a layer's or an expert's number; a longer one is a part of the name like any other
MAX_EXPERTS = 65_536  # in one tensor; 512 is the most that is published
READABLE = frozenset({"BF16", "F16", "F32"})


@dataclass(frozen=True, slots=True)
class Slice:
    """One canonical matrix: `rows` x `cols` elements in C order from byte `begin` of `entry`'s shard."""

    key: SliceKey
    entry: TensorEntry
    begin: int
    rows: int
    cols: int

    @property
    def item_bytes(self) -> int:
        """Bytes of one element."""
        return BITS[self.entry.dtype] // 8


def canonical(name: str) -> SliceKey:
    """Return the key of a tensor's name; the expert is -1 for a tensor that holds all experts.

    >>> canonical("model.language_model.layers.3.mlp.experts.7.gate_proj.weight")
    SliceKey(role='layers.mlp.experts.gate_proj', layer=3, expert=7)
    """
    parts = name.removesuffix(".weight").split(".")
    while len(parts) > 1 and parts[0] in WRAPPERS:
        parts = parts[1:]
    role: list[str] = []
    layer = expert = -1
    for part in parts:
        number = int(part) if _is_index(part) else -1
        if number >= 0 and role and role[-1] in STACKS and layer < 0:
            layer = number
        elif number >= 0 and role and role[-1] == "experts" and expert < 0:
            expert = number
        elif "experts" in role:
            role.append(EXPERT_NAMES.get(part, part))
        elif part == "switch_mlp":
            role += ["experts"]
        else:
            role.append(MLP_NAMES.get(part, part))
    if role and role[0] in STACKS:
        role[0] = "layers"
    return SliceKey(".".join(role), layer, expert)


def _is_index(part: str) -> bool:
    return len(part) <= MAX_DIGITS and part.isascii() and part.isdecimal()


@dataclass(frozen=True, slots=True)
class Group:
    """All slices of one role in one layer, by expert (-1 where there is only one)."""

    role: str
    layer: int
    experts: Mapping[int, TensorEntry]  # a fused tensor stands under -1 as `fused`
    fused: TensorEntry | None = None
    part: tuple[int, int] = (0, 1)  # (k, n): rows k/n to (k+1)/n of each expert's matrix in a fused tensor

    def expert_indices(self) -> Sequence[int]:
        """Experts that can be read, ascending."""
        return range(self.fused.shape[0]) if self.fused else sorted(self.experts)

    def slice(self, expert: int) -> Slice:
        """Return the matrix of one expert; KeyError if there is none."""
        if self.fused is None:
            entry = self.experts[expert]
            return Slice(self._key(expert), entry, entry.begin, entry.shape[0], prod(entry.shape[1:]))
        _, rows, cols = self.fused.shape
        k, n = self.part
        item = BITS[self.fused.dtype] // 8
        begin = self.fused.begin + (expert * rows + k * rows // n) * cols * item
        return Slice(self._key(expert), self.fused, begin, rows // n, cols)

    def _key(self, expert: int) -> SliceKey:
        return SliceKey(self.role, self.layer, expert)


def groups_of(layout: WeightLayout) -> dict[tuple[str, int], Group]:
    """Return the matrices of a layout that can be read, by (role, layer); vectors and scalars are left out."""
    found: dict[tuple[str, int], dict[int, TensorEntry]] = {}
    fused: dict[tuple[str, int], Group] = {}
    for entry in layout.tensors:
        if entry.dtype not in READABLE or len(entry.shape) < 2 or not prod(entry.shape):
            continue
        key = canonical(entry.name)
        if "experts" in key.role and key.expert < 0 and len(entry.shape) == 3 and entry.shape[0] <= MAX_EXPERTS:
            for group in _fused(key, entry, layout):
                fused[group.role, group.layer] = group
        else:
            found.setdefault((key.role, key.layer), {})[key.expert] = entry
    return {where: Group(*where, experts) for where, experts in found.items()} | fused


def _fused(key: SliceKey, entry: TensorEntry, layout: WeightLayout) -> Iterator[Group]:
    """Split a tensor of all experts into the roles that per-expert files have.

    gate_up_proj is [experts, gate rows then up rows, columns] where its shape agrees with down_proj's
    [experts, columns, gate rows]; another order (transposed, interleaved) stays a role of its own.
    """
    prefix, _, last = key.role.rpartition(".")
    if last != GATE_UP:
        yield Group(key.role, key.layer, {}, entry)
        return
    twin = entry.name.replace(GATE_UP, "down_proj")
    down = next((t for t in layout.tensors if t.name == twin), None)
    if down is None or entry.shape != (down.shape[0], 2 * down.shape[-1], down.shape[1]):
        yield Group(key.role, key.layer, {}, entry)
        return
    yield Group(f"{prefix}.gate_proj", key.layer, {}, entry, (0, 2))
    yield Group(f"{prefix}.up_proj", key.layer, {}, entry, (1, 2))
