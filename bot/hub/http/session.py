"""Send one request and read its answer, with bounds on size, time, hops and tries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeVar
from urllib.parse import quote

from bot.hub.http.deadlines import Overdue
from bot.hub.http.errors import Refused, Transient, failure, no_connection
from bot.hub.http.hub_client import httpx
from bot.hub.http.request_rules import RequestRules
from bot.hub.http.retry import Retry
from bot.sources.interface import TooLarge
from bot.sources.untrusted_json import parsed

T = TypeVar("T")

MAX_HOPS = 5
SUCCESS = frozenset({200, 201})
JSON_BYTES = 64 << 20  # of an answer of the API; the headers of 100,000 tensors are about 10 MB
IDLE_BYTES = 64 << 10  # of an unused answer that are read to keep the connection


@dataclass(frozen=True, slots=True)
class HubRequest:
    """One request. `what` and `repo_id`: for the sentence of an error; `limit`: bytes of the body."""

    url: str | httpx.URL
    what: str
    repo_id: str = ""
    method: str = "GET"
    params: Mapping[str, str | list[str]] = field(default_factory=dict)
    form: Mapping[str, str | list[str]] | None = None
    said: Mapping[str, object] | None = None  # sent as JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    limit: int = JSON_BYTES
    elsewhere: Literal["refuse", "stop", "follow"] = "refuse"  # at a redirect to another origin

    def __str__(self) -> str:
        return f"{self.what} of {self.repo_id}" if self.repo_id else self.what


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer. `body`: decoded; `url`: after redirects."""

    status: int
    headers: httpx.Headers
    body: bytes
    url: httpx.URL
    next_link: str | None = None  # the next page of a list, by the Hub


