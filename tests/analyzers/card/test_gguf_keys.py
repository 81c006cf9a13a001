"""Declarations in GGUF headers, read from the bytes of real headers."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pytest

from analyzers.card.gguf_keys import declared_in
from analyzers.sketch.gguf import read_header
from demo.gguf import PAIRS, gguf

OWN = "me/Mix-7B-GGUF"
WEIGHTS = {"model.embed_tokens.weight": np.ones((32, 32), np.float32)}


def declared(pairs: Mapping[str, object]) -> list[str]:
    """Return the models that a file with these pairs declares."""
    content = gguf(WEIGHTS, "F32", dict(PAIRS) | dict(pairs))
    header = read_header(content, len(content), "mix.gguf")
    assert header is not None
    metadata = header.entries["__metadata__"]
    assert isinstance(metadata, dict)
    return [m.repo_id for m in declared_in({"mix.gguf": metadata}, OWN)]


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ({}, []),
        (
            {
                "general.base_model.count": "2",
                "general.base_model.0.name": "Aurora 7B",
                "general.base_model.0.repo_url": "https://huggingface.co/aurora/Aurora-7B",
                "general.base_model.1.repo_url": "https://huggingface.co/borealis/Coder-7B-v2",
            },
            ["aurora/Aurora-7B", "borealis/Coder-7B-v2"],
        ),
        ({"general.source.url": "https://huggingface.co/aurora/Aurora-7B"}, ["aurora/Aurora-7B"]),
        ({"general.source.huggingface.repository": "aurora/Aurora-7B"}, ["aurora/Aurora-7B"]),
        ({"general.source.repo_url": f"https://huggingface.co/{OWN}"}, []),
        ({"general.base_model.0.name": "aurora/Aurora-7B", "general.url": "https://huggingface.co/a/B-7B"}, []),
        ({"general.base_model.0.repo_url": "not an address", "general.basename": "Aurora"}, []),
    ],
)
def test_only_addresses_of_what_it_was_made_of(pairs: Mapping[str, object], expected: list[str]) -> None:
    """Titles, names and the upload's own address declare nothing."""
    assert declared(pairs) == expected


def test_many_keys_are_read_up_to_a_bound() -> None:
    """A header of thousands of keys does not become thousands of parents."""
    names = ["".join(pair) for pair in combinations("abcdefghijkl", 2)]
    pairs = {f"general.base_model.{i}.url": f"https://huggingface.co/org/{n}-7B" for i, n in enumerate(names)}
    assert len(declared(pairs)) == 32
