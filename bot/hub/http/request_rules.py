"""Rules for every request from this process to the Hub, also for requests of the client library."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from bot.hub.http.deadlines import Clock, Deadline, check_reading
from bot.hub.http.errors import Refused, said_at
from bot.hub.http.hosts import Hosts
from bot.hub.http.hub_client import constants, httpx
from bot.hub.http.meter import Meter, running
from bot.hub.http.rate_limit import RateLimiter
from bot.sources.purpose import PURPOSES, purpose

PATIENCE = 6  # timeouts in which an answer must be complete, however steadily it drips


class RequestRules:
    """Hooks for an HTTP client: known hosts only, the token to the Hub only, a time limit, a rate limit, a count.

    `timeout`: seconds without a byte before a request fails. `clock`: seconds. `offline`: no request is sent.
    """

    def __init__(
        self, hosts: Hosts, rate_limiter: RateLimiter, timeout: float, clock: Clock, *, offline: bool = False
    ) -> None:
        self.hosts = hosts
        self.rate_limiter = rate_limiter
        self.timeout = timeout
        self.offline = offline or constants.is_offline_mode()
        self.deadline = Deadline(clock, PATIENCE * timeout)
        self.skew: float | None = None  # seconds by which this machine's clock is ahead of the Hub's
        self.spent = {name: Meter() for name in PURPOSES}

    def client(self) -> httpx.Client:
        """Return an HTTP client that follows these rules."""
        client = httpx.Client(
            event_hooks={"request": [self.on_request], "response": [self.on_response]},
            follow_redirects=True,
            timeout=self.timeout,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=32),
            trust_env=not self.hosts.loopback,  # no proxy for requests to this machine
        )
        return self.deadline.apply_to(client)

    def on_request(self, request: httpx.Request) -> None:
        """Check, limit and count each request, each hop of a redirect and each page of a listing."""
        home = self.hosts.is_home(request.url)
        if not home and not self.hosts.is_storage(request.url):
            raise Refused(f"The Hub sends us to {request.url.host}, which is not a host of its own.")
        if self.offline:
            raise Refused("The Hub is not asked while HF_HUB_OFFLINE or --offline is set.")
        check_reading()
        if not home:
            request.headers.pop("Authorization", None)
        request.headers.pop("Cookie", None)
        # The library passes None, for no limit at all, in some of its calls.
        limits = request.extensions.get("timeout") or {}
        kept = {name: limits.get(name) or self.timeout for name in ("connect", "read", "write", "pool")}
        request.extensions = {**request.extensions, "timeout": kept}
        if home:
            self.rate_limiter.wait(request.url)
        for meter in self._meters():
            meter.add(requests=1)
        self.deadline.begin()

    def on_response(self, response: httpx.Response) -> None:
        """Note quota and clock from each answer's headers, and count its body."""
        if self.hosts.is_home(response.request.url):
            self.rate_limiter.note(response.headers)
            said = said_at(response.headers)
            self.skew = (datetime.now(UTC) - said).total_seconds() if said else self.skew
        if isinstance(response.stream, httpx.SyncByteStream):
            response.stream = _Counted(response.stream, self._meters())

    def _meters(self) -> tuple[Meter, ...]:
        """Return the meters of this request: the running ones and that of its purpose."""
        return (*running(), self.spent[purpose()])


class _Counted(httpx.SyncByteStream):
    """A body whose bytes are counted as they arrive."""

    def __init__(self, stream: httpx.SyncByteStream, meters: tuple[Meter, ...]) -> None:
        self._stream = stream
        self._meters = meters

    def __iter__(self) -> Iterator[bytes]:
        for part in self._stream:
            for meter in self._meters:
                meter.add(bytes_read=len(part))
            yield part

    def close(self) -> None:
        self._stream.close()