class HttpSession:
    """The Hub's API and files over HTTP. Every error is a SourceError."""

    def __init__(self, rules: RequestRules, retry: Retry, headers: Mapping[str, str]) -> None:
        self.hosts = rules.hosts
        self.retry = retry
        self._timeout = rules.timeout
        self._patience = rules.deadline.seconds
        self._headers = dict(headers)  # with the token, which RequestRules removes for other hosts
        self._client = rules.client()

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def address(self, *parts: str) -> str:
        """Return an address at the Hub with each part quoted; slashes in parts stay."""
        return "/".join([self.hosts.endpoint, *(quote(p, safe="/") for p in parts)])

    def get(self, ask: HubRequest) -> Answer:
        """Return the answer after retries."""
        return self.retry(lambda: self.once(ask))

    def json(self, ask: HubRequest) -> tuple[object, Answer]:
        """The answer's JSON; Unavailable if it is none."""
        return self.retry(lambda: self.json_once(ask))

    def json_once(self, ask: HubRequest) -> tuple[object, Answer]:
        """The JSON of a single try; Unavailable if it is none."""
        answer = self.once(ask)
        try:
            return parsed(answer.body, f"The answer for {ask}"), answer
        except ValueError as error:
            raise Transient(f"The Hub's answer for {ask} is not JSON.") from error

    def next_page(self, answer: Answer) -> httpx.URL | None:
        """Return the address of a list's next page; None at its end; Unavailable if it is not at the Hub."""
        if not answer.next_link:
            return None
        try:
            following = answer.url.join(answer.next_link)
        except httpx.InvalidURL as error:
            raise Refused("The Hub's list goes on at no address.") from error
        if not self.hosts.is_home(following):
            raise Refused(f"The Hub's list goes on at {following.host}, which is not the Hub.")
        return following

    def once(self, ask: HubRequest) -> Answer:
        """Return the answer of a single try."""
        with self.opened(ask) as response:
            if response.status_code not in SUCCESS:
                self.drain(response)
                raise failure(response.status_code, response.headers, ask.repo_id, ask.what)
            link = response.links.get("next", {}).get("url")
            return Answer(response.status_code, response.headers, self.body(response, ask), response.url, link)

    @contextmanager
    def opened(self, ask: HubRequest) -> Iterator[httpx.Response]:
        """Yield an answer before its body is read, after the redirects that `ask.elsewhere` allows.

        With "stop", a redirect to another origin is itself the answer.
        """
        with self._plain_errors(ask):
            request = self._client.build_request(
                ask.method,
                ask.url,
                params=dict(ask.params) or None,
                data=dict(ask.form) if ask.form is not None else None,
                json=dict(ask.said) if ask.said is not None else None,
                headers={**self._headers, **ask.headers},
            )
            for _ in range(MAX_HOPS + 1):
                response = self._client.send(request, stream=True, follow_redirects=False)
                try:
                    hop = self._next_hop(response, ask)
                    if hop is None:
                        yield response
                        return
                    self.drain(response)
                    request = hop
                finally:
                    response.close()
            raise Transient(f"The Hub redirects in circles when asked for {ask}.")

    def _next_hop(self, response: httpx.Response, ask: HubRequest) -> httpx.Request | None:
        """Return the request that follows a redirect; None where this is the answer."""
        if not response.has_redirect_location:
            return None
        hop = response.next_request
        if hop is None:
            raise Transient(f"The Hub redirects to no address when asked for {ask}.")
        if hop.method != ask.method:  # a redirected POST would continue as a GET, which requests something else
            raise Transient(f"The Hub redirects us away from where {ask} is asked for.")
        if self.hosts.is_home(hop.url):
            return hop
        if ask.elsewhere == "refuse" or not self.hosts.is_storage(hop.url):
            raise Refused(f"The Hub redirects us to {hop.url.host}, which is not a host of its own, for {ask}.")
        return hop if ask.elsewhere == "follow" else None

    def body(self, response: httpx.Response, ask: HubRequest) -> bytes:
        """Return the whole body; TooLarge as soon as it exceeds the limit."""
        if _declared(response) > ask.limit:
            raise TooLarge(f"The answer for {ask} is larger than {ask.limit:,} bytes.")
        parts, total = [], 0
        for part in response.iter_bytes():
            total += len(part)
            if total > ask.limit:
                raise TooLarge(f"The answer for {ask} is larger than {ask.limit:,} bytes.")
            parts.append(part)
        return b"".join(parts)

    def exactly(self, response: httpx.Response, ask: HubRequest, length: int) -> bytes:
        """Return a body of exactly `length` bytes, else raise Unavailable; never read far beyond."""
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise Transient(f"The storage encoded the bytes asked for from {ask}.")
        parts, total = [], 0
        for part in response.iter_raw():
            total += len(part)
            if total > length:
                break
            parts.append(part)
        if total != length:
            comparison = "more" if total > length else "fewer"
            raise Transient(f"The storage sent {comparison} than the {length:,} bytes asked for from {ask}.")
        return b"".join(parts)

    def drain(self, response: httpx.Response) -> None:
        """Read an unused body if it is short, so that the connection can be reused."""
        if _declared(response) > IDLE_BYTES:
            return
        total = 0
        for part in response.iter_raw():
            total += len(part)
            if total > IDLE_BYTES:
                return

    @contextmanager
    def _plain_errors(self, ask: HubRequest) -> Iterator[None]:
        # The library's own texts are left out: they may quote headers, and addresses that are keys.
        try:
            yield
        except Overdue as error:
            raise Transient(f"The answer for {ask} did not end in {self._patience:g} s.") from error
        except httpx.TimeoutException as error:
            raise Transient(f"The Hub did not answer in {self._timeout:g} s when asked for {ask}.") from error
        except (httpx.ConnectError, httpx.ProxyError) as error:
            why = no_connection(error, httpx.URL(ask.url), direct=self.hosts.loopback)
            raise Transient(f"There is no connection to the Hub for {ask}: {why}.") from error
        except (httpx.RequestError, httpx.InvalidURL) as error:
            name = type(error).__name__
            raise Transient(f"The connection to the Hub failed ({name}) when it was asked for {ask}.") from error


def _declared(response: httpx.Response) -> int:
    """Return the Content-Length; 0 without one."""
    said = response.headers.get("Content-Length", "")
    return int(said) if said.isdecimal() and len(said) < 20 else 0
