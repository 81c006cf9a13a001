"""All tensors of an upload together: what one says of another's shape, and the entry of a quantized matrix."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from analyzers.numbers.parts import Packing, Part
from analyzers.records import TensorEntry

NORMS = ("input_layernorm.weight", "model.norm.weight", "attn_norm.weight")
ENTERED = ("embed_tokens", "lm_head", "q_proj", "gate_proj", "up_proj")  # modules whose columns are the hidden size
Tensors = Mapping[str, TensorEntry]


@dataclass(frozen=True, slots=True)
class Upload:
    """All tensors by name, and what several of them say together."""

    by_name: Tensors
    hidden: int  # columns of the matrices that the residual stream enters; 0 where no norm tells

    @classmethod
    def of(cls, tensors: Sequence[TensorEntry]) -> Upload:
        """Look for a norm of the residual stream."""
        norms = (e.shape[0] for e in tensors if len(e.shape) == 1 and e.name.endswith(NORMS))
        return cls({entry.name: entry for entry in tensors}, next(norms, 0))

    def beside(self, entry: TensorEntry, name: str) -> TensorEntry | None:
        """Return the tensor called `name` in place of the last part of an entry's name."""
        return self.by_name.get(f"{entry.name.rpartition('.')[0]}.{name}")

    def entering(self, last: str) -> Iterator[TensorEntry]:
        """Yield the tensors called `last` of matrices that the residual stream enters."""
        for entry in self.by_name.values():
            *_, module, name = ("", *entry.name.split("."))
            if name == last and module in ENTERED and self.hidden:
                yield entry


def codes(entry: TensorEntry, form: str, cols: int, size: int) -> Part:
    """Return where codes lie that are packed along rows."""
    return Part("level", form, entry.shard, entry.begin, 1, cols, size)


def matrix(
    entry: TensorEntry, shape: tuple[int, ...], levels: str, parts: tuple[Part, ...], chosen: str
) -> TensorEntry:
    """Return the matrix that `parts` hold, under the name it has where it is not quantized."""
    name = re.sub(r"\.(?:weight_packed|qweight)$", ".weight", entry.name)
    packing = Packing(prod(shape[:-1]), shape[-1], levels, parts, chosen)
    return replace(entry, name=name, shape=shape, packing=packing)
