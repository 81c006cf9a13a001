"""Which files of a repository are the model's weights; the same for the Hub and for a folder."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from analyzers.errors import MalformedWeights
from analyzers.records import RepoFile

ADAPTER = "adapter_model.safetensors"
OTHER_WEIGHTS = (".gguf", ".bin", ".pt", ".pth", ".onnx", ".ckpt", ".npz", ".h5", ".msgpack")
INDEX = "model.safetensors.index.json"


def weight_files(files: Iterable[RepoFile]) -> tuple[RepoFile, ...]:
    """The safetensors files that hold the model, in the order of their paths; empty if there are none.

    Those at the root, else those of the first folder that has any. Adapters are not the model, and
    "consolidated" files are the same weights again where there are "model" ones beside them.
    """
    folders: dict[str, list[RepoFile]] = {}
    for file in sorted(files, key=lambda f: f.path):
        folder, _, name = file.path.rpartition("/")
        if name.endswith(".safetensors") and name != ADAPTER:
            folders.setdefault(folder, []).append(file)
    chosen = folders[min(folders)] if folders else []
    if any(_name(f).startswith("model") for f in chosen):
        chosen = [f for f in chosen if not _name(f).startswith("consolidated")]
    return tuple(chosen)


def index_file(files: Iterable[RepoFile]) -> RepoFile | None:
    """The index of the shards at the root: the usual name, else the only one; None if there is none."""
    found = [f for f in files if f.path.endswith(".safetensors.index.json") and "/" not in f.path]
    usual = [f for f in found if f.path == INDEX]
    if usual:
        return usual[0]
    return found[0] if len(found) == 1 else None


def shard_name(name: object, where: str) -> str:
    """A shard's path as somebody else wrote it; MalformedWeights if it could lead out of the repository.

    `where` says who wrote it, for the error's sentence.
    """
    if not isinstance(name, str) or not name:
        raise MalformedWeights(f"{where} names a shard {_shown(name)} that is no file name.")
    outside = name.startswith("/") or "://" in name or "\\" in name or ".." in name.split("/")
    unprintable = any(unicodedata.category(c).startswith("C") for c in name)
    if outside or unprintable or not name.endswith(".safetensors"):
        raise MalformedWeights(f"{where} names a shard {_shown(name)} that is no safetensors file of the repository.")
    return name


def _name(file: RepoFile) -> str:
    return file.path.rpartition("/")[2]


def _shown(name: object) -> str:
    return ascii(name)[:120]
