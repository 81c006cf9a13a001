"""The ends of a long index: its metadata where they stand whole, and nothing of anything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzers.traces.index_ends import metadata_in

MARK = b'"metadata": {"mergekit_version": "0.1.5", "total_size": 7}'


@pytest.mark.parametrize(
    "end",
    [
        b"{" + MARK + b', "weight_map": {"model.norm.weight": "mod',
        b'08.safetensors", "lm_head.weight": "model-9.safetensors"}, ' + MARK + b"}",
        b'\xff9.safetensors"},\n  "metadata" :\n {"mergekit_version": "0.1.5"}\n}',
        b'{"metadata": {"cut, "metadata": {"mergekit_version": "0.1.5"}}',
    ],
)
def test_metadata_are_found_at_either_end(end: bytes) -> None:
    """Before the map of weights, after it, with other white space, and after broken ones."""
    found = metadata_in(end)
    assert found is not None
    assert found["mergekit_version"] == "0.1.5"


@pytest.mark.parametrize(
    "end",
    [
        b"",
        b'{"metadata": "mergekit_version", "weight_map": {"metadata": "model.safetensors"}}',
        MARK[:-1],
        b'{"metadata": ' + b'{"a":' * 3_000,
    ],
)
def test_what_is_cut_or_something_else_is_none(end: bytes) -> None:
    """A tensor of that name, metadata that go on beyond the end, and nesting without end."""
    assert metadata_in(end) is None


@given(st.binary(max_size=300).map(lambda rest: b'"metadata":{' + rest))
def test_any_bytes_give_a_table_or_none(end: bytes) -> None:
    """Nothing raises."""
    assert isinstance(metadata_in(end), dict | None)
