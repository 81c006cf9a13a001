"""Where an upload is read from: the Hub or a folder, behind one small seam.

SourceError          one upload could not be read; its text is the reason that is stored
+-- Missing          deleted, private or never there: the Hub does not say which
+-- Gated            its bytes are only for those whom its owner lets in
+-- Disabled         taken down by the Hub
+-- Renamed          lives under another name now (`.repo_id`)
+-- TooLarge         a file or answer is larger than anything honest
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
    """Its bytes are only for those whom its owner lets in."""


class Disabled(SourceError):
    """Taken down by the Hub."""


class Renamed(SourceError):
    """It lives under another name now."""

    def __init__(self, message: str, repo_id: str) -> None:
        super().__init__(message)
        self.repo_id = repo_id


class TooLarge(SourceError):
    """A file or answer is larger than anything honest."""


class Changed(SourceError):
    """The repository changed while it was read."""


class Unavailable(SourceError):
    """The network, the Hub or its rate limit; asking later may help."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Bytes `begin` to `end` (exclusive, absolute) of one shard, or of the index of all."""

    shard: str
    begin: int
    end: int


class Source(Protocol):
    """One repository at one revision."""

    def facts(self) -> RepoFacts:
        """Files with sizes, times and state; raises SourceError."""
        ...

    def file(self, path: str, limit: int) -> bytes | None:
        """A small file whole; None if there is none of that name; TooLarge if it is over `limit` bytes."""
        ...

    def headers(self, max_requests: int, wanted: Wanted | None = None) -> Mapping[str, ShardHeader]:
        """Headers by shard path: of all shards if that is possible in `max_requests`, else of some.

        These are the most wanted ones, where an index says what lies where, else evenly spread ones.
        """
        ...

    def read(self, spans: Sequence[Span]) -> list[bytes]:
        """The bytes of each span, in order, each of exactly the length asked for; raises SourceError."""
        ...

    def titles(self) -> Sequence[str]:
        """The titles of its newest commits, () where nobody can say. Raises SourceError."""
        ...

    def states(self, before: datetime) -> Sequence[Source] | None:
        """The repository at each commit before a time (UTC), newest first; None: nobody can say. Raises SourceError."""
        ...
