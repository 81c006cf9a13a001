"""Discussions of a repository: the requests of huggingface_hub's create_, comment_ and get_repo_discussions.

They are the only requests here that write, and the only ones that carry the token for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from bot.hub.account import Account, whoami
from bot.hub.http.errors import Transient
from bot.hub.http.session import HttpSession, HubRequest
from bot.hub.json_fields import count, rows, table, text

PAGES = 10  # of a repository's discussions by one author, looked through for one


@dataclass(frozen=True, slots=True)
class Discussions:
    """The discussions that the owner of a token sees and opens. Each method raises SourceError."""

    wire: HttpSession
    token: str = field(repr=False)

    def own(self, repo_id: str, title: str) -> int | None:
        """Return the number of the discussion that this account opened under a title; None if there is none."""
        me = self._me()
        return next((number for number, said in self._by(repo_id, me) if said == title), None)

    def open(self, repo_id: str, title: str, body: str) -> int:
        """Open a discussion and return its number. Sent once: what became of it is seen by `own`."""
        said = {"title": title, "description": body, "pullRequest": False}
        ask = HubRequest(self._address(repo_id), "a discussion", repo_id, "POST", said=said)
        content, _ = self.wire.json_once(self._signed(ask))
        number = count(table(content).get("num"))
        if number is None:
            raise Transient(f"The Hub's answer for a discussion of {repo_id} has no number.")
        return number

    def comment(self, repo_id: str, number: int, body: str) -> None:
        """Comment on a discussion. Sent once: what became of it is seen by `has_said`."""
        ask = HubRequest(
            self._address(repo_id, str(number), "comment"), "a comment", repo_id, "POST", said={"comment": body}
        )
        self.wire.json_once(self._signed(ask))

    def has_said(self, repo_id: str, number: int, body: str) -> bool:
        """Tell whether this account has made a comment on a discussion."""
        said, me = self._details(repo_id, number), self._me()
        mine = (event for event in rows(said.get("events")) if event.get("type") == "comment" and _author(event) == me)
        return any(text(table(table(event.get("data")).get("latest")).get("raw")) == body for event in mine)

    def is_answered(self, repo_id: str, number: int) -> bool:
        """Tell whether somebody else has commented on a discussion, or it is not open any more."""
        said, me = self._details(repo_id, number), self._me()
        others = (_author(event) != me for event in rows(said.get("events")) if event.get("type") == "comment")
        return said.get("status") != "open" or any(others)

    def _details(self, repo_id: str, number: int) -> Mapping[str, object]:
        ask = HubRequest(self._address(repo_id, str(number)), "a discussion", repo_id, params={"diff": "1"})
        content, _ = self.wire.json(self._signed(ask))
        return table(content)

    def account(self) -> Account:
        """Return the token's owner and role."""
        return whoami(self.wire, self._headers())

    def _me(self) -> str:
        return self.account().name

    def _by(self, repo_id: str, author: str) -> Iterator[tuple[int, str]]:
        """Yield number and title of each discussion by an author."""
        seen = 0
        for page in range(PAGES):
            params = {"type": "discussion", "author": author, "p": str(page)}
            ask = HubRequest(self._address(repo_id), "the discussions", repo_id, params=params)
            content, _ = self.wire.json(self._signed(ask))
            found = rows(table(content).get("discussions"))
            for row in found:
                number = count(row.get("num"))
                if number is not None and _author(row) == author:
                    yield number, text(row.get("title")) or ""
            seen += len(found)
            if not found or seen >= (count(table(content).get("count")) or 0):
                return

    def _address(self, repo_id: str, *more: str) -> str:
        return self.wire.address("api", "models", repo_id, "discussions", *more)

    def _headers(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self.token}"}  # so spelled, it takes the place of the reading token

    def _signed(self, ask: HubRequest) -> HubRequest:
        return replace(ask, headers=self._headers())


def _author(row: Mapping[str, object]) -> str:
    return text(table(row.get("author")).get("name")) or ""
