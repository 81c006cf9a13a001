"""A source that remembers the small files and the headers that were read through it: evidence from first sight."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from analyzers.records import RepoFacts, ShardHeader
from analyzers.shard_order import Wanted
from bot.source import Source, Span


class Recorder:
    """Reads like the source behind it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._files: dict[str, bytes] = {}
        self._headers: dict[str, ShardHeader] = {}

    def facts(self) -> RepoFacts:
        """See Source.facts."""
        return self._source.facts()

    def file(self, path: str, limit: int) -> bytes | None:
        """See Source.file."""
        content = self._source.file(path, limit)
        if content is not None:
            self._files[path] = content
        return content

    def headers(self, max_requests: int, wanted: Wanted | None = None) -> Mapping[str, ShardHeader]:
        """See Source.headers."""
        found = self._source.headers(max_requests, wanted)
        self._headers.update(found)
        return found

    def read(self, spans: Sequence[Span]) -> list[bytes]:
        """See Source.read."""
        return self._source.read(spans)

    def kept(self) -> dict[str, bytes]:
        """Return what was read, by kind: card, config, and the listing with sizes, hashes and digests of headers."""
        facts = self.facts()
        listing = {
            "repo_id": facts.ref.repo_id,
            "revision": facts.ref.revision,
            "files": {f.path: {"size": f.size, "sha256": f.sha256} for f in facts.files},
            "headers": {n: hashlib.sha256(repr(h).encode()).hexdigest() for n, h in sorted(self._headers.items())},
        }
        kinds = {"README.md": "card", "config.json": "config"}
        files = {kinds.get(path, path): content for path, content in self._files.items()}
        return files | {"files": json.dumps(listing, sort_keys=True).encode()}
