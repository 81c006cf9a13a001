"""Sending one request and reading its answer: bounded in size, time, hops and tries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeVar
from urllib.parse import quote

from bot.hub.http.deadlines import Overdue
from bot.hub.http.errors import Refused, Transient, failure, no_connection
from bot.hub.http.library import httpx
from bot.hub.http.request_rules import Guard
from bot.hub.http.retry import Retry
from bot.sources.interface import TooLarge
from bot.sources.untrusted_json import parsed

T = TypeVar("T")

MAX_HOPS = 5
JSON_BYTES = 64 << 20  # of an answer of the API; the headers of 100,000 tensors are about 10 MB
IDLE_BYTES = 64 << 10  # of an answer nobody wants: read to keep the connection, up to here


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. `what` and `repo_id` are for the sentence of an error; `limit` is in bytes of the body."""

    url: str | httpx.URL
    what: str
    repo_id: str = ""
    method: str = "GET"
    params: Mapping[str, str | list[str]] = field(default_factory=dict)
    form: Mapping[str, str | list[str]] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    limit: int = JSON_BYTES
    elsewhere: Literal["refuse", "stop", "follow"] = "refuse"  # at a redirect to another origin

    def __str__(self) -> str:
        return f"{self.what} of {self.repo_id}" if self.repo_id else self.what


@dataclass(frozen=True, slots=True)
class Answer:
    """A success, whole. `body` is decoded, `url` the address that gave it in the end."""

    status: int
    headers: httpx.Headers
    body: bytes
    url: httpx.URL
    next_link: str | None = None  # where a list goes on, as the Hub says


class Wire:
    """The Hub's API and files over HTTP. Every error is a SourceError."""

    def __init__(self, guard: Guard, retry: Retry, headers: Mapping[str, str]) -> None:
        self.hosts = guard.hosts
        self.retry = retry
        self._timeout = guard.timeout
        self._patience = guard.deadline.seconds
        self._headers = dict(headers)  # the token is in here; the guard takes it out on the way elsewhere
        self._client = guard.client()

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def address(self, *parts: str) -> str:
        """An address at the Hub, with each part quoted; a slash in a part stays one."""
        return "/".join([self.hosts.endpoint, *(quote(p, safe="/") for p in parts)])

    def get(self, ask: Ask) -> Answer:
        """The answer, after as many tries as it is worth."""
        return self.retry(lambda: self.once(ask))

    def json(self, ask: Ask) -> tuple[object, Answer]:
        """The answer's JSON; Unavailable if it is none."""
        return self.retry(lambda: self._json_once(ask))

    def next_page(self, answer: Answer) -> httpx.URL | None:
        """Where a list goes on; None at its end; Unavailable if that is not at the Hub."""
        if not answer.next_link:
            return None
        try:
            following = answer.url.join(answer.next_link)
        except httpx.InvalidURL as error:
            raise Refused("The Hub's list goes on at no address.") from error
        if not self.hosts.is_home(following):
            raise Refused(f"The Hub's list goes on at {following.host}, which is not the Hub.")
        return following

    def _json_once(self, ask: Ask) -> tuple[object, Answer]:
        answer = self.once(ask)
        try:
            return parsed(answer.body, f"The answer for {ask}"), answer
        except ValueError as error:
            raise Transient(f"The Hub's answer for {ask} is no JSON.") from error

    def once(self, ask: Ask) -> Answer:
        """The answer of a single try."""
        with self.opened(ask) as response:
            if response.status_code != 200:
                self.drain(response)
                raise failure(response.status_code, response.headers, ask.repo_id, ask.what)
            link = response.links.get("next", {}).get("url")
            return Answer(response.status_code, response.headers, self.body(response, ask), response.url, link)

    @contextmanager
    def opened(self, ask: Ask) -> Iterator[httpx.Response]:
        """One answer with its body still to be read, after following redirects as `ask.elsewhere` allows.

        With "stop", a redirect to another origin is itself the answer.
        """
        with self._plain_errors(ask):
            request = self._client.build_request(
                ask.method,
                ask.url,
                params=dict(ask.params) or None,
                data=dict(ask.form) if ask.form is not None else None,
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

    def _next_hop(self, response: httpx.Response, ask: Ask) -> httpx.Request | None:
        """The request that follows a redirect; None where this is the answer."""
        if not response.has_redirect_location:
            return None
        hop = response.next_request
        if hop is None:
            raise Transient(f"The Hub redirects to no address when asked for {ask}.")
        if hop.method != ask.method:  # a POST that is redirected goes on as a GET, which asks for something else
            raise Transient(f"The Hub redirects us away from where {ask} is asked for.")
        if self.hosts.is_home(hop.url):
            return hop
        if ask.elsewhere == "refuse" or not self.hosts.is_storage(hop.url):
            raise Refused(f"The Hub redirects us to {hop.url.host}, which is no host of its own, for {ask}.")
        return hop if ask.elsewhere == "follow" else None

    def body(self, response: httpx.Response, ask: Ask) -> bytes:
        """The whole body; TooLarge as soon as it is known to be over the limit."""
        if _declared(response) > ask.limit:
            raise TooLarge(f"The answer for {ask} is larger than {ask.limit:,} bytes.")
        parts, total = [], 0
        for part in response.iter_bytes():
            total += len(part)
            if total > ask.limit:
                raise TooLarge(f"The answer for {ask} is larger than {ask.limit:,} bytes.")
            parts.append(part)
        return b"".join(parts)

    def exactly(self, response: httpx.Response, ask: Ask, length: int) -> bytes:
        """The body if it has `length` bytes, never reading far beyond; else Unavailable."""
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
        """Read a body that nobody wants, if it is short, so that the connection can be used again."""
        if _declared(response) > IDLE_BYTES:
            return
        total = 0
        for part in response.iter_raw():
            total += len(part)
            if total > IDLE_BYTES:
                return

    @contextmanager
    def _plain_errors(self, ask: Ask) -> Iterator[None]:
        # The library's own texts are left out: they may quote addresses that are keys, or headers.
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
    """Content-Length; 0 where it is not said."""
    said = response.headers.get("Content-Length", "")
    return int(said) if said.isdecimal() and len(said) < 20 else 0
