"""Repositories of honest uploads: weights in files on disk, a config and a card, as the loopback Hub serves them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from bench.hub_null.weights import Weights, config
from demo.hub.repository import Blob, BytesBlob, FileBlob, LoopbackRepo

DTYPES = {
    "bfloat16": "BF16",
    "float16": "F16",
    "float32": "F32",
    "float8_e4m3fn": "F8_E4M3",
    "int8": "I8",
    "uint8": "U8",
    "int32": "I32",
    "uint32": "U32",
    "int64": "I64",
}
CARD = "README.md"
MADE = timedelta(minutes=4)  # between making a repository and the commit of its weights


def safetensors(weights: Weights) -> bytes:
    """Return the bytes of one file, without a library that may lack a type."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    parts, begin = [], 0
    for name in sorted(weights):
        data = np.ascontiguousarray(weights[name]).tobytes()
        kind = DTYPES[str(weights[name].dtype)]
        header[name] = {"dtype": kind, "shape": list(weights[name].shape), "data_offsets": [begin, begin + len(data)]}
        parts.append(data)
        begin += len(data)
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    return len(head).to_bytes(8, "little") + head + b"".join(parts)


@dataclass(slots=True)
class Storage:
    """A folder that weight files lie in, each once."""

    folder: Path
    numbers: count[int] = field(default_factory=count)

    def keep(self, content: bytes) -> Blob:
        """Keep bytes on disk, so that thousands of uploads do not fill the memory."""
        path = self.folder / f"{next(self.numbers):06d}"
        path.write_bytes(content)
        return FileBlob(path)

    def shards(self, weights: Weights, number: int = 1, folder: str = "") -> dict[str, Blob]:
        """Return weight files, with their index where there are several."""
        if number == 1:
            return {f"{folder}model.safetensors": self.keep(safetensors(weights))}
        found: dict[str, Blob] = {}
        places: dict[str, str] = {}
        names = list(weights)
        for i in range(number):
            cut = names[i * len(names) // number : (i + 1) * len(names) // number]
            path = f"model-{i + 1:05d}-of-{number:05d}.safetensors"
            found[folder + path] = self.keep(safetensors({n: weights[n] for n in cut}))
            places |= dict.fromkeys(cut, path)
        index = {"metadata": {"total_size": sum(w.nbytes for w in weights.values())}, "weight_map": places}
        return found | {f"{folder}model.safetensors.index.json": BytesBlob(json.dumps(index).encode())}


def text(content: str) -> Blob:
    """Return a text file."""
    return BytesBlob(content.encode())


def written(content: object) -> Blob:
    """Return a JSON file."""
    return BytesBlob(json.dumps(content).encode())


def repo(
    repo_id: str,
    shards: Mapping[str, Blob],
    card: str | None,
    at: datetime,
    *,
    counted: int | None = None,
    more: Mapping[str, Blob] | None = None,
    settings: Mapping[str, object] | None = None,
) -> LoopbackRepo:
    """Return a repository that was made a little before `at`, when all of it was there."""
    files = {**shards, "config.json": written(settings or config()), **(more or {})}
    if card is not None:
        files[CARD] = text(card)
    return LoopbackRepo(repo_id=repo_id, files=files, created_at=at - MADE, weights_at=at, counted=counted)


def later(one: LoopbackRepo, at: datetime, title: str, files: Mapping[str, Blob | None]) -> LoopbackRepo:
    """Return a repository after one more commit: files replaced, or taken away where None is given."""
    kept = {path: blob for path, blob in one.files.items() if path not in files}
    kept |= {path: blob for path, blob in files.items() if blob is not None}
    committed = {**one.committed, **{path: at for path, blob in files.items() if blob is not None}}
    return replace(one, files=kept, committed=committed, last_modified=at, title=title, earlier=one, revision="")
