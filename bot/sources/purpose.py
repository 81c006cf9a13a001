"""What the Hub is asked for, so that requests and bytes can be told apart by it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Literal

Purpose = Literal["listing", "first look", "second look", "references", "other"]
PURPOSES: Final[tuple[Purpose, ...]] = ("listing", "first look", "second look", "references", "other")

_NOW: ContextVar[Purpose] = ContextVar("purpose", default="other")


def purpose() -> Purpose:
    """What is being done now, in this thread or in the one that set it off."""
    return _NOW.get()


@contextmanager
def spent_on(name: Purpose) -> Iterator[None]:
    """Whatever is asked inside is for this purpose; the innermost counts. Also a decorator."""
    token = _NOW.set(name)
    try:
        yield
    finally:
        _NOW.reset(token)
