"""Tensor names made canonical: the same matrix has the same key under any wrapper, fused or per expert.

What varies in the wild (transformers' conversion_mapping, multimodal wrappers, Mixtral's own names): prefixes such as
`model.language_model.`, experts as one 3-D tensor or as one tensor each, gate and up projection fused or apart.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from analyzers.records import SliceKey, TensorEntry, WeightLayout
from analyzers.sketch.layout import BITS
from analyzers.sketch.quantized_layout import logical

WRAPPERS = frozenset(
    {"model", "language_model", "text_model", "transformer", "module", "base_model", "llm", "backbone", "thinker"}
)
SHELLS = frozenset(
    {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "base_layer"}
)  # that a trainer leaves, anywhere
PACKED = ("U8", "I16", "U16", "I32", "U32", "I64", "U64")  # of quantized weights: four bits each, as most are
# Scales, zero points, tables and buffers say how weights are stored.
NO_WEIGHT = re.compile(
    r"(?:^|[._])(?:scales?|scale_inv|zeros|qzeros|zero_point|g_idx|biases|absmax|quant_map|quant_state|weight_shape|"
    r"inv_freq|position_ids|rotary_emb|A_log)(?=$|[._])"
)
ADAPTER = re.compile(r"(?:^|[._])lora_(?:[AB]|embedding_[AB]|magnitude_vector)(?=$|[._])")
STACKS = frozenset({"layers", "layer", "h", "blocks", "block", "resblocks"})
MLP_NAMES = {"block_sparse_moe": "mlp", "feed_forward": "mlp", "ffn": "mlp", "moe": "mlp"}
GATE_UP, QKV = "gate_up_proj", "qkv_proj"
FUSED = {GATE_UP: ("gate_proj", "up_proj"), QKV: ("q_proj", "k_proj", "v_proj")}  # one after another in one tensor
ENDS = {
    "wte": "embed_tokens",
    "embed_in": "embed_tokens",
    "word_embeddings": "embed_tokens",
    "tok_embeddings": "embed_tokens",
    "embed_out": "lm_head",
}  # what others call both ends of a language model
EMBEDDINGS = ("embed_tokens", *(name for name, role in ENDS.items() if role == "embed_tokens"))
EXPERT_NAMES = {"w1": "gate_proj", "w2": "down_proj", "w3": "up_proj"}
# Meta's and Mistral's own names. wq and wk stay: their rows are in another order than q_proj's and k_proj's.
OWN_NAMES = {"attention.wv": "self_attn.v_proj", "attention.wo": "self_attn.o_proj"} | {
    f"feed_forward.{name}": f"mlp.{role}" for name, role in EXPERT_NAMES.items()
}
MAX_DIGITS = 6  # of a layer's or an expert's number; a longer one is a part of the name like any other
MAX_EXPERTS = 65_536  # in one tensor; 512 is the most that is published
READABLE = frozenset({"BF16", "F16", "F32"})


@dataclass(frozen=True, slots=True)
class Slice:
    """One canonical matrix: `rows` x `cols` elements in C order from row `first` of all rows that `entry` holds."""

    key: SliceKey
    entry: TensorEntry
    first: int
    rows: int
    cols: int

    @property
    def begin(self) -> int:
        """The first byte of a matrix that is not quantized."""
        return self.entry.begin + self.first * self.cols * self.item_bytes

    @property
    def item_bytes(self) -> int:
        """Bytes of one element."""
        return BITS[self.entry.dtype] // 8


def canonical(name: str, wrapper: str = "") -> SliceKey:
    """Return the key of a tensor's name; the expert is -1 for a tensor that holds all experts.

    `wrapper`: what `wrapper_of` found in the names of all tensors.

    >>> canonical("model.language_model.layers.3.mlp.experts.7.gate_proj.weight")
    SliceKey(role='layers.mlp.experts.gate_proj', layer=3, expert=7)
    """
    inside = name if name.startswith(wrapper) else f"{wrapper}{name.removeprefix(wrapper.partition('.')[0] + '.')}"
    parts = [part for part in inside[len(wrapper) :].removesuffix(".weight").split(".") if part not in SHELLS]
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
        own = OWN_NAMES.get(".".join(parts[2:]))
        role = ["layers", own] if own else ["layers", *role[1:]]
    if layer < 0:
        role = _end_of(role)
    return SliceKey(".".join(role), layer, expert)


def _end_of(role: list[str]) -> list[str]:
    """Return the role of a matrix outside all layers."""
    if role == ["output"]:
        return ["lm_head"]
    return [ENDS[role[-1]]] if role and role[-1] in ENDS else role


def wrapper_of(names: Collection[str]) -> str:
    """Return what a language model's names begin with under a wrapper that nobody lists; "" under one that is listed.

    It has layers with an embedding beside them. Of several, the one with the most tensors.
    """
    found: Counter[str] = Counter()
    for name in names:
        role = canonical(name).role
        if role.startswith("layers."):
            return ""
        parts = name.split(".")
        stack = next((i for i, part in enumerate(parts[:-1]) if part in STACKS and _is_index(parts[i + 1])), 0)
        found[".".join(parts[:stack])] += 1
    held = set(names)
    return next(
        (f"{p}." for p, _ in found.most_common() if p and any(f"{p}.{e}.weight" in held for e in EMBEDDINGS)), ""
    )


def _is_index(part: str) -> bool:
    return len(part) <= MAX_DIGITS and part.isascii() and part.isdecimal()


@dataclass(frozen=True, slots=True)
class Group:
    """All slices of one role in one layer, by expert (-1 where there is only one)."""

    role: str
    layer: int
    experts: Mapping[int, TensorEntry]  # a fused tensor stands under -1 as `fused`
    fused: TensorEntry | None = None
    part: tuple[int, int] = (0, 0)  # the first row, and how many, of each matrix in a fused tensor; 0: all

    @property
    def entries(self) -> Sequence[TensorEntry]:
        """The tensors that hold it."""
        return [self.fused] if self.fused else list(self.experts.values())

    def expert_indices(self) -> Sequence[int]:
        """Experts that can be read, ascending."""
        return range(self.fused.shape[0]) if self.fused else sorted(self.experts)

    def slice(self, expert: int) -> Slice:
        """Return the matrix of one expert; KeyError if there is none."""
        entry = self.fused or self.experts[expert]
        total, cols = (entry.shape[1], entry.shape[2]) if self.fused else (entry.shape[0], prod(entry.shape[1:]))
        first, rows = self.part
        row = first + (expert * total if self.fused else 0)
        return Slice(self._key(expert), entry, row, rows or total, cols)

    @property
    def elements(self) -> int:
        """How many weights it has."""
        if self.fused:
            return self.fused.shape[0] * (self.part[1] or self.fused.shape[1]) * self.fused.shape[2]
        return sum((self.part[1] or e.shape[0]) * prod(e.shape[1:]) for e in self.experts.values())

    def _key(self, expert: int) -> SliceKey:
        return SliceKey(self.role, self.layer, expert)


def groups_of(layout: WeightLayout) -> dict[tuple[str, int], Group]:
    """Return the matrices of a layout that can be read, by (role, layer); vectors and scalars are left out."""
    found: dict[tuple[str, int], dict[int, TensorEntry]] = {}
    fused: dict[tuple[str, int], Group] = {}
    by_name = {entry.name: entry for entry in logical(layout.tensors)}
    wrapper = wrapper_of(by_name)
    for entry in by_name.values():
        if not (entry.dtype in READABLE or entry.packing) or len(entry.shape) < 2 or not prod(entry.shape):
            continue
        if NO_WEIGHT.search(entry.name) or ADAPTER.search(entry.name):
            continue
        key = canonical(entry.name, wrapper)
        if "experts" in key.role and key.expert < 0 and len(entry.shape) == 3 and entry.shape[0] <= MAX_EXPERTS:
            for group in _fused(key, entry, by_name):
                fused[group.role, group.layer] = group
        elif split := _split(key, entry, by_name):
            fused |= {(group.role, group.layer): group for group in split}
        else:
            found.setdefault((key.role, key.layer), {})[key.expert] = entry
    return {where: Group(*where, experts) for where, experts in found.items()} | fused


def elements_of(layout: WeightLayout) -> dict[str, int]:
    """Return how many weights each role has in all layers, readable or not; packed ones count as four bits each.

    Adapters that are not merged have roles of their own.
    """
    found: Counter[str] = Counter()
    groups = groups_of(layout)
    read = {entry.name for group in groups.values() for entry in group.entries}
    wrapper = wrapper_of([entry.name for entry in layout.tensors])
    for group in groups.values():
        found[group.role] += group.elements
    for entry in logical(layout.tensors):
        mask = entry.dtype == "BOOL" or (len(entry.shape) > 2 and entry.name.endswith("bias"))
        if entry.name not in read and not mask and not NO_WEIGHT.search(entry.name):
            size = 2 * (entry.end - entry.begin) if entry.dtype in PACKED else prod(entry.shape)
            found[canonical(entry.name, wrapper).role] += size
    return dict(found)


def _fused(key: SliceKey, entry: TensorEntry, by_name: Mapping[str, TensorEntry]) -> Iterator[Group]:
    """Split a tensor of all experts into the roles that per-expert files have.

    gate_up_proj is [experts, gate rows then up rows, columns] where its shape agrees with down_proj's
    [experts, columns, gate rows]; another order (transposed, interleaved) stays a role of its own.
    """
    prefix, _, last = key.role.rpartition(".")
    if last != GATE_UP:
        yield Group(key.role, key.layer, {}, entry)
        return
    down = by_name.get(entry.name.replace(GATE_UP, "down_proj"))
    if down is None or entry.shape != (down.shape[0], 2 * down.shape[-1], down.shape[1]):
        yield Group(key.role, key.layer, {}, entry)
        return
    half = entry.shape[1] // 2
    yield Group(f"{prefix}.gate_proj", key.layer, {}, entry, (0, half))
    yield Group(f"{prefix}.up_proj", key.layer, {}, entry, (half, half))


def _split(key: SliceKey, entry: TensorEntry, by_name: Mapping[str, TensorEntry]) -> list[Group]:
    """Return the roles that a dense fused matrix has one after another; none where it is no such matrix.

    The shape of what it feeds tells where each begins: o_proj has a column for each row of q_proj, down_proj for each
    of gate_proj. An order by heads does not fit, or stays unknown.
    """
    prefix, _, last = key.role.rpartition(".")
    fed = by_name.get(entry.name.replace(last, {QKV: "o_proj", GATE_UP: "down_proj"}[last])) if last in FUSED else None
    if fed is None or len(entry.shape) != 2 or len(fed.shape) != 2 or not fed.shape[1]:
        return []
    first, rest = fed.shape[1], entry.shape[0] - fed.shape[1]
    rows = {GATE_UP: (first, rest)}.get(last, (first, rest // 2, rest // 2))
    if rest <= 0 or sum(rows) != entry.shape[0] or (last == GATE_UP and first != rest):
        return []
    names = FUSED[last]
    starts = (sum(rows[:i]) for i in range(len(rows)))
    parts = zip(names, starts, rows, strict=True)
    return [Group(f"{prefix}.{name}", key.layer, {key.expert: entry}, None, (begin, n)) for name, begin, n in parts]
