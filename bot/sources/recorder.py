"""A source that keeps the small files and headers read through it, as evidence of first sight."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from analyzers.records import RepoFacts, RepoFile, ShardHeader
from analyzers.sketch.shard_order import Wanted
from bot.sources.first_look import weights_digest
from bot.sources.interface import Source, Span

KINDS: Final = {"README.md": "card", "config.json": "config"}  # the kind of any other file is its path


class Recorder:
    """Reads from another source. `keep`: called with kind and content right after each read."""

    def __init__(self, source: Source, keep: Callable[[str, bytes], None]) -> None:
        self._source, self._keep = source, keep

    def facts(self) -> RepoFacts:
        """See Source.facts."""
        return self._source.facts()

    def file(self, path: str, limit: int) -> bytes | None:
        """See Source.file."""
        content = self._source.file(path, limit)
        if content is not None:
            self._keep(KINDS.get(path, path), content)
        return content

    def headers(self, max_requests: int, wanted: Wanted | None = None) -> Mapping[str, ShardHeader]:
        """See Source.headers."""
        found = self._source.headers(max_requests, wanted)
        self._keep("files", _listing(self.facts(), found))
        return found

    def read(self, spans: Sequence[Span]) -> list[bytes]:
        """See Source.read."""
        return self._source.read(spans)

    def titles(self) -> Sequence[str]:
        """See Source.titles."""
        return self._source.titles()

    def states(self, before: datetime) -> Sequence[Source] | None:
        """See Source.states; reads of earlier revisions are not kept."""
        return self._source.states(before)


def _file(f: RepoFile) -> dict[str, object]:
    """Return size and digests of a file as the Hub gives them; `git`: of its content, or of its LFS pointer."""
    return {"size": f.size, "sha256": f.sha256, "git": f.oid or f.pointer}


def _listing(facts: RepoFacts, headers: Mapping[str, ShardHeader]) -> bytes:
    """Return the Hub's description of a repository, its files with sizes and hashes, and digests of headers."""
    listing = {
        "repo_id": facts.ref.repo_id,
        "revision": facts.ref.revision,
        "parameters": facts.parameters,
        "tags": facts.tags,
        "weights": weights_digest(facts),
        "files": {f.path: _file(f) for f in facts.files},
        "headers": {n: hashlib.sha256(repr(h).encode()).hexdigest() for n, h in sorted(headers.items())},
    }
    return json.dumps(listing, sort_keys=True).encode()
