"""List the branches of one repository and its commits: title and time of each, by its author's clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.hub.http.errors import Transient
from bot.hub.http.session import HttpSession, HubRequest
from bot.hub.json_fields import moment, revision, rows, text

MAX_COMMITS = 200
MAX_TITLE = 500  # characters
PAGES = 4
WHAT = "the commits"


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit. `at`: UTC, by its author's clock. `authors`: accounts, in small letters."""

    revision: str
    at: datetime
    title: str
    authors: tuple[str, ...] = ()


def commits(session: HttpSession, name: str, at: str, most: int) -> Sequence[Commit]:
    """Return at most `most` commits up to a branch or commit, newest first; skip those without id or time.

    Costs one request a page, PAGES at most. Raises SourceError.
    """
    found: list[Commit] = []
    ask = HubRequest(session.address("api", "models", name, "commits", at), WHAT, name)
    for _ in range(PAGES):
        content, answer = session.json(ask)
        if not isinstance(content, list):
            raise Transient(f"The Hub's answer for {WHAT} of {name} is not a list.")
        found += [commit for row in rows(content) if (commit := _commit(row))]
        following = session.next_page(answer)
        if following is None or len(found) >= min(most, MAX_COMMITS):
            break
        ask = HubRequest(following, WHAT, name)
    return found[: min(most, MAX_COMMITS)]


def branches(session: HttpSession, name: str) -> Sequence[str]:
    """Return the sorted names of a repository's branches except main, by one request; raises SourceError."""
    content, _ = session.json(HubRequest(session.address("api", "models", name, "refs"), "the branches", name))
    each = content.get("branches") if isinstance(content, dict) else None
    if not isinstance(each, list):
        raise Transient(f"The Hub's answer for the branches of {name} has no list of them.")
    return sorted({found for row in rows(each) if (found := text(row.get("name"))) and found != "main"})


def _commit(row: dict[str, object]) -> Commit | None:
    sha, when = revision(row.get("id")), moment(row.get("date"))
    if not sha or not when:
        return None
    each = row.get("authors")
    names = [text(author.get("user")) for author in rows(each)] if isinstance(each, list) else []
    return Commit(sha, when, (text(row.get("title")) or "")[:MAX_TITLE], tuple(n.lower() for n in names if n))
