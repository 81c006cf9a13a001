"""The computed models of bench.rio397, on a layout of a few tensors."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from math import prod
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save

from analyzers.records import ShardHeader
from analyzers.sketch.layout import layout_of
from bench.rio397 import limits
from bench.rio397.cast import BASE, RELEASE
from bench.rio397.limits import Checked
from bench.rio397.repos import ShardBlob, repo
from bench.rio397.shards import Tensor, in_order, largest_first, named, shard_of
from bench.rio397.weights import STORED, Base, Mixed, Trained, Weights, normals
from demo.hub.answers import shard_headers

TENSORS = (
    Tensor("lm_head.weight", "BF16", (40, 24)),
    Tensor("layers.0.linear_attn.A_log", "F32", (5,)),
    Tensor("layers.0.linear_attn.norm.weight", "F32", (8,)),
    Tensor("layers.0.mlp.experts.gate_up_proj", "BF16", (3, 16, 24)),
    Tensor("layers.0.conv1d.weight", "BF16", (9, 1, 4)),
    Tensor("layers.0.input_layernorm.weight", "BF16", (7,)),
)
BASE_WEIGHTS = Base("base")
RELEASE_WEIGHTS = Trained(BASE_WEIGHTS, "release", lambda _: 0.02)
BLEND = Mixed(RELEASE_WEIGHTS, BASE_WEIGHTS, 0.565)
SIBLING = Trained(BASE_WEIGHTS, "sibling", lambda _: 0.02, towards="release", lean=0.5)
Array = NDArray[np.generic]


def whole(weights: Weights, tensor: Tensor) -> Array:
    """All of one tensor."""
    return weights.at(tensor, np.arange(prod(tensor.shape)))


@pytest.mark.parametrize("weights", [BASE_WEIGHTS, RELEASE_WEIGHTS, BLEND, SIBLING])
def test_a_shard_is_what_the_library_writes(weights: Weights) -> None:
    """Header, order and padding are those of the safetensors writer, byte for byte."""
    blob = ShardBlob(shard_of(TENSORS), weights)
    written = save({t.name: whole(weights, t).reshape(t.shape) for t in TENSORS}, {"format": "pt"})
    assert blob.read(0, blob.size) == written
    assert blob.size == len(written)


@pytest.mark.parametrize("weights", [BASE_WEIGHTS, RELEASE_WEIGHTS, BLEND, SIBLING])
def test_any_range_is_cut_from_the_whole(weights: Weights) -> None:
    """A weight does not depend on what is read with it, whether a range begins in header, tensor or element."""
    blob = ShardBlob(shard_of(TENSORS), weights)
    content = blob.read(0, blob.size)
    rng = np.random.default_rng(3)
    for begin, end in [(0, 8), (blob.size - 1, blob.size), *np.sort(rng.integers(0, blob.size + 1, (200, 2))).tolist()]:
        assert blob.read(begin, end) == content[begin:end]


def test_the_blend_is_rounded_once() -> None:
    """Every weight is .565 of the release and .435 of the base, summed in float32 and stored; none is left out."""
    for tensor in TENSORS:
        release, base = (whole(m, tensor).astype(np.float32) for m in (RELEASE_WEIGHTS, BASE_WEIGHTS))
        mixture = np.float32(0.565) * release + np.float32(0.435) * base
        stored = whole(BLEND, tensor)
        assert stored.dtype == STORED[tensor.dtype]
        assert (stored == mixture.astype(STORED[tensor.dtype])).all()
    assert (whole(BLEND, TENSORS[0]) != whole(RELEASE_WEIGHTS, TENSORS[0])).mean() > 0.1


def test_a_sibling_leans_as_far_as_it_says() -> None:
    """Its delta has the release's size and the stated correlation with it."""
    matrix = Tensor("probe", "F32", (256, 256))
    base = whole(BASE_WEIGHTS, matrix).astype(np.float64)
    sibling, release = (whole(m, matrix).astype(np.float64) - base for m in (SIBLING, RELEASE_WEIGHTS))
    assert abs(np.corrcoef(sibling, release)[0, 1] - 0.5) < 0.03
    assert abs(sibling.std() / release.std() - 1) < 0.05


