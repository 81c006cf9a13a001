"""When to stop: one answer ends in time whatever comes in its place, and so does the reading of one repository.

The HTTP client's own limits begin anew with every byte. So a server may keep it for ever: with headers
that drip, with one interim answer after another, or with a compressed body that decodes to nothing.
"""

from __future__ import annotations

import math
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from bot.hub.http.library import SOCKET_OPTION, NetworkBackend, NetworkStream, httpx
from bot.sources.interface import Unavailable

Clock = Callable[[], float]  # in seconds

LONGEST_READING = 20 * 60.0  # seconds that one repository may be read for in one try

_ANSWER_ENDS: ContextVar[float] = ContextVar("answer_ends", default=math.inf)  # of what this thread has asked for
_READING: ContextVar[Reading | None] = ContextVar("reading", default=None)


class Overdue(httpx.TransportError):
    """An answer did not end in time."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """Each answer that a client gets ends in so many `seconds`, headers and all, or with Overdue."""

    clock: Clock
    seconds: float

    def kept_by(self, client: httpx.Client) -> httpx.Client:
        """Let a client keep it; whoever sends a request says `begin` before."""
        transports: list[Any] = [client._transport, *client._mounts.values()]  # the latter for proxies
        for transport in transports:
            if transport is not None:  # where no proxy is to be used
                transport._pool._network_backend = _Backend(transport._pool._network_backend, self.clock)
        return client

    def begin(self) -> None:
        """A request is sent now, by this thread, which reads the answer too."""
        _ANSWER_ENDS.set(self.clock() + self.seconds)


class Reading:
    """The time that one repository is read for; what is done between two calls does not count."""

    def __init__(self, repo_id: str, clock: Clock) -> None:
        self._repo_id = repo_id
        self._clock = clock
        self._left = LONGEST_READING
        self._ends = math.inf

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Whatever is asked inside, here and in worker threads with a copy of the context, is for this repository."""
        if _READING.get() is self:
            yield
            return
        self._ends = self._clock() + self._left
        token = _READING.set(self)
        try:
            yield
        finally:
            _READING.reset(token)
            self._left = self._ends - self._clock()

    def check(self) -> None:
        """Raise Unavailable if the time is over."""
        if self._clock() > self._ends:
            raise Unavailable(f"Reading {self._repo_id} took longer than {LONGEST_READING / 60:.0f} minutes.")


def check_reading() -> None:
    """Raise Unavailable if the time is over for the repository that is read now."""
    reading = _READING.get()
    if reading is not None:
        reading.check()


@dataclass(frozen=True, slots=True)
class _Backend(NetworkBackend):
    """Connections whose answers end in time."""

    real: NetworkBackend
    clock: Clock

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        return _Stream(self.real.connect_tcp(host, port, timeout, local_address, socket_options), self.clock)


@dataclass(frozen=True, slots=True)
class _Stream(NetworkStream):
    """One connection; what comes on it too late is not taken."""

    real: NetworkStream
    clock: Clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        content = self.real.read(max_bytes, timeout)
        if self.clock() > _ANSWER_ENDS.get():
            raise Overdue("the answer did not end in time")
        return content

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.real.write(buffer, timeout)

    def close(self) -> None:
        self.real.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> NetworkStream:
        return _Stream(self.real.start_tls(ssl_context, server_hostname, timeout), self.clock)

    def get_extra_info(self, info: str) -> Any:
        return self.real.get_extra_info(info)
