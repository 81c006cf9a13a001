"""Repositories and their files: listings, facts, headers, tensors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from analyzers.numbers.parts import Packing

NUMBERED_GGUF = re.compile(r"-\d{5}-of-\d{5}\.gguf$")
BESIDE_GGUF = re.compile(r"mmproj|imatrix|lora|adapter|projector")  # in names of what is no language model


@dataclass(frozen=True, slots=True, order=True)
class RepoRef:
    """One state of one repository. `repo_id` is "organisation/name"; `revision` is 40 hex digits."""

    repo_id: str
    revision: str

    @property
    def organisation(self) -> str:
        """The part of the repo id before the slash."""
        return self.repo_id.partition("/")[0]

    def __str__(self) -> str:
        return f"{self.repo_id}@{self.revision[:12]}"


@dataclass(frozen=True, slots=True)
class HubEvent:
    """A repository as a listing shows it: something that may have to be judged."""

    repo_id: str
    hub_id: str | None  # the Hub's own id of the repository, which survives a rename
    revision: str | None  # None where the listing does not say
    created_at: datetime  # UTC, of the repository, not of its weights
    parameters: int | None = None  # as counted by the Hub; None where it has not counted (yet)
    gated: bool = False
    modified_at: datetime | None = None  # UTC, of its last commit or change of settings


@dataclass(frozen=True, slots=True)
class RepoFile:
    """One file of a repository. `size` in bytes; `sha256` of its content where the Hub keeps it (LFS, Xet).

    `oid`: git's name of the content, 40 hex digits, of files that are not in such a storage. `pointer`: git's name of
    the text that stands for a file in such a storage.
    """

    path: str
    size: int
    sha256: str | None = None
    oid: str | None = None
    pointer: str | None = None


@dataclass(frozen=True, slots=True)
class RepoFacts:
    """Facts about a repository, known before any weight is read."""

    ref: RepoRef
    files: tuple[RepoFile, ...]
    created_at: datetime | None  # UTC; None for a local folder
    weights_at: datetime | None  # UTC time of the newest commit that brought weights; None: unknown
    hub_id: str | None = None
    parameters: int | None = None  # as counted by the Hub
    gated: bool = False
    tags: tuple[str, ...] = ()
    local: bool = False
    modified_at: datetime | None = None  # UTC, of its last commit as the Hub says; None: unknown

    @property
    def shards(self) -> tuple[RepoFile, ...]:
        """The safetensors files, else those of one GGUF model, in the order of their paths."""
        found = [f for f in self.files if f.path.endswith(".safetensors")] or largest_gguf(self.files)
        return tuple(sorted(found, key=lambda f: f.path))

    @property
    def weight_bytes(self) -> int:
        """Bytes in all of them."""
        return sum(f.size for f in self.shards)


def largest_gguf(files: Iterable[RepoFile]) -> list[RepoFile]:
    """Return the files of the GGUF model with the most bytes: of several quantizations, the one that lost least."""
    sets: dict[str, list[RepoFile]] = {}
    for file in files:
        if file.path.endswith(".gguf") and not BESIDE_GGUF.search(file.path.lower()):
            sets.setdefault(NUMBERED_GGUF.sub(".gguf", file.path), []).append(file)
    return max((sets[name] for name in sorted(sets)), key=lambda some: sum(f.size for f in some), default=[])


@dataclass(frozen=True, slots=True)
class ShardHeader:
    """The header of one safetensors or GGUF file and the size of the file in bytes.

    `header_bytes` is the length of the JSON text as the file states it; None where it was not read from
    the file itself (the Hub can send the parsed headers of all shards at once), in which case it follows
    from the size, because tensors must tile the rest of the file exactly.
    """

    entries: Mapping[str, object]
    file_bytes: int
    header_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """One stored tensor. `begin` and `end` are absolute byte positions in `shard`."""

    name: str
    dtype: str  # safetensors' own name: "BF16", "F32", ...
    shape: tuple[int, ...]
    shard: str
    begin: int
    end: int
    packing: Packing | None = None  # of a quantized matrix; the bytes are then those of its codes


@dataclass(frozen=True, slots=True)
class WeightLayout:
    """Every tensor of an upload and where it lies."""

    tensors: tuple[TensorEntry, ...]
    total_bytes: int  # of the tensors, headers not counted
    parameters: int  # elements in floating-point tensors
    digest: str  # of names, types and shapes: equal for equal layouts, whatever the sharding
