"""What a piece of work costs, counted where the requests are sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from analyzers.records import Cost


class Meter:
    """Requests sent (redirects and retries included) and body bytes received, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests = 0
        self._bytes_read = 0

    def add(self, requests: int = 0, bytes_read: int = 0) -> None:
        """Count some more."""
        with self._lock:
            self._requests += requests
            self._bytes_read += bytes_read

    @property
    def requests(self) -> int:
        """HTTP requests sent so far."""
        return self._requests

    @property
    def bytes_read(self) -> int:
        """Bytes of response bodies received so far, as they came over the wire."""
        return self._bytes_read

    def cost(self, seconds: float = 0.0) -> Cost:
        """As a value; the time is the caller's to measure, in seconds."""
        return Cost(self._requests, self._bytes_read, seconds)


_RUNNING: ContextVar[tuple[Meter, ...]] = ContextVar("running_meters", default=())


def running() -> tuple[Meter, ...]:
    """The meters of whoever is asking now."""
    return _RUNNING.get()


@contextmanager
def metered() -> Iterator[Meter]:
    """Count what is asked inside, here and in worker threads that were handed a copy of the context."""
    meter = Meter()
    token = _RUNNING.set((*_RUNNING.get(), meter))
    try:
        yield meter
    finally:
        _RUNNING.reset(token)
