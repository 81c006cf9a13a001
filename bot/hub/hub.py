"""The Hub as this project sees it: newest repositories, and one repository to be read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from types import TracebackType

from analyzers.records import HubEvent
from bot.hub.account import Account, Hello, hello, whoami
from bot.hub.commits import MAX_COMMITS, commits
from bot.hub.headers import OneAnswer
from bot.hub.http.errors import NoSuchAddress
from bot.hub.http.hosts import Hosts
from bot.hub.http.library import build_hf_headers, default_client_factory, set_client_factory
from bot.hub.http.meter import Meter, metered
from bot.hub.http.parallel import Crew
from bot.hub.http.rate_limit import Pace
from bot.hub.http.request_rules import Guard
from bot.hub.http.retry import Retry
from bot.hub.http.session import Wire
from bot.hub.listing import Page, Sort, of_base, of_owner, pages
from bot.hub.repo import HubRepo, Tools
from bot.sources.purpose import Purpose

ENDPOINT = "https://huggingface.co"
TIMEOUT = 20.0  # seconds


class Hub:
    """A connection to one Hub. Use it as a context manager; safe in threads.

    While it is open, the client library's own calls anywhere in the process obey the same rules (timeouts,
    the token's origin, the pace), because its shared client is replaced. One Hub is open at a time in a process:
    closing one gives the library its default client back.

    `timeout`: seconds without a byte. `max_workers`: requests at once for one repository. `clock` (seconds)
    and `sleep` are there for tests. `offline`: nothing is asked. ValueError for an endpoint or a token that cannot
    be one.
    """

    def __init__(
        self,
        endpoint: str = ENDPOINT,
        token: str | None = None,
        *,
        timeout: float = TIMEOUT,
        max_workers: int = 8,
        offline: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        hosts = Hosts.of(endpoint)
        self.endpoint = hosts.endpoint
        self._guard = Guard(hosts, Pace(clock, sleep), timeout, clock, offline=offline)
        headers = build_hf_headers(token=_checked(token) or False, library_name="blendwatch")
        self._wire = Wire(self._guard, Retry(sleep), headers)
        self._tools = Tools(self._wire, Crew(max_workers), OneAnswer(self._wire), clock)

    def __repr__(self) -> str:
        return f"Hub({self.endpoint!r})"

    def __enter__(self) -> Hub:
        set_client_factory(self._guard.client)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker threads and close every connection."""
        self._tools.crew.close()
        self._wire.close()
        set_client_factory(default_client_factory)

    def metered(self) -> AbstractContextManager[Meter]:
        """Count the requests and bytes of everything asked inside, by this thread and the workers it sets off."""
        return metered()

    @property
    def offline(self) -> bool:
        """Tell whether nothing is asked, by `offline` or by HF_HUB_OFFLINE."""
        return self._guard.offline

    @property
    def spent(self) -> Mapping[Purpose, Meter]:
        """What everything asked so far has cost, by its purpose."""
        return self._guard.spent

    def hello(self) -> Hello:
        """Ask for as little as can be; raises SourceError."""
        return hello(self._wire)

    def whoami(self) -> Account:
        """Whose token it is; one request. Raises SourceError, also for a token that is not valid."""
        return whoami(self._wire)

    def newest(
        self, since: datetime, *, sort: Sort = "created_at", max_pages: int = 10, page_size: int = 500
    ) -> Iterator[Page]:
        """Pages of repositories, newest first, until one reaches back to `since` (UTC); raises Unavailable.

        Entries older than `since` on the last page are given too. A last page that is not `complete` means
        that `max_pages` did not reach back to `since`.
        """
        return pages(self._wire, since, sort, max_pages, page_size)

    def of_base(self, base: str, least: int, most: int, page_size: int = 100) -> Iterator[HubEvent]:
        """Models that declare a base, of `least` to `most` parameters, newest first; raises Unavailable.

        A page is asked for when it is needed; there are at most `bot.hub.listing.MOST_PAGES`.
        """
        return of_base(self._wire, base, least, most, page_size)

    def of_owner(self, owner: str, least: int, most: int, page_size: int = 100) -> Iterator[HubEvent]:
        """Models of an organisation or account, of `least` to `most` parameters, newest first; raises Unavailable."""
        return of_owner(self._wire, owner, least, most, page_size)

    def committers(self, repo_id: str) -> frozenset[str]:
        """The accounts behind a repository's newest commits; none where these are not shown. Raises SourceError."""
        try:
            found = commits(self._wire, repo_id, "main", MAX_COMMITS)
        except NoSuchAddress:
            return frozenset()
        return frozenset(author for commit in found for author in commit.authors)

    @property
    def skew(self) -> float | None:
        """The seconds by which this machine's clock is ahead of the Hub's by its last answer; None: not known."""
        return self._guard.skew

    def used_up(self) -> dict[str, float]:
        """The seconds until each quota of the Hub that is used up comes back, by its name."""
        return self._guard.pace.used_up()

    def repo(self, repo_id: str, revision: str | None = None) -> HubRepo:
        """One repository at a branch or commit, main if none is named. Nothing is asked before it is needed."""
        return HubRepo(self._tools, repo_id, revision)


def _checked(token: str | None) -> str:
    """The token without white space around it; ValueError, which does not quote it, if it cannot be one."""
    stripped = (token or "").strip()
    if not stripped.isascii() or not stripped.isprintable() or " " in stripped:
        raise ValueError("The Hub's token has a character that no token has.")
    return stripped
