"""Tiny repositories, and a clock that only sleeping moves."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from demo.hub.repository import Blob, BytesBlob, LoopbackRepo

TOKEN = "hf_secretsecretsecret"
FILE = "config.json"
CONFIG = b'{"hidden_size": 8}'


def header(tensors: dict[str, int], padding: int = 0) -> bytes:
    """A safetensors file of byte tensors with these sizes, with `padding` spaces after its header."""
    entries, begin = {}, 0
    for name, size in tensors.items():
        entries[name] = {"dtype": "U8", "shape": [size], "data_offsets": [begin, begin + size]}
        begin += size
    text = json.dumps(entries, separators=(",", ":")).encode() + b" " * padding
    text += b" " * (-len(text) % 8)  # as the library writes it
    return len(text).to_bytes(8, "little") + text


def shard(tensors: dict[str, int], padding: int = 0) -> BytesBlob:
    """A whole file; byte i of the data is i modulo 251."""
    data = bytes(i % 251 for i in range(sum(tensors.values())))
    return BytesBlob(header(tensors, padding) + data)


def model(shards: int = 3, padding: int = 0, name: str = "org/model") -> LoopbackRepo:
    """A model of some shards with two tensors of 64 bytes each."""
    files: dict[str, Blob] = {FILE: BytesBlob(CONFIG)}
    weight_map: dict[str, str] = {}
    for i in range(shards):
        path = f"model-{i:05d}-of-{shards:05d}.safetensors"
        files[path] = shard({f"{i}.a": 64, f"{i}.b": 64}, padding)
        weight_map |= {f"{i}.a": path, f"{i}.b": path}
    index = {"metadata": {}, "weight_map": weight_map}
    files["model.safetensors.index.json"] = BytesBlob(json.dumps(index).encode())
    return LoopbackRepo(repo_id=name, files=files)


def single(content: bytes, name: str = "org/model", path: str = "model.safetensors") -> LoopbackRepo:
    """A repository with one weight file of this content."""
    return LoopbackRepo(repo_id=name, files={path: BytesBlob(content), FILE: BytesBlob(CONFIG)})


def shard_paths(repo: LoopbackRepo) -> list[str]:
    """Its weight files, in order."""
    return sorted(p for p in repo.files if p.endswith(".safetensors"))


@dataclass
class Watch:
    """A clock in seconds. Sleeping is written down, and takes no time."""

    now: float = 0.0
    waits: list[float] = field(default_factory=list)

    def clock(self) -> float:
        """Seconds since it was made."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Move the clock on."""
        self.waits.append(seconds)
        self.now += seconds
