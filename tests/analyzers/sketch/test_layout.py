"""Headers are read as strictly as the safetensors library reads whole files."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save

from analyzers.errors import MalformedWeights
from analyzers.records import ShardHeader
from analyzers.sketch.layout import MAX_DIMENSIONS, MAX_FILE_BYTES, layout_of
from tests.analyzers.makers import header_of

FOUR = b"\1\2\3\4"


def entry(dtype: object = "U8", shape: object = (4,), offsets: object = (0, 4), **more: object) -> dict[str, object]:
    """One tensor's entry."""
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets, **more}


def content(header: object, data: bytes = FOUR, length: int | None = None) -> bytes:
    """A whole file; `header` is JSON text or what becomes JSON."""
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def library(data: bytes) -> list[tuple[str, dict[str, Any]]]:
    """What the library reads of a file; SafetensorError where it refuses."""
    read: Callable[[bytes], list[tuple[str, dict[str, Any]]]] = deserialize
    return read(data)


VALID = {
    "one tensor": content({"a": entry()}),
    "no tensor": content({}, b""),
    "a name twice, of which the last counts": content(f'{{"a": {json.dumps(entry())}, "a": {json.dumps(entry())}}}'),
    "a key of its own": content({"a": entry(note=1)}),
    "zero size first": content({"z": entry("U8", [0, 3], [0, 0]), "a": entry()}),
    "zero size between": content({"a": entry(), "z": entry("F32", [0], [4, 4]), "b": entry(offsets=[4, 8])}, FOUR * 2),
    "scalar": content({"a": entry("F32", [])}),
    "names in another order than bytes": content({"b": entry(offsets=[4, 8]), "a": entry()}, FOUR * 2),
    "metadata": content({"__metadata__": {"format": "pt"}, "a": entry()}),
    "metadata of null": content({"__metadata__": None, "a": entry()}),
    "padded header": content(json.dumps({"a": entry()}) + "   "),
    "half bytes": content({"a": entry("F4", [8])}),
}
BROKEN = {
    "hole": content({"a": entry(), "b": entry(offsets=[8, 12])}, FOUR * 3),
    "hole at the start": content({"a": entry(offsets=[4, 8])}, FOUR * 2),
    "overlap": content({"a": entry(), "b": entry(offsets=[2, 6])}, FOUR * 2),
    "a name twice, of which the last leaves a hole": content(
        f'{{"a": {json.dumps(entry())}, "a": {json.dumps(entry(offsets=[4, 8]))}}}', FOUR * 2
    ),
    "truncated": content({"a": entry()}, FOUR[:2]),
    "no data": content({"a": entry()}, b""),
    "trailing byte": content({"a": entry()}, FOUR + b"x"),
    "unknown type": content({"a": entry("Q8")}),
    "type in lower case": content({"a": entry("u8")}),
    "type that is no text": content({"a": entry(8)}),
    "negative dimension": content({"a": entry(shape=[-4])}),
    "fraction as dimension": content({"a": entry(shape=[4.0])}),
    "truth as dimension": content({"a": entry(shape=[True, 4])}),
    "no shape": content({"a": {"dtype": "U8", "data_offsets": [0, 4]}}),
    "null shape": content({"a": entry(shape=None)}),
    "shape that does not fit": content({"a": entry(shape=[5])}),
    "shape that overflows": content({"a": entry(shape=[1 << 40, 1 << 40])}),
    "half a byte left": content({"a": entry("F4", [7])}),
    "no offsets": content({"a": {"dtype": "U8", "shape": [4]}}),
    "three offsets": content({"a": entry(offsets=[0, 4, 4])}),
    "offsets backwards": content({"a": entry(offsets=[4, 0])}),
    "tensor that is a number": content({"a": 4}),
    "metadata that is no text": content({"__metadata__": {"a": 1}, "a": entry()}),
    "metadata that is a list": content({"__metadata__": ["a"], "a": entry()}),
}


@pytest.mark.parametrize("data", VALID.values(), ids=VALID)
def test_what_the_library_reads_is_read(data: bytes) -> None:
    """A file that the library accepts gives the library's tensors with the library's bytes."""
    found = layout_of({"m.safetensors": header_of(data)})
    theirs = {name: (t["dtype"], tuple(t["shape"]), bytes(t["data"])) for name, t in library(data)}
    assert {t.name: (t.dtype, t.shape, data[t.begin : t.end]) for t in found.tensors} == theirs


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_what_the_library_refuses_is_refused(data: bytes) -> None:
    """A file that the library refuses is malformed here too, and the message names the shard."""
    with pytest.raises(SafetensorError):
        library(data)
    with pytest.raises(MalformedWeights, match=r"m\.safetensors"):
        layout_of({"m.safetensors": header_of(data)})


