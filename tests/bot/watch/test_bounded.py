"""What keeps memory bounded: JSON from outside is counted first, and what a pass freed goes back to the system."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bot.sources.interface import TooLarge
from bot.sources.untrusted_json import MOST_VALUES, parsed
from bot.watch.memory import release_memory

MEGABYTE = 1 << 20


@pytest.mark.parametrize(
    "body",
    [b"[" + b"0," * MOST_VALUES + b"0]", b"[" * (MOST_VALUES + 1), b"[" + b"{}," * (MOST_VALUES // 2) + b"0]"],
    ids=["numbers", "nested", "tables"],
)
def test_json_of_too_many_values_is_refused_before_it_is_read(body: bytes) -> None:
    """A few megabytes that would be hundreds as objects are one error that names what they are."""
    with pytest.raises(TooLarge, match=r"^The header of it has more than 1,500,000 values"):
        parsed(body, "The header of it")


def test_the_headers_of_the_largest_open_models_are_within_the_bound() -> None:
    """184,000 tensors: twice as many as the largest unquantised model that is published has."""
    entry = {"dtype": "BF16", "shape": [2048, 7168], "data_offsets": [0, 29360128]}
    body = json.dumps({f"model.layers.{i // 2000}.mlp.experts.{i % 2000}": entry for i in range(184_000)}).encode()
    assert isinstance(parsed(body, "The header of it"), dict)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'"\xed\xa0\x80"', b"[" * 100_000])
def test_what_is_no_json_is_a_value_error(body: bytes) -> None:
    """However it is broken, and however deeply it is nested."""
    with pytest.raises(ValueError, match=r"."):
        parsed(body, "it")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_freed_memory_goes_back() -> None:
    """Blocks freed below one that is still used stay with glibc until it is asked for them."""
    blocks = [bytes(800) for _ in range(150_000)]
    last = blocks.pop()
    full = _resident()
    del blocks
    release_memory()
    assert full - _resident() > 60 * MEGABYTE
    assert last == bytes(800)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096
