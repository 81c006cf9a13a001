"""Lookups of the owners of repositories at the Hub."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from analyzers.records import HubEvent


class Owners(Protocol):
    """Lookups of owners on the Hub. Both raise SourceError."""

    def of_owner(self, owner: str, least: int, most: int) -> Iterable[HubEvent]:
        """Return an organisation's models of `least` to `most` parameters, newest first."""
        ...

    def committers(self, repo_id: str) -> frozenset[str]:
        """Return the accounts behind a repository's newest commits, in small letters."""
        ...
