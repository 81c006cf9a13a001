"""Which shards hold what a look wants, by what an index says: names and shards, no shapes.

Where the headers of all shards cannot be had, those are read that hold the most wanted tensors, so that two models in
different shards still show the same tensors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping

from analyzers.records import SampleSpec, SliceKey
from analyzers.sketch.coordinates import expert_of, group_order
from analyzers.sketch.tensor_roles import FUSED, canonical, wrapper_of

# From tensor names and their shards to the shards, the most wanted first; those that are not wanted are left out.
Wanted = Callable[[Mapping[str, str]], tuple[str, ...]]


def for_a_look(spec: SampleSpec) -> Wanted:
    """Return the order in which `plan_reads` under `spec` wants the shards' tensors."""

    def order(shard_of: Mapping[str, str]) -> tuple[str, ...]:
        where: dict[tuple[str, int], dict[int, str]] = {}
        for key, shard in _matrices(shard_of):
            where.setdefault((key.role, key.layer), {})[key.expert] = shard
        chosen = (where[group][expert_of(group[0], sorted(where[group]), spec)] for group in group_order(where, spec))
        return tuple(dict.fromkeys(chosen))

    return order


def for_what_is_in(groups: Container[tuple[str, int]]) -> Wanted:
    """Return the order by how many matrices of another model's `groups`, (role, layer), a shard holds."""

    def order(shard_of: Mapping[str, str]) -> tuple[str, ...]:
        held = Counter(shard for key, shard in _matrices(shard_of) if (key.role, key.layer) in groups)
        return tuple(sorted(held, key=lambda shard: (-held[shard], shard)))

    return order


def _matrices(shard_of: Mapping[str, str]) -> Iterator[tuple[SliceKey, str]]:
    """Yield the key of each tensor that is a matrix, as far as its name tells, and its shard."""
    wrapper = wrapper_of(shard_of)
    for name, shard in shard_of.items():
        key = canonical(name, wrapper)
        prefix, _, last = key.role.rpartition(".")
        if "norm" in last or last == "bias":
            continue
        fused = FUSED.get(last, ()) if key.expert < 0 else ()
        for role in [f"{prefix}.{part}" for part in fused] or [key.role]:
            yield SliceKey(role, key.layer, key.expert), shard
