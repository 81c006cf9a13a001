"""Memory that a pass no longer needs goes back to the system."""

from __future__ import annotations

import ctypes
import sys

_trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None


def give_back() -> None:
    """Let glibc return what is free; it keeps an arena for each thread and its own guesses, and grows for days.

    Does nothing where there is no glibc. https://man7.org/linux/man-pages/man3/malloc_trim.3.html
    """
    if _trim is not None:
        _trim(0)
