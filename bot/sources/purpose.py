"""Purposes of requests to the Hub, by which requests and bytes are counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Literal

Purpose = Literal["listing", "first look", "second look", "third look", "references", "other"]
PURPOSES: Final[tuple[Purpose, ...]] = ("listing", "first look", "second look", "third look", "references", "other")

_NOW: ContextVar[Purpose] = ContextVar("purpose", default="other")


def purpose() -> Purpose:
    """Return the current purpose, of this thread or the one that started it."""
    return _NOW.get()


@contextmanager
def spent_on(name: Purpose) -> Iterator[None]:
    """Count the requests inside for this purpose; the innermost counts. Also a decorator."""
    token = _NOW.set(name)
    try:
        yield
    finally:
        _NOW.reset(token)
