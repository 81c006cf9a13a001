"""Which files are the weights."""

from __future__ import annotations

import pytest

from analyzers.records import RepoFile
from bot.weightfiles import index_file, weight_files


@pytest.mark.parametrize(
    ("paths", "chosen"),
    [
        (["b.safetensors", "a.safetensors", "x.bin"], ["a.safetensors", "b.safetensors"]),
        (["model.safetensors", "sub/other.safetensors"], ["model.safetensors"]),
        (["z/a.safetensors", "y/a.safetensors", "y/b.safetensors"], ["y/a.safetensors", "y/b.safetensors"]),
        (["model-1.safetensors", "consolidated-1.safetensors"], ["model-1.safetensors"]),
        (["consolidated.safetensors"], ["consolidated.safetensors"]),
        (["adapter_model.safetensors", "model.safetensors"], ["model.safetensors"]),
        (["adapter_model.safetensors", "sub/model.safetensors"], ["sub/model.safetensors"]),
        (["adapter_model.safetensors"], []),
        ([], []),
    ],
)
def test_weight_files(paths: list[str], chosen: list[str]) -> None:
    """Those at the root, else of the first folder; no adapters; nothing twice."""
    assert [f.path for f in weight_files([RepoFile(p, 1) for p in paths])] == chosen


@pytest.mark.parametrize(
    ("paths", "chosen"),
    [
        (["model.safetensors.index.json", "other.safetensors.index.json"], "model.safetensors.index.json"),
        (["other.safetensors.index.json"], "other.safetensors.index.json"),
        (["a.safetensors.index.json", "b.safetensors.index.json"], None),
        (["sub/model.safetensors.index.json", "pytorch_model.bin.index.json"], None),
    ],
)
def test_index_file(paths: list[str], chosen: str | None) -> None:
    """The usual name, else the only one."""
    found = index_file([RepoFile(p, 1) for p in paths])
    assert (found.path if found else None) == chosen