def test_the_numbers_are_normal() -> None:
    """Mean, spread and tails of the counter's stream are those of the normal distribution."""
    drawn = normals(np.uint64(7), np.arange(200_000))
    assert abs(drawn.mean()) < 0.01
    assert abs(drawn.std() - 1) < 0.01
    assert abs((np.abs(drawn) > 1.96).mean() - 0.05) < 0.002


def test_headers_of_terabytes_are_had_at_once() -> None:
    """The loopback Hub answers all headers of shards that nobody could compute whole, and they tile their files."""
    large = [Tensor(f"layers.{i}.w", "BF16", (1 << 20, 1 << 20)) for i in range(3)]
    shards = named(in_order([*TENSORS, *large], limit=1 << 41))
    served = repo("org/large", BLEND, shards, datetime(2026, 6, 1, tzinfo=UTC))
    answer = shard_headers(served, "model.safetensors.index.json")
    assert answer is not None
    headers: Any = answer["headers"]
    found = layout_of({path: ShardHeader(headers[path], blob.shard.size) for path, blob in _blobs(served.files)})
    assert {(t.name, t.dtype, t.shape) for t in found.tensors} == {
        (t.name, t.dtype, t.shape) for t in (*TENSORS, *large)
    }
    last = served.files[max(shards)]
    assert len(last.read(last.size - 5, last.size)) == 5


def _blobs(files: Any) -> list[tuple[str, ShardBlob]]:
    return [(path, blob) for path, blob in files.items() if isinstance(blob, ShardBlob)]


def test_divisions_keep_every_tensor_and_the_limit() -> None:
    """Both ways of dividing lose nothing; only a tensor that is too large alone makes a shard larger."""
    for divide in (in_order, largest_first):
        shards = divide(TENSORS, 1000)
        assert sorted(t.name for s in shards for t in s) == sorted(t.name for t in TENSORS)
        assert all(len(s) == 1 or sum(t.nbytes for t in s) <= 1000 for s in shards)
    assert [t.name for s in in_order(TENSORS, 1000) for t in s] == [t.name for t in TENSORS]
    assert largest_first(TENSORS, 1000)[0] == [TENSORS[3]]


def report(**changes: Any) -> dict[str, Any]:
    """The report of a check that keeps every limit, but for `changes`."""
    parents = [{"repo_id": BASE, "coefficient": 0.435}, {"repo_id": RELEASE, "coefficient": 0.565}]
    cost = {"requests": 40, "bytes_read": 900_000, "seconds": 2.0}
    return {"finding": "blend", "alert": True, "parents": parents, "cost": cost} | changes


@pytest.mark.parametrize(
    ("changes", "broken"),
    [
        ({}, 0),
        ({"cost": {"requests": 61, "bytes_read": 900_000, "seconds": 2.0}}, 1),
        ({"finding": "inconclusive", "alert": False}, 1),
        ({"parents": [{"repo_id": BASE, "coefficient": 0.435}, {"repo_id": RELEASE, "coefficient": 0.571}]}, 1),
        ({"parents": [{"repo_id": BASE, "coefficient": None}]}, 3),
        (
            {
                "looks": {
                    "first": {"requests": 60, "bytes_read": 1, "seconds": 1.0},
                    "second": {"requests": 301, "bytes_read": 1, "seconds": 30.0},
                },
                "profile": [{"layer": i} for i in range(59)],
            },
            2,
        ),
    ],
)
def test_a_broken_limit_is_told(changes: dict[str, Any], broken: int) -> None:
    """Each limit that is broken is named, and no other."""
    done = Checked(report(**changes), seconds=3.0, processor=2.0, peak_bytes=150_000_000)
    assert len(limits.of_suspect(done)) == broken, json.dumps(limits.of_suspect(done))
