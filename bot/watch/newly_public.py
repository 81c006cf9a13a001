"""Whether old weights could be seen all along: a change that is no commit may have made them public only now.

The Hub says when a repository was last modified, by a commit or in its settings, and when each commit was made. What
was private before the watch began cannot have been seen, and its weights are new to everybody, however old they are.
A commit within a minute hides this, and so does one after it was opened that comes before the next listing is read. A
commit that is pushed long after it was made looks like it, which costs one look at an old model.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from bot.hub.http.errors import NoSuchAddress
from bot.hub.repo import HubRepo

BY_A_COMMIT: Final = timedelta(minutes=1)  # that the Hub's clock may say later than an author's for one commit


def known_before(repo: HubRepo, began: datetime) -> bool:
    """Tell whether everybody could see the newest weights before the watch began; one request, for an old one that was
    changed. Raises SourceError.
    """
    facts = repo.facts()
    if facts.weights_at is None or facts.weights_at >= began:
        return False
    if facts.modified_at is None or facts.modified_at < began:
        return True
    try:
        newest = repo.commits(1)
    except NoSuchAddress:  # a mirror of the Hub may not show commits
        return True
    return bool(newest) and abs(facts.modified_at - newest[0].at) <= BY_A_COMMIT
