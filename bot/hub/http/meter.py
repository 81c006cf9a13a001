"""Count the cost of a piece of work where its requests are sent."""

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
        """Add to the counts."""
        with self._lock:
            self._requests += requests
            self._bytes_read += bytes_read

    @property
    def requests(self) -> int:
        """Return the HTTP requests sent so far."""
        return self._requests

    @property
    def bytes_read(self) -> int:
        """Return the bytes of response bodies received so far, as transferred."""
        return self._bytes_read

    def cost(self, seconds: float = 0.0) -> Cost:
        """Return the counts as a value with the caller's time in seconds."""
        return Cost(self._requests, self._bytes_read, seconds)


_RUNNING: ContextVar[tuple[Meter, ...]] = ContextVar("running_meters", default=())


def running() -> tuple[Meter, ...]:
    """Return the meters that count in this context."""
    return _RUNNING.get()


@contextmanager
def metered() -> Iterator[Meter]:
    """Count the requests inside, here and in worker threads with a copy of the context."""
    meter = Meter()
    token = _RUNNING.set((*_RUNNING.get(), meter))
    try:
        yield meter
    finally:
        _RUNNING.reset(token)
