"""What a listing's entry says has happened to a repository, held against what was seen of it before.

created    a repository that was not seen before, made since the feed is read
public     one that was not seen before although it is older than the feed's last reading: it was private, or missed
changed    one from before the watch began that was changed since
revision   a new commit of one that was seen
weights    weights were counted of one that had none when it was seen
renamed    one that had another name
deleted    one that is no longer there, or private again
returned   one that was deleted, and is there again
gated      one whose bytes are only for those whom its owner lets in
opened     one that was gated, and lets everybody in
gap        a reading of a feed that did not reach the one before it
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
    """What was seen of a repository last."""

    repo_id: str
    revision: str | None
    parameters: int | None
    gone: bool  # its last event says that it was deleted
    closed: bool = False  # or that it was gated


def identity_of(event: HubEvent) -> str:
    """Return what a repository is known by: the Hub's own id, else its name in lower case."""
    return event.hub_id or event.repo_id.lower()


def detect_events(
    event: HubEvent, known: Known | None, began_at: datetime | None, read_to: datetime | None
) -> Iterator[tuple[str, str]]:
    """Yield (kind, detail) of what an entry shows. `began_at`, `read_to`: of the feed of new repositories (UTC)."""
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
