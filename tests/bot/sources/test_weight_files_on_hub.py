"""Which files are the weights."""

from __future__ import annotations

import pytest

from analyzers.records import RepoFile
from bot.sources.weight_files import index_file, weight_files


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
        (["a.gguf", "mmproj-b.gguf", "x-lora.gguf", "imatrix.gguf"], ["a.gguf"]),
        (["a.gguf", "model.safetensors"], ["model.safetensors"]),
        (
            ["a.gguf", "q8/b-00002-of-00002.gguf", "q8/b-00001-of-00002.gguf"],
            ["q8/b-00001-of-00002.gguf", "q8/b-00002-of-00002.gguf"],
        ),
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


@pytest.mark.parametrize(
    ("sizes", "chosen"),
    [
        ({"model_index.json": 1, "transformer/d.safetensors": 5, "model.safetensors": 95}, ["model.safetensors"]),
        (
            {"model_index.json": 1, "transformer/d.safetensors": 40, "te/m.safetensors": 60},
            ["transformer/d.safetensors"],
        ),
        ({"q4.gguf": 4, "q8/m.gguf": 8, "mmproj.gguf": 9}, ["q8/m.gguf"]),
        ({"model.safetensors": 2, "own-bf16.safetensors": 98}, ["model.safetensors", "own-bf16.safetensors"]),
        ({"model.safetensors": 50, "model.fp16.safetensors": 25}, ["model.safetensors"]),
        ({"bf16/model.safetensors": 98, "z/d.safetensors": 2}, ["bf16/model.safetensors"]),
        ({"original/model.safetensors": 50, "model.safetensors": 50}, ["model.safetensors"]),
        ({"a.safetensors": 0}, ["a.safetensors"]),
    ],
)
def test_bytes_have_the_last_word(sizes: dict[str, int], chosen: list[str]) -> None:
    """No name of a file or folder hides weights that outweigh what is read."""
    assert [f.path for f in weight_files([RepoFile(p, n) for p, n in sizes.items()])] == chosen


def test_an_index_that_names_next_to_nothing_is_not_believed() -> None:
    """One that names a good part decides."""
    files = [RepoFile("model.safetensors", 90), RepoFile("d.safetensors", 10), RepoFile("old.safetensors", 60)]
    assert [f.path for f in weight_files(files, {"d.safetensors"})] == ["model.safetensors"]
    assert [f.path for f in weight_files(files, {"old.safetensors"})] == ["old.safetensors"]
