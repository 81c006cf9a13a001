"""What one input takes of memory: the highest point since it began, where Linux lets a process start that anew."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Final

from bot.watch.memory import release_memory

_CLEAR: Final = Path("/proc/self/clear_refs")
_RESET_PEAK: Final = "5"  # https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html
PER_INPUT: Final = os.access(_CLEAR, os.W_OK)  # elsewhere an input that takes less than one before it shows nothing


def begun() -> float:
    """Return the MB that are in use now, and let the highest point begin here."""
    if not PER_INPUT:
        return highest()
    release_memory()
    _CLEAR.write_text(_RESET_PEAK, encoding="ascii")
    return _said("VmRSS:")


def highest() -> float:
    """Return the most MB that were in use since `begun`; since the process began where that is all one can know."""
    return _said("VmHWM:") if PER_INPUT else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _said(name: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))
