"""Tiny models read the way uploads are: files, headers, layout, plan, samples; then references and cases of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

import ml_dtypes
import numpy as np

from analyzers.compare.aligned import Aligned
from analyzers.compare.case import Case, case_of
from analyzers.numbers.rounding import Floats, Stored
from analyzers.records import (
    Disclosure,
    Mention,
    Reference,
    RepoRef,
    Role,
    Sample,
    SampleSpec,
    ShardHeader,
    Sketch,
    SliceKey,
    WeightLayout,
)
from analyzers.sketch.coordinates import ReadBudget, ReadPlan, plan_reads, samples_from
from analyzers.sketch.layout import layout_of
from analyzers.sketch.tensor_roles import groups_of
from demo.models import Array, Delta, Weights, files, fresh, trained

BF16, F16, F32 = np.dtype(ml_dtypes.bfloat16), np.dtype(np.float16), np.dtype(np.float32)
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SPEC = SampleSpec()
BUDGET = ReadBudget()
SUSPECT, BASE, RELEASE, OTHER = "newcomer/Model", "aurora/Base", "tidepool/Release", "heron/Other"


def shards_of(weights: Weights, shards: int = 2) -> dict[str, bytes]:
    """Return the content of every safetensors file of a model."""
    stored = {name: np.ascontiguousarray(w) for name, w in weights.items()}
    return {p: b.content for p, b in files(stored, "", shards).items() if p.endswith(".safetensors")}


def header_of(content: bytes, *, stated: bool = True) -> ShardHeader:
    """Return a file's header, with the length it states or without."""
    length = int.from_bytes(content[:8], "little")
    entries = json.loads(content[8 : 8 + length].decode())
    return ShardHeader(entries, len(content), length if stated else None)


def layout(weights: Weights, shards: int = 2) -> WeightLayout:
    """Return the layout of a model's files."""
    return layout_of({path: header_of(data) for path, data in shards_of(weights, shards).items()})


def plan(weights: Weights, shards: int = 2, spec: SampleSpec = SPEC, budget: ReadBudget = BUDGET) -> ReadPlan:
    """Return what is read of a model."""
    return plan_reads(groups_of(layout(weights, shards)), spec, budget)


def samples(
    weights: Weights, shards: int = 2, spec: SampleSpec = SPEC, budget: ReadBudget = BUDGET
) -> dict[SliceKey, Sample]:
    """Read a model's samples out of its files."""
    stored = shards_of(weights, shards)
    reads = plan_reads(groups_of(layout(weights, shards)), spec, budget)
    return samples_from(reads, [stored[shard][begin:end] for shard, begin, end in reads.spans])


def sketch(repo_id: str, weights: Weights, *, shards: int = 2) -> Sketch:
    """Sketch a model under the name `repo_id`."""
    return Sketch(RepoRef(repo_id, repo_id.encode().hex()[:40].ljust(40, "0")), SPEC, samples(weights, shards))


def known(
    repo_id: str,
    weights: Weights,
    role: Role | None = "release",
    *,
    days: float | None = 30,
    declares: Sequence[str] = (),
) -> Reference:
    """Return a known model whose weights came `days` before NOW; None where that is not known."""
    when = None if days is None else NOW - timedelta(days=days)
    return Reference(sketch(repo_id, weights), role, when, repo_id.partition("/")[0], tuple(declares))


def declaring(*parents: str) -> Disclosure:
    """Return the disclosure of a card that names `parents` in its front matter."""
    return Disclosure("0" * 40, tuple(Mention(p, "front matter", "base_model") for p in parents))


def case(
    weights: Weights,
    references: Iterable[Reference],
    declared: Sequence[str] = (),
    *,
    at: datetime | None = NOW,
    repo_id: str = SUSPECT,
) -> Case:
    """Return the case of a new upload against known models."""
    return case_of(sketch(repo_id, weights), references, declaring(*declared), at)


def beside(suspect: Stored, rows: Floats, tensors: int = 16) -> Aligned:
    """Put bare numbers side by side: a suspect, [weights], and models, float64[models, weights], cut into tensors."""
    refs = [RepoRef(f"maker{i}/model", f"{i:040d}") for i in range(len(rows))]
    references = tuple(Reference(Sketch(ref, SPEC, {}), "release", None, ref.organisation) for ref in refs)
    keys = tuple(SliceKey("layers.mlp.up_proj", i) for i in range(tensors))
    of = np.arange(suspect.size) * tensors // suspect.size
    return Aligned(suspect, rows, references, of, keys, np.arange(suspect.size) - np.searchsorted(of, of))


def each(weights: Weights, change: Callable[[Array], Array]) -> Weights:
    """Return a model with every tensor changed alike."""
    return {name: change(w) for name, w in weights.items()}


def stored_as(weights: Weights, dtype: np.dtype[np.generic]) -> Weights:
    """Return a model stored again in another type."""
    return each(weights, lambda w: w.astype(np.float32).astype(dtype))


def noisy(weights: Weights, size: float, seed: int = 1, *, additive: bool = False) -> Weights:
    """Return a model with independent noise of relative `size`: on each weight, or of one size in each tensor."""
    rng = np.random.default_rng(seed)

    def change(w: Array) -> Array:
        exact = w.astype(np.float64)
        scale = np.sqrt(np.mean(exact**2)) if additive else np.abs(exact)
        return (exact + size * scale * rng.normal(0, 1, exact.shape)).astype(w.dtype)

    return each(weights, change)


@cache
def base_weights(seed: int = 0, dtype: np.dtype[np.generic] = BF16) -> Weights:
    """Return the base model of family `seed`."""
    return fresh(np.random.default_rng(seed), dtype)


@cache
def delta(seed: int, size: float = 0.03) -> Delta:
    """Return the training of release `seed`."""
    return Delta.draw(np.random.default_rng(1000 + seed), size)


@cache
def release_weights(seed: int, size: float = 0.03, dtype: np.dtype[np.generic] = BF16) -> Weights:
    """Return release `seed` of the base model of family 0."""
    return trained(base_weights(0, dtype), delta(seed, size))


@cache
def family() -> tuple[Reference, ...]:
    """Return a base and two releases of it."""
    return (
        known(BASE, base_weights(), "base", days=90),
        known(RELEASE, release_weights(1), days=30, declares=(BASE,)),
        known(OTHER, release_weights(2), days=20, declares=(BASE,)),
    )


def equal_samples(a: Mapping[SliceKey, Sample], b: Mapping[SliceKey, Sample]) -> bool:
    """Tell whether two models gave the same bits at the same places."""
    return a.keys() == b.keys() and all(
        (a[k].row, a[k].cols, a[k].values.dtype) == (b[k].row, b[k].cols, b[k].values.dtype)
        and a[k].values.tobytes() == b[k].values.tobytes()
        for k in a
    )
