"""What is true of every request that leaves this process for the Hub, whoever built it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from bot.hub.http.deadlines import Clock, Deadline, check_reading
from bot.hub.http.errors import Refused, said_at
from bot.hub.http.hosts import Hosts
from bot.hub.http.library import constants, httpx
from bot.hub.http.meter import Meter, running
from bot.hub.http.rate_limit import Pace
from bot.sources.purpose import PURPOSES, purpose

PATIENCE = 6  # an answer must be complete in so many timeouts, however steadily it drips


class Guard:
    """Hooks for an HTTP client: only known hosts, the token only home, a time limit, a pace, and a count.

    `timeout`: seconds without a byte after which a request is given up. `clock`: seconds. `offline`: nothing is asked.
    """

    def __init__(self, hosts: Hosts, pace: Pace, timeout: float, clock: Clock, *, offline: bool = False) -> None:
        self.hosts = hosts
        self.pace = pace
        self.timeout = timeout
        self.offline = offline or constants.is_offline_mode()
        self.deadline = Deadline(clock, PATIENCE * timeout)
        self.skew: float | None = None  # seconds by which this machine's clock is ahead of the Hub's
        self.spent = {name: Meter() for name in PURPOSES}

    def client(self) -> httpx.Client:
        """A client on which all of this holds."""
        client = httpx.Client(
            event_hooks={"request": [self.on_request], "response": [self.on_response]},
            follow_redirects=True,
            timeout=self.timeout,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=32),
            trust_env=not self.hosts.loopback,  # no proxy stands between us and this machine
        )
        return self.deadline.kept_by(client)

    def on_request(self, request: httpx.Request) -> None:
        """Before each request, each hop of a redirect and each page of a listing."""
        home = self.hosts.is_home(request.url)
        if not home and not self.hosts.is_storage(request.url):
            raise Refused(f"The Hub sends us to {request.url.host}, which is no host of its own.")
        if self.offline:
            raise Refused("The Hub is not asked while HF_HUB_OFFLINE or --offline is set.")
        check_reading()
        if not home:
            request.headers.pop("Authorization", None)
        request.headers.pop("Cookie", None)
        # The library hands over None, for no limit at all, in some of its calls.
        limits = request.extensions.get("timeout") or {}
        kept = {name: limits.get(name) or self.timeout for name in ("connect", "read", "write", "pool")}
        request.extensions = {**request.extensions, "timeout": kept}
        if home:
            self.pace.wait(request.url)
        for meter in self._meters():
            meter.add(requests=1)
        self.deadline.begin()

    def on_response(self, response: httpx.Response) -> None:
        """After each answer's headers have come."""
        if self.hosts.is_home(response.request.url):
            self.pace.note(response.headers)
            said = said_at(response.headers)
            self.skew = (datetime.now(UTC) - said).total_seconds() if said else self.skew
        if isinstance(response.stream, httpx.SyncByteStream):
            response.stream = _Counted(response.stream, self._meters())

    def _meters(self) -> tuple[Meter, ...]:
        """Whoever counts what is asked now: those that run, and the one of all that its purpose has cost."""
        return (*running(), self.spent[purpose()])


class _Counted(httpx.SyncByteStream):
    """A body whose bytes are counted as they come."""

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
