"""Return unused memory to the system."""

from __future__ import annotations

import ctypes
import sys

_trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None


def release_memory() -> None:
    """Let glibc return free memory. It keeps an arena for each thread, and would grow for days.

    Without glibc it does nothing. https://man7.org/linux/man-pages/man3/malloc_trim.3.html
    """
    if _trim is not None:
        _trim(0)
