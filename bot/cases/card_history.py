"""When a card was changed: the commits since an alert, and what the card said at each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import takewhile
from typing import Final

from analyzers.card.history import Event, Revision, read_history
from bot.hub import Hub
from bot.hub.commits import Commit
from bot.known.models import MAX_CARD_BYTES
from bot.sources.interface import SourceError, Unavailable

MAX_COMMITS: Final = 50  # looked through, newest first
MAX_CARDS: Final = 4  # read of them, oldest first, and the one that was told of; each costs some four requests


def since(
    hub: Hub, repo_id: str, told: str, alert_at: datetime, names: Mapping[str, str] | None = None
) -> tuple[Event, ...]:
    """Return what changed since the revision of the last note, which comes first. Raises SourceError."""
    found = hub.repo(repo_id).commits(MAX_COMMITS)
    newer = list(takewhile(lambda c: c.revision != told, found))
    first = [c for c in found if c.revision == told]
    read = {c.revision for c in [*first, *newer[::-1][:MAX_CARDS]]}
    revisions = [_revision(hub, repo_id, c, read=c.revision in read) for c in [*first, *newer[::-1]]]
    return read_history(revisions, alert_at, names, repo_id, complete=False)


def _revision(hub: Hub, repo_id: str, commit: Commit, *, read: bool) -> Revision:
    card: str | None = None
    if read:
        try:
            data = hub.repo(repo_id, commit.revision).file("README.md", MAX_CARD_BYTES)
            card = "" if data is None else data.decode("utf-8", "replace")
        except Unavailable:
            raise
        except SourceError:  # a history that was rewritten: this state is gone
            card = None
    return Revision(commit.revision, commit.at, commit.title, card)
