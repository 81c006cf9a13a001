"""Events of a repository, found by comparing a listing's entry with earlier ones.

created    a repository not seen before, created since the feed is read
public     not seen before, although created before the feed's last reading: it was private, missed or small
changed    created before the watch began, changed since
revision   a new commit of a known repository
weights    weights were counted of a repository without weights
renamed    another name than before
deleted    no longer there, or private again
returned   there again after a deletion
gated      bytes only for people whom the owner lets in
opened     open to everybody after being gated
gap        a reading of a feed did not reach the one before it
refilled   the end of a gap
left       a gap that could not be filled, and will not be
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from analyzers.records import HubEvent

KINDS: Final = (
    "created",
    "public",
    "changed",
    "revision",
    "weights",
    "renamed",
    "deleted",
    "returned",
    "gated",
    "opened",
    "gap",
    "refilled",
    "left",
)


@dataclass(frozen=True, slots=True)
class Known:
    """Last known state of a repository."""

    repo_id: str
    revision: str | None
    parameters: int | None
    gone: bool  # True if its last event is a deletion
    closed: bool = False  # True if its last event is gating


def identity_of(event: HubEvent) -> str:
    """Return the identity of a repository: the Hub's own id, else its name in lower case."""
    return event.hub_id or event.repo_id.lower()


def detect_events(
    event: HubEvent, known: Known | None, began_at: datetime | None, read_to: datetime | None
) -> Iterator[tuple[str, str]]:
    """Yield (kind, detail) of an entry's events. `began_at`, `read_to`: of the feed of new repositories (UTC)."""
    if known is None:
        yield _first_seen(event, began_at, read_to), event.revision or ""
        return
    if known.gone:
        yield "returned", event.revision or ""
    if known.closed and not event.gated:
        yield "opened", event.revision or ""
    if known.repo_id != event.repo_id:
        yield "renamed", f"{known.repo_id} to {event.repo_id}"
    if event.revision and known.revision and known.revision != event.revision:
        yield "revision", event.revision
    if known.parameters is None and event.parameters is not None:
        yield "weights", f"{event.parameters:,} parameters"


def _first_seen(event: HubEvent, began_at: datetime | None, read_to: datetime | None) -> str:
    if began_at is not None and event.created_at < began_at:
        return "changed"
    return "public" if read_to is not None and event.created_at < read_to else "created"
