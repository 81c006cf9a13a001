"""The interface to read an upload from the Hub or a folder, and its errors.

SourceError          one upload could not be read; its text is the reason that is stored
+-- Missing          deleted, private or never there: the Hub does not say which
+-- Gated            its files are only for those whom its owner admits
+-- Disabled         taken down by the Hub
+-- Renamed          has another name now (`.repo_id`)
+-- TooLarge         a file or answer is larger than any honest one
+-- Changed          the repository changed while it was read
+-- Unavailable      the network, the Hub or its rate limit; asking later may help (`.retry_after` seconds)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from analyzers.errors import BlendwatchError
from analyzers.records import RepoFacts, ShardHeader
from analyzers.sketch.shard_order import Wanted


class SourceError(BlendwatchError):
    """One upload could not be read; the text is the reason that is stored."""


class Missing(SourceError):
    """Deleted, private or never there: the Hub does not say which."""


class Gated(SourceError):
    """Its files are only for those whom its owner admits."""


class Disabled(SourceError):
    """Taken down by the Hub."""


class Renamed(SourceError):
    """It has another name now: `repo_id`."""

    def __init__(self, message: str, repo_id: str) -> None:
        super().__init__(message)
        self.repo_id = repo_id


class TooLarge(SourceError):
    """A file or answer is larger than any honest one."""


class Changed(SourceError):
    """The repository changed while it was read."""


class Unavailable(SourceError):
    """The network, the Hub or its rate limit; asking later may help. `retry_after`: seconds."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Bytes `begin` to `end` (exclusive, absolute) of one shard, or of the index."""

    shard: str
    begin: int
    end: int


class Source(Protocol):
    """One repository at one revision."""

    def facts(self) -> RepoFacts:
        """Return files with sizes, times and state; raises SourceError."""
        ...

    def file(self, path: str, limit: int) -> bytes | None:
        """Return a small file whole; None if it does not exist; TooLarge over `limit` bytes."""
        ...

    def headers(self, max_requests: int, wanted: Wanted | None = None) -> Mapping[str, ShardHeader]:
        """Return headers by shard path: of all shards if `max_requests` allow, else of some.

        These are the most wanted ones where an index names the shard of each tensor, else evenly spread ones.
        """
        ...

    def read(self, spans: Sequence[Span]) -> list[bytes]:
        """Return the bytes of each span, in order, each of exactly the requested length; raises SourceError."""
        ...

    def titles(self) -> Sequence[str]:
        """Return the titles of its newest commits, () where they are unknown. Raises SourceError."""
        ...

    def states(self, before: datetime) -> Sequence[Source] | None:
        """Return the repository at each commit before a time (UTC), newest first; None: unknown. Raises SourceError."""
        ...
