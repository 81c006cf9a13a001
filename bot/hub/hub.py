"""The client of one Hub: listings of repositories, and repositories to read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from types import TracebackType

from analyzers.records import HubEvent
from bot.hub.account import Account, Hello, hello, whoami
from bot.hub.commits import MAX_COMMITS, commits
from bot.hub.discussions import Discussions
from bot.hub.headers import HeaderEndpoint
from bot.hub.http.errors import NoSuchAddress
from bot.hub.http.hosts import Hosts
from bot.hub.http.hub_client import build_hf_headers, default_client_factory, set_client_factory
from bot.hub.http.meter import Meter, metered
from bot.hub.http.parallel import Parallel
from bot.hub.http.rate_limit import RateLimiter
from bot.hub.http.request_rules import RequestRules
from bot.hub.http.retry import Retry
from bot.hub.http.session import HttpSession
from bot.hub.listing import Page, Sort, every, of_base, of_owner, pages
from bot.hub.repo import HubRepo, Tools
from bot.sources.purpose import Purpose

ENDPOINT = "https://huggingface.co"
TIMEOUT = 20.0  # seconds


class Hub:
    """A connection to one Hub. Use it as a context manager; safe in threads.

    While it is open, the client library's own calls anywhere in the process obey the same rules (timeouts,
    the token's origin, the rate limit), because its shared client is replaced. One Hub is open at a time in a process:
    closing one gives the library its default client back.

    `timeout`: seconds without a byte. `max_workers`: requests at once for one repository. `clock` (seconds)
    and `sleep`: for tests. `offline`: no request is sent. Raises ValueError for an invalid endpoint or token.
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
        self._rules = RequestRules(hosts, RateLimiter(clock, sleep), timeout, clock, offline=offline)
        headers = build_hf_headers(token=_checked(token) or False, library_name="blendwatch")
        self._session = HttpSession(self._rules, Retry(sleep), headers)
        self._tools = Tools(self._session, Parallel(max_workers), HeaderEndpoint(self._session), clock)

    def __repr__(self) -> str:
        return f"Hub({self.endpoint!r})"

    def __enter__(self) -> Hub:
        set_client_factory(self._rules.client)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker threads and close every connection."""
        self._tools.parallel.close()
        self._session.close()
        set_client_factory(default_client_factory)

    def metered(self) -> AbstractContextManager[Meter]:
        """Count the requests and bytes inside, of this thread and the workers that it starts."""
        return metered()

    @property
    def offline(self) -> bool:
        """Return True if no request is sent, by `offline` or by HF_HUB_OFFLINE."""
        return self._rules.offline

    @property
    def spent(self) -> Mapping[Purpose, Meter]:
        """Return the cost of all requests so far, by purpose."""
        return self._rules.spent

    def hello(self) -> Hello:
        """Send one minimal request; raises SourceError."""
        return hello(self._session)

    def whoami(self) -> Account:
        """Return the account of the token by one request. Raises SourceError, also for an invalid token."""
        return whoami(self._session)

    def newest(
        self, since: datetime, *, sort: Sort = "created_at", max_pages: int = 10, page_size: int = 500
    ) -> Iterator[Page]:
        """Yield pages of repositories, newest first, until one reaches back to `since` (UTC); raises Unavailable.

        The last page may hold entries older than `since`. If it is not `complete`, `max_pages` did not reach back to
        `since`.
        """
        return pages(self._session, since, sort, max_pages, page_size)

    def of_base(self, base: str, least: int, most: int, page_size: int = 100) -> Iterator[HubEvent]:
        """Yield models that declare a base, of `least` to `most` parameters, newest first; raises Unavailable.

        Pages are requested when needed, at most `bot.hub.listing.MOST_PAGES`.
        """
        return of_base(self._session, base, least, most, page_size)

    def of_owner(self, owner: str, least: int, most: int, page_size: int = 100) -> Iterator[HubEvent]:
        """Yield models of an owner, of `least` to `most` parameters, newest first; raises Unavailable."""
        return of_owner(self._session, owner, least, most, page_size)

    def share_quota(self, processes: int) -> None:
        """Take an equal part of the quota from now on; `processes` use it, this one included."""
        self._rules.rate_limiter.sharers = processes

    def every(self, what: str, filters: Mapping[str, str], least: int) -> Iterator[HubEvent]:
        """Yield all models with these filters and `least` parameters, newest first; raises Unavailable.

        `what`: names them in an error. A model whose size the Hub does not state is left out.
        """
        return every(self._session, what, filters, least)

    def committers(self, repo_id: str) -> frozenset[str]:
        """Return the authors of a repository's newest commits; none where the Hub hides them. Raises SourceError."""
        try:
            found = commits(self._session, repo_id, "main", MAX_COMMITS)
        except NoSuchAddress:
            return frozenset()
        return frozenset(author for commit in found for author in commit.authors)

    def discussions(self, token: str) -> Discussions:
        """Return the discussions of repositories, as the owner of a token that may write; ValueError for no token."""
        return Discussions(self._session, _checked(token))

    @property
    def skew(self) -> float | None:
        """Return the seconds that this machine's clock is ahead of the Hub's last answer; None if unknown."""
        return self._rules.skew

    def used_up(self) -> dict[str, float]:
        """Return the seconds until each used-up quota of the Hub resets, by its name."""
        return self._rules.rate_limiter.used_up()

    def repo(self, repo_id: str, revision: str | None = None) -> HubRepo:
        """Return a repository at a branch or commit (None: main). Requests are sent when needed."""
        return HubRepo(self._tools, repo_id, revision)


def _checked(token: str | None) -> str:
    """Return the token without surrounding white space; ValueError, which does not quote it, if it is invalid."""
    stripped = (token or "").strip()
    if not stripped.isascii() or not stripped.isprintable() or " " in stripped:
        raise ValueError("The Hub's token has a character that no token has.")
    return stripped
