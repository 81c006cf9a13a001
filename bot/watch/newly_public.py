"""Detect old weights made public only recently, by a settings change rather than a commit.

The Hub gives the time of a repository's last change, by a commit or in its settings, and the time of each commit. Old
weights that were private before the watch began are new to the public. A commit within a minute of the opening hides
this, and so does a later one before the next reading of the listing. A commit that is pushed long after it was made
looks like an opening, which costs one look at an old model.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from bot.hub.http.errors import NoSuchAddress
from bot.hub.repo import HubRepo

BY_A_COMMIT: Final = timedelta(minutes=1)  # by which the Hub's clock may be ahead of the author's for one commit


def known_before(repo: HubRepo, began: datetime) -> bool:
    """Return True if the newest weights were public before the watch began. Raises SourceError.

    Costs one request for an old repository that was changed since.
    """
    facts = repo.facts()
    if facts.weights_at is None or facts.weights_at >= began:
        return False
    if facts.modified_at is None or facts.modified_at < began:
        return True
    try:
        newest = repo.commits(1)
    except NoSuchAddress:  # a mirror of the Hub may hide commits
        return True
    return bool(newest) and abs(facts.modified_at - newest[0].at) <= BY_A_COMMIT
