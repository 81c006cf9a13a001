"""Log of requests, and faults that tests plant in the answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

DRIP_BYTES = 64
DRIP_SECONDS = 0.01  # between two pieces of what is sent for ever


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request to the loopback Hub. `status` is 0 until it is answered."""

    method: str
    path: str  # without the query, percent-escapes kept
    query: str
    host: str  # "127.0.0.1:port"
    authorization: str | None
    cookie: str | None
    range: str | None
    status: int = 0


@dataclass(frozen=True, slots=True)
class Fault:
    """Fault of one answer. Fields left out stay right."""

    stall: float = 0.0  # seconds before the answer starts
    status: int | None = None  # answered in place of the right answer, with `body` and `headers`
    body: bytes | None = None  # sent in place of the right body
    headers: Mapping[str, str] = field(default_factory=dict)  # set on the answer, right or wrong
    whole: bool = False  # 200 with the whole file where a range was asked for
    shift: int = 0  # Content-Range names bytes that lie so much further on
    total: int = 0  # the file is said to be so many bytes longer
    extra: int = 0  # the body has so many bytes more (less where negative) than Content-Range says
    cut: int = 0  # the connection ends so many bytes before Content-Length
    endless: bool = False  # the body never ends
    reset: bool = False  # the connection is reset before anything is answered
    drip: Callable[[], None] | None = None  # called after each piece of a body that comes in pieces of DRIP_BYTES
    forever: tuple[bytes, bytes] | None = None  # sent as they are: the first once, then the second again and again


FaultHook = Callable[[LoggedRequest], Fault | None]


@dataclass(frozen=True, slots=True)
class RateLimit:
    """Requests allowed in a fixed window: of API addresses and of resolve addresses."""

    api: int = 1000
    resolvers: int = 5000
    window: int = 300  # seconds


def times(count: int, fault: Fault, where: str = "") -> FaultHook:
    """Return a hook with the fault for the first `count` requests whose path contains `where`."""
    left = [count]
    lock = threading.Lock()

    def hook(seen: LoggedRequest) -> Fault | None:
        with lock:
            if where not in seen.path or left[0] <= 0:
                return None
            left[0] -= 1
            return fault

    return hook


def always(fault: Fault, where: str = "") -> FaultHook:
    """Return a hook with the fault for every request whose path contains `where`."""
    return lambda seen: fault if where in seen.path else None


def bucket(path: str) -> str:
    """Return the Hub's rate limit that counts a path."""
    if "/resolve/" in path or path.startswith("/api/resolve-cache/"):
        return "resolvers"
    return "api" if path.startswith("/api/") else "pages"
