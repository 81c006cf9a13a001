"""Discussions on the loopback Hub: listed, opened and shown in the shapes that huggingface_hub reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from demo.hub.answers import Row, stamp

A_PAGE = 15


@dataclass(slots=True)
class Discussion:
    """One discussion; `comments`: (author, text) of each, that which opened it first."""

    num: int
    title: str
    author: str
    comments: list[tuple[str, str]]
    status: str = "open"
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def row(self, repo_id: str) -> Row:
        """Return it as a list of discussions has it."""
        return {
            "num": self.num,
            "title": self.title,
            "author": {"name": self.author},
            "status": self.status,
            "isPullRequest": False,
            "createdAt": stamp(self.at),
            "repo": {"name": repo_id, "type": "model"},
        }

    def details(self, repo_id: str) -> Row:
        """Return it with what was said."""
        events = [
            {
                "id": f"{self.num:012x}{place:012x}",
                "type": "comment",
                "createdAt": stamp(self.at),
                "author": {"name": author},
                "data": {"edited": False, "hidden": False, "latest": {"raw": text}},
            }
            for place, (author, text) in enumerate(self.comments)
        ]
        return {**self.row(repo_id), "events": events}


def discussion_page(found: list[Discussion], repo_id: str, author: str | None, page: int) -> Row:
    """Return one page of a repository's discussions, the newest first."""
    mine = [each for each in reversed(found) if author in (None, each.author)]
    begin = page * A_PAGE
    rows = [each.row(repo_id) for each in mine[begin : begin + A_PAGE]]
    return {"discussions": rows, "count": len(mine), "start": begin}
