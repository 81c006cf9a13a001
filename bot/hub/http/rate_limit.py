"""Send requests at the rate that the Hub's quota allows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from bot.hub.http.errors import Transient, rate_limit
from bot.hub.http.hub_client import httpx

SCARCE = 0.1  # share of the quota below which the rest is spread over the time that is left
SAME = 2.0  # seconds by which the end of one window may seem to move: the Hub gives whole seconds
LONGEST_WAIT = 60.0  # seconds; a longer wait is an error with `retry_after`


@dataclass(slots=True)
class _Window:
    quota: int
    remaining: int
    resets_at: float  # seconds on the clock
    free_at: float  # when the next request may go


class RateLimiter:
    """Delays requests while the window's quota is nearly used up. One for a process; safe in threads.

    `sharers`: processes that use the same quota; each takes an equal part of what is left.
    """

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._clock = clock
        self._sleep = sleep
        self.sharers = 1
        self._lock = threading.Lock()
        self._windows: dict[str, _Window] = {}

    def wait(self, url: httpx.URL) -> None:
        """Sleep until a request to the Hub may be sent; Unavailable with `retry_after` if that is too long."""
        seconds = self._reserve(bucket(url.path))
        if seconds > LONGEST_WAIT:
            raise Transient(f"The Hub's rate limit is used up for another {seconds:.0f} s.", seconds)
        if seconds > 0:
            self._sleep(seconds)

    def note(self, headers: httpx.Headers) -> None:
        """Note the rest of the quota from an answer's headers."""
        info = rate_limit(headers)
        if info is None:
            return
        now = self._clock()
        resets_at = now + info.reset_in_seconds
        remaining, quota = (n // self.sharers for n in (info.remaining, info.limit or info.remaining))
        with self._lock:
            old = self._windows.get(info.resource_type)
            if old is not None and abs(resets_at - old.resets_at) < SAME:
                old.remaining = min(old.remaining, remaining)  # answers may arrive out of order
                return
            self._windows[info.resource_type] = _Window(quota, remaining, resets_at, now)

    def used_up(self) -> dict[str, float]:
        """Return the seconds until each used-up window ends, by bucket."""
        with self._lock:
            now = self._clock()
            return {n: w.resets_at - now for n, w in self._windows.items() if w.remaining <= 0 and w.resets_at > now}

    def _reserve(self, name: str) -> float:
        """Take one request out of the window; return the seconds to wait before it may be sent."""
        with self._lock:
            window, now = self._windows.get(name), self._clock()
            if window is None:
                return 0.0
            if now >= window.resets_at:
                del self._windows[name]
                return 0.0
            left, window.remaining = window.remaining, window.remaining - 1
            if left > SCARCE * window.quota:
                return 0.0
            if left <= 0:
                return window.resets_at - now
            window.free_at = max(now, window.free_at) + (window.resets_at - now) / (left + 1)
            return window.free_at - now


def bucket(path: str) -> str:
    """Return the Hub's name for the quota of a path."""
    if "/resolve/" in path or path.startswith("/api/resolve-cache/"):
        return "resolvers"
    return "api" if path.startswith("/api/") else "pages"
