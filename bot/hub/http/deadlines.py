"""Deadlines for one answer, whatever the server sends, and for the reading of one repository.

The HTTP client's own timeouts restart with every byte. So a server could keep it for ever: with headers that drip,
with one interim answer after another, or with a compressed body that decodes to nothing.
"""

from __future__ import annotations

import math
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from bot.hub.http.hub_client import SOCKET_OPTION, NetworkBackend, NetworkStream, httpx
from bot.sources.interface import Unavailable

Clock = Callable[[], float]  # in seconds

LONGEST_READING = 20 * 60.0  # seconds for the reading of one repository in one try

_ANSWER_ENDS: ContextVar[float] = ContextVar("answer_ends", default=math.inf)  # of this thread's request
_READING: ContextVar[Reading | None] = ContextVar("reading", default=None)


class Overdue(httpx.TransportError):
    """An answer did not end in time."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """Ends each answer of a client, headers included, within `seconds`, or raises Overdue."""

    clock: Clock
    seconds: float

    def apply_to(self, client: httpx.Client) -> httpx.Client:
        """Enforce the deadline on a client's answers; the sender of each request calls `begin` first."""
        transports: list[Any] = [client._transport, *client._mounts.values()]  # the mounts are for proxies
        for transport in transports:
            if transport is not None:  # None: no proxy for these addresses
                transport._pool._network_backend = _Backend(transport._pool._network_backend, self.clock)
        return client

    def begin(self) -> None:
        """Start the deadline of a request that this thread sends now and whose answer it reads."""
        _ANSWER_ENDS.set(self.clock() + self.seconds)


class Reading:
    """The time limit for reading one repository; the time between two calls does not count."""

    def __init__(self, repo_id: str, clock: Clock) -> None:
        self._repo_id = repo_id
        self._clock = clock
        self._left = LONGEST_READING
        self._ends = math.inf

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Count the time inside for this repository, also in worker threads with a copy of the context."""
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
        """Raise Unavailable after the time limit."""
        if self._clock() > self._ends:
            raise Unavailable(f"Reading {self._repo_id} took longer than {LONGEST_READING / 60:.0f} minutes.")


def check_reading() -> None:
    """Raise Unavailable after the time limit of the repository that is read now."""
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
    """One connection; bytes after the deadline raise Overdue."""

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
