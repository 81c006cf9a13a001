"""The matrices of two real architectures, a dense model and one with experts, and where the two looks read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import prod

from analyzers.numbers.rounding import Floats, Stored
from analyzers.records import RepoRef, Sample, SampleSpec, ShardHeader, Sketch
from analyzers.sketch.coordinates import ReadBudget, ReadPlan, SliceRead, plan_reads
from analyzers.sketch.layout import layout_of
from analyzers.sketch.second_look_plan import plan_depth
from analyzers.sketch.tensor_roles import Group, groups_of
from bot.check.second_look import BYTES, ELEMENTS, REQUESTS, SPARE

SPEC = SampleSpec()
ITEM = {"BF16": 2, "F16": 2, "F32": 4}


@dataclass(frozen=True, slots=True)
class Architecture:
    """Sizes of a language model; `experts` is 0 for a dense one."""

    layers: int
    hidden: int
    keys: int  # rows of the key and value projections
    inner: int  # of one expert, or of the dense MLP
    vocabulary: int
    experts: int
    shards: int

    def outer(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Yield (name, shape) of the matrices outside the layers."""
        yield "model.embed_tokens.weight", (self.vocabulary, self.hidden)
        yield "lm_head.weight", (self.vocabulary, self.hidden)

    def inside(self, layer: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Yield (name, shape) of every matrix of one layer."""
        at, h = f"model.layers.{layer}", self.hidden
        yield f"{at}.self_attn.q_proj.weight", (h, h)
        yield f"{at}.self_attn.k_proj.weight", (self.keys, h)
        yield f"{at}.self_attn.v_proj.weight", (self.keys, h)
        yield f"{at}.self_attn.o_proj.weight", (h, h)
        if self.experts:
            yield f"{at}.mlp.gate.weight", (self.experts, h)
            yield f"{at}.mlp.experts.gate_up_proj", (self.experts, 2 * self.inner, h)
            yield f"{at}.mlp.experts.down_proj", (self.experts, h, self.inner)
            return
        yield f"{at}.mlp.gate_proj.weight", (self.inner, h)
        yield f"{at}.mlp.up_proj.weight", (self.inner, h)
        yield f"{at}.mlp.down_proj.weight", (h, self.inner)


ARCHITECTURES: Mapping[str, Architecture] = {
    "dense": Architecture(32, 4096, 1024, 14336, 128_256, 0, 4),
    "experts": Architecture(48, 2048, 512, 768, 151_936, 128, 13),
}


def headers(kind: str, dtype: str = "BF16") -> dict[str, ShardHeader]:
    """Return the headers of an upload's shards: layers in order, the outer matrices in the first and last shard."""
    of = ARCHITECTURES[kind]
    names: list[dict[str, tuple[int, ...]]] = [{} for _ in range(of.shards)]
    for layer in range(of.layers):
        names[layer * of.shards // of.layers] |= dict(of.inside(layer))
    (first, last) = of.outer()
    names[0] |= {first[0]: first[1]}
    names[-1] |= {last[0]: last[1]}
    return {f"model-{i + 1:05}-of-{of.shards:05}.safetensors": _header(n, dtype) for i, n in enumerate(names)}


def _header(shapes: Mapping[str, tuple[int, ...]], dtype: str) -> ShardHeader:
    entries: dict[str, object] = {}
    begin = 0
    for name, shape in shapes.items():
        end = begin + prod(shape) * ITEM[dtype]
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}
        begin = end
    return ShardHeader(entries, begin + 8 + 10_000, 10_000)


@lru_cache
def groups(kind: str) -> Mapping[tuple[str, int], Group]:
    """Return an architecture's matrices by role and layer."""
    return groups_of(layout_of(headers(kind)))


def reads_of(plan: ReadPlan) -> tuple[SliceRead, ...]:
    """Return a plan's slices in the order of their keys."""
    return tuple(sorted((r for span in plan.reads for r in span), key=lambda r: r.slice.key))


@lru_cache
def first_reads(kind: str) -> tuple[SliceRead, ...]:
    """Return what the first look reads of an architecture."""
    return reads_of(plan_reads(groups(kind), SPEC, ReadBudget()))


def second_reads(kind: str, spec: SampleSpec, models: int, *, moved: bool) -> tuple[SliceRead, ...]:
    """Return what a second look reads of the suspect and as much of each of its companions, `models` in all."""
    left = ReadBudget(requests=REQUESTS - 2 * models - SPARE, bytes=BYTES)
    return reads_of(plan_depth([groups(kind)] * models, spec, left, moved=moved)[0])


def second_spec(seed: int) -> SampleSpec:
    """Return fresh coordinates."""
    return SampleSpec(seed=seed, elements=ELEMENTS)


def sketch(repo_id: str, spec: SampleSpec, reads: tuple[SliceRead, ...], stored: Stored) -> Sketch:
    """Return stored weights [slices, windows, elements] as the sketch that reading them would give."""
    samples = {
        r.slice.key: Sample(r.slice.rows, r.slice.cols, r.windows[0].row, w.reshape(-1))
        for r, w in zip(reads, stored, strict=True)
    }
    return Sketch(RepoRef(repo_id, "0" * 40), spec, samples)


__all__ = ["ARCHITECTURES", "SPEC", "Floats", "first_reads", "headers", "second_reads", "second_spec", "sketch"]
