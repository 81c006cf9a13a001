"""Repository as the loopback Hub serves it: files in memory, on disk, or computed on demand."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Protocol

import yaml

HASHED_BYTES = 64 << 20  # larger files get a stand-in for their sha256, to save time
NAMED_BYTES = 4 << 20  # larger ones get a stand-in for git's name, too
DEFAULT_TIME = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Blob(Protocol):
    """Content of one file. It may be larger than memory: only the bytes read are ever computed."""

    @property
    def size(self) -> int:
        """Return the size in bytes."""
        ...

    def read(self, begin: int, end: int) -> bytes:
        """Return bytes `begin` to `end` (exclusive)."""
        ...


@dataclass(frozen=True, slots=True)
class BytesBlob:
    """A file held in memory."""

    content: bytes

    @property
    def size(self) -> int:
        """Return the size in bytes."""
        return len(self.content)

    def read(self, begin: int, end: int) -> bytes:
        """Return bytes `begin` to `end` (exclusive)."""
        return self.content[begin:end]


@dataclass(frozen=True, slots=True)
class FileBlob:
    """A file on disk."""

    path: Path

    @property
    def size(self) -> int:
        """Return the size in bytes."""
        return self.path.stat().st_size

    def read(self, begin: int, end: int) -> bytes:
        """Return bytes `begin` to `end` (exclusive)."""
        with self.path.open("rb") as stream:
            stream.seek(begin)
            return stream.read(end - begin)


@dataclass(frozen=True, kw_only=True)
class LoopbackRepo:
    """One repository at one revision, with the Hub's facts about it. All times are UTC."""

    repo_id: str
    files: Mapping[str, Blob]
    created_at: datetime = DEFAULT_TIME
    weights_at: datetime | None = None  # commit time of its *.safetensors; None: created_at
    last_modified: datetime | None = None  # by a commit; None: weights_at
    settings_at: datetime | None = None  # of the newest change without a commit
    committed: Mapping[str, datetime] = field(default_factory=dict)  # commit times of single files
    hub_id: str = ""  # 24 hex digits, the first 8 are created_at; derived where empty
    revision: str = ""  # 40 hex digits; derived from names and sizes where empty
    gated: Literal[False, "auto", "manual"] = False
    granted: frozenset[str] = frozenset()  # tokens that may read a gated or private repository
    disabled: bool = False
    discusses: bool = True  # whether its owner lets others open discussions
    private: bool = False
    renamed_to: str | None = None
    counted: int | None = None  # safetensors parameters as the Hub shows them; None: not counted yet
    tags: tuple[str, ...] = ()
    earlier: LoopbackRepo | None = None  # the state that an older revision still names
    squashed: bool = False  # its history begins with this state, else with a commit without weights when it was made
    branches: tuple[str, ...] = ()  # beside main
    committers: tuple[str, ...] = ()  # accounts; its owner where empty
    title: str = "Upload folder using huggingface_hub"  # of the newest commit

    def __post_init__(self) -> None:
        digest = hashlib.sha1(self.repo_id.encode(), usedforsecurity=False)
        for path, blob in sorted(self.files.items()):
            digest.update(f"\n{path} {blob.size}".encode())
        if not self.revision:
            object.__setattr__(self, "revision", digest.hexdigest())
        if not self.hub_id:
            name = hashlib.sha1(self.repo_id.encode(), usedforsecurity=False).hexdigest()
            object.__setattr__(self, "hub_id", f"{int(self.created_at.timestamp()):08x}{name[:16]}")

    @classmethod
    def from_folder(
        cls,
        folder: Path,
        repo_id: str,
        *,
        created_at: datetime = DEFAULT_TIME,
        weights_at: datetime | None = None,
        counted: int | None = None,
        tags: tuple[str, ...] = (),
    ) -> LoopbackRepo:
        """Serve a folder laid out like a repository, as it lies on disk. Use dataclasses.replace for the rest."""
        paths = [p for p in sorted(folder.rglob("*")) if p.is_file()]
        files = {p.relative_to(folder).as_posix(): FileBlob(p) for p in paths}
        return cls(
            repo_id=repo_id,
            files=files,
            created_at=created_at,
            weights_at=weights_at,
            counted=counted,
            tags=tags,
        )

    @functools.cached_property
    def modified_at(self) -> datetime:
        """Return the UTC time of the newest commit or change of settings."""
        return max(self.newest_commit_at, self.settings_at or self.newest_commit_at)

    @functools.cached_property
    def newest_commit_at(self) -> datetime:
        """Return the UTC time of the newest commit."""
        return max([self.last_modified or self.weights_at or self.created_at, *self.committed.values()])

    def committed_at(self, path: str) -> datetime:
        """Return the UTC time of the newest commit that touched a file."""
        if path in self.committed:
            return self.committed[path]
        weights = self.weights_at if path.endswith(".safetensors") else None
        return weights or self.created_at

    def at(self, revision: str) -> LoopbackRepo | None:
        """Return the state that a branch or commit names; None if there is none."""
        return self if revision == "main" else next((s for s in self.history if s.revision == revision), None)

    @functools.cached_property
    def history(self) -> tuple[LoopbackRepo, ...]:
        """Return the states that are still there, newest first."""
        if self.earlier is not None:
            return (self, *self.earlier.history)
        return (self,) if self.squashed or self.newest_commit_at <= self.created_at else (self, self._first())

    def _first(self) -> LoopbackRepo:
        """Return the state that the Hub itself creates."""
        files = {".gitattributes": BytesBlob(b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n")}
        nothing: dict[str, Any] = {"weights_at": None, "last_modified": None, "settings_at": None, "committed": {}}
        return replace(self, files=files, revision="", title="initial commit", squashed=True, **nothing)

    def oid(self, path: str) -> str:
        """Return git's hash of a file's content, or of its LFS pointer; a stand-in if computed on demand."""
        blob = self.files[path]
        if is_lfs(path):
            pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256(path)}\nsize {blob.size}\n"
            return hashlib.sha1(f"blob {len(pointer)}\0{pointer}".encode(), usedforsecurity=False).hexdigest()
        if isinstance(blob, BytesBlob | FileBlob) and blob.size <= NAMED_BYTES:
            content = blob.read(0, blob.size)
            return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
        return hashlib.sha1(f"{path} {blob.size}".encode(), usedforsecurity=False).hexdigest()

    def sha256(self, path: str) -> str:
        """Return the hash of a file's content; of its name and size if it is too large or computed on demand."""
        blob = self.files[path]
        if isinstance(blob, BytesBlob | FileBlob) and blob.size <= HASHED_BYTES:
            return _sha256(blob, blob.size)
        return hashlib.sha256(f"{self.revision} {path} {blob.size}".encode()).hexdigest()

    def card(self) -> dict[str, object]:
        """Return the front matter of its README.md; empty if none can be read."""
        blob = self.files.get("README.md")
        text = blob.read(0, min(blob.size, 1 << 20)).decode("utf-8", "replace") if blob else ""
        return dict(_front_matter(text)) if text.startswith("---\n") else {}

    def all_tags(self) -> list[str]:
        """Return its own tags, the card's, and those that the Hub makes from base_model."""
        card = self.card()
        tags = [*self.tags, *_texts(card.get("tags"))]
        relation = card.get("base_model_relation")
        for base in _texts(card.get("base_model")):
            tags += [f"base_model:{base}"] + ([f"base_model:{relation}:{base}"] if relation else [])
        if any(path.endswith(".safetensors") for path in self.files):
            tags.append("safetensors")
        return list(dict.fromkeys(tags))


@functools.lru_cache(maxsize=1024)
def _front_matter(text: str) -> Mapping[str, object]:
    try:
        card = yaml.safe_load(text[4:].partition("\n---")[0])
    except yaml.YAMLError:
        return {}
    return {str(k): v for k, v in card.items()} if isinstance(card, dict) else {}


def is_lfs(path: str) -> bool:
    """Return True if the Hub keeps the file in its large-file storage."""
    return path.endswith(".safetensors")


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [v for v in value if isinstance(v, str)] if isinstance(value, list) else []


@functools.lru_cache(maxsize=4096)
def _sha256(blob: BytesBlob | FileBlob, size: int) -> str:
    return hashlib.sha256(blob.read(0, size)).hexdigest()
