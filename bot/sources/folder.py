"""A local folder laid out like a repository, as a Source."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from analyzers.errors import MalformedWeights
from analyzers.records import RepoFacts, RepoFile, RepoRef, ShardHeader
from analyzers.sketch.gguf import SUFFIX
from analyzers.sketch.shard_order import Wanted
from bot.sources.gguf_header import gguf_header
from bot.sources.interface import Missing, Source, Span, TooLarge
from bot.sources.safetensors_header import PREFIX, header_length, parse_header
from bot.sources.weight_files import WEIGHTS, in_doubt, index_file, named_by, weight_files

MAX_FILES = 10_000
NAMED_BYTES = 1 << 20  # larger files get no git id


class LocalSource:
    """One folder. Its repo id is its last two path parts, its revision a digest of its files' names and contents.

    `only`: the name of its single file that counts.
    """

    def __init__(
        self, folder: Path, repo_id: str | None = None, weights_at: datetime | None = None, *, only: str | None = None
    ) -> None:
        self.folder = folder.resolve()
        self.only = only
        self.repo_id = repo_id or "/".join([*self.folder.parts, *([only] if only else [])][-2:])
        self.weights_at = weights_at
        self._facts: RepoFacts | None = None

    def facts(self) -> RepoFacts:
        """List the folder once; Missing if there is none."""
        if self._facts is None:
            self._facts = self._list()
        return self._facts

    def _list(self) -> RepoFacts:
        if not self.folder.is_dir():
            raise Missing(f"{self.folder}: no such folder")
        found = [self.folder / self.only] if self.only else self.folder.rglob("*")
        paths = sorted(p for p in found if p.is_file())[:MAX_FILES]
        files = tuple(self._file(p) for p in paths)
        digest = hashlib.sha1(usedforsecurity=False)
        for path, file in zip(paths, files, strict=True):
            digest.update(f"{file.path}\0{file.size}\0".encode())
            digest.update(_content_mark(path, file.size))
        ref = RepoRef(self.repo_id, digest.hexdigest())
        return RepoFacts(ref, files, created_at=None, weights_at=self.weights_at, local=True)

    def _file(self, path: Path) -> RepoFile:
        """Describe a file; a small one with git's id of its content."""
        name, size = path.relative_to(self.folder).as_posix(), path.stat().st_size
        small = size <= NAMED_BYTES and not name.endswith(WEIGHTS)
        return RepoFile(name, size, oid=_oid(path.read_bytes()) if small else None)

    def file(self, path: str, limit: int) -> bytes | None:
        """Read a small file whole; see Source.file."""
        target = self.folder / path
        if not target.is_file() or self.only not in (None, path):
            return None
        if target.stat().st_size > limit:
            raise TooLarge(f"{self.repo_id}: {path} has {target.stat().st_size:,} bytes, more than {limit:,}")
        return target.read_bytes()

    def headers(self, max_requests: int, wanted: Wanted | None = None) -> Mapping[str, ShardHeader]:  # noqa: ARG002 - a disk asks for no requests
        """Read the header of every shard; see Source.headers."""
        files = self.facts().files
        index = index_file(files)
        named = self._index(index) if index is not None and in_doubt(files) else {}
        return {file.path: self._header(file) for file in weight_files(files, frozenset(named.values()))}

    def _index(self, index: RepoFile) -> dict[str, str]:
        try:
            return named_by(json.loads((self.folder / index.path).read_bytes()), index)
        except (ValueError, RecursionError):
            return {}

    def _header(self, file: RepoFile) -> ShardHeader:
        if file.path.endswith(SUFFIX):
            return gguf_header(lambda begin, end: self.read([Span(file.path, begin, end)])[0], file, file.path)
        if file.size < PREFIX:
            raise MalformedWeights(f"{file.path} has {file.size} bytes, too few for a header.")
        with (self.folder / file.path).open("rb") as shard:
            length = header_length(shard.read(PREFIX), file, file.path)
            return parse_header(shard.read(length), file, file.path)

    def read(self, spans: Sequence[Span]) -> list[bytes]:
        """Read the bytes of each span; see Source.read."""
        chunks = []
        for span in spans:
            with (self.folder / span.shard).open("rb") as shard:
                shard.seek(span.begin)
                chunk = shard.read(span.end - span.begin)
            if len(chunk) != span.end - span.begin:
                raise MalformedWeights(f"{span.shard}: ends before byte {span.end}")
            chunks.append(chunk)
        return chunks

    def titles(self) -> Sequence[str]:
        """Return nothing: a folder has no commits; see Source.titles."""
        return ()

    def states(self, before: datetime) -> Sequence[Source] | None:  # noqa: ARG002 - whatever the time
        """Return None: a folder has no history; see Source.states."""
        return None


def _oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _content_mark(path: Path, size: int) -> bytes:
    """Return a file's content for the digest: all of a small file, three samples of a large one.

    Reading 800 GB to name a folder would take an hour; both ends and the middle differ between versions in practice.
    """
    with path.open("rb") as file:
        if size <= 1 << 20:
            return file.read()
        marks = [file.read(1 << 16)]
        for at in (size // 2, size - (1 << 16)):
            file.seek(at)
            marks.append(file.read(1 << 16))
        return b"".join(marks)