@pytest.mark.parametrize(
    ("data", "header"),
    [
        (content({"a": entry()}, length=1 << 40), ShardHeader({"a": entry(shape=[4], offsets=[0, 4])}, 70, 1 << 40)),
        (b"\0\0", ShardHeader({}, 2, 0)),
        (bytes(8), ShardHeader({}, 8, 0)),
    ],
    ids=["header longer than the file", "no room for a length", "header of no bytes"],
)
def test_impossible_lengths_are_refused(data: bytes, header: ShardHeader) -> None:
    """A header whose length cannot be is refused by the library and by its stated size alone."""
    with pytest.raises(SafetensorError):
        library(data)
    with pytest.raises(MalformedWeights):
        layout_of({"m.safetensors": header})


@pytest.mark.parametrize("data", VALID.values(), ids=VALID)
def test_the_length_of_a_header_follows_from_the_file(data: bytes) -> None:
    """Without a stated header length the positions are the same, because tensors fill the file to its end."""
    assert layout_of({"m": header_of(data, stated=False)}) == layout_of({"m": header_of(data)})


def test_a_derived_length_must_be_possible() -> None:
    """Tensors that leave no room for a header are refused when its length is not stated."""
    with pytest.raises(MalformedWeights, match="not possible"):
        layout_of({"m": ShardHeader({"a": entry(shape=[4], offsets=[0, 4])}, 12)})


def test_a_file_has_a_possible_size() -> None:
    """A file whose size no arithmetic can be trusted with is refused."""
    with pytest.raises(MalformedWeights, match="cannot hold a header"):
        layout_of({"m": ShardHeader({}, MAX_FILE_BYTES + 1)})


def test_dimensions_are_few() -> None:
    """A tensor of more dimensions than any model has is refused, whatever its size."""
    with pytest.raises(MalformedWeights, match="no valid shape"):
        layout_of({"m": header_of(content({"a": entry(shape=[1] * MAX_DIMENSIONS + [4])}))})


def test_a_name_stands_in_one_shard() -> None:
    """A tensor that two shards hold makes the upload malformed, because nobody can say which of them counts."""
    data = content({"layers.0.a": entry()})
    with pytest.raises(MalformedWeights, match=r"'layers\.0\.a' stands in more than one shard"):
        layout_of({"1": header_of(data), "2": header_of(data)})


def test_a_hostile_name_is_cut_short() -> None:
    """A message about a tensor with an endless name stays readable."""
    with pytest.raises(MalformedWeights) as caught:
        layout_of({"m": header_of(content({"a" * 100_000: entry("Q8")}))})
    assert len(str(caught.value)) < 500


def test_a_name_is_text() -> None:
    """JSON can name half of a surrogate pair, which cannot be written anywhere."""
    entry = {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}
    with pytest.raises(MalformedWeights, match="no text"):
        layout_of({"model.safetensors": ShardHeader({"half \ud800": entry}, 100)})


def test_the_digest_ignores_sharding() -> None:
    """Digest, parameters and size of a layout are the same however the tensors are spread over files."""
    a, b = np.zeros((2, 3), np.float32), np.zeros(5, np.int8)
    whole = layout_of({"m": header_of(save({"a": a, "b": b}))})
    parts = layout_of({"1": header_of(save({"b": b})), "2": header_of(save({"a": a}))})
    assert (whole.digest, whole.parameters, whole.total_bytes) == (parts.digest, parts.parameters, parts.total_bytes)
    assert (whole.parameters, whole.total_bytes) == (6, 29)


def test_the_digest_knows_shapes() -> None:
    """Layouts with other shapes have another digest."""
    digests = {layout_of({"m": header_of(save({"a": np.zeros(s, np.float32)}))}).digest for s in ((2, 3), (3, 2), 6)}
    assert len(digests) == 3


DTYPES = st.sampled_from([np.float32, np.float16, np.int8, np.int64, np.uint16, np.bool_])
SHAPES = st.lists(st.integers(0, 4), max_size=3)


@settings(max_examples=60, deadline=None)
@given(
    shards=st.lists(st.lists(st.tuples(DTYPES, SHAPES), max_size=4), min_size=1, max_size=3),
    stated=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_any_valid_file_gives_its_own_bytes(
    shards: list[list[tuple[type[np.generic], list[int]]]], stated: bool, seed: int
) -> None:
    """Whatever the library saves is parsed, and every tensor's bytes stand where the layout says."""
    rng = np.random.default_rng(seed)
    stored: dict[str, bytes] = {}
    tensors: dict[str, bytes] = {}
    for i, shard in enumerate(shards):
        arrays = {f"{i}.{j}": rng.integers(0, 2, shape).astype(kind) for j, (kind, shape) in enumerate(shard)}
        tensors |= {name: array.tobytes() for name, array in arrays.items()}
        stored[f"{i}.safetensors"] = save(arrays)
    found = layout_of({path: header_of(data, stated=stated) for path, data in stored.items()})
    assert {t.name: stored[t.shard][t.begin : t.end] for t in found.tensors} == tensors
    assert found.total_bytes == sum(map(len, tensors.values()))
