"""Processes that die before a chosen call of the operating system, or to whom the disk is full.

`python -m tests.state.dying module:function FOLDER...` calls a function of a folder. In the nth folder the process
dies at its nth call of the operating system that changes a disk.
"""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

CALLS = ("mkdir", "rename", "replace", "rmdir", "unlink", "fsync")
DIED, ENDED, FAILED = 9, 0, 1


def deaths(what: str, folders: Sequence[Path]) -> list[int]:
    """Run `what`, "module:function", on each folder; return DIED or ENDED for each."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.state.dying", what, *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    codes = [int(code) for code in done.stdout.split()]
    assert FAILED not in codes, done.stderr
    return codes


FULL = """
import resource, sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from state.errors import StateError
limit, what, *paths = sys.argv[1:]
module, _, name = what.partition(":")
work = getattr(import_module(module), name)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
try:
    work(*map(Path, paths), datetime(2026, 4, 5, 6, 7, 8, tzinfo=UTC))
except StateError as error:
    print(error)
"""


def on_a_full_disk(most: int, what: str, *paths: Path) -> str:
    """Call "module:function" with paths and a time, no file growing beyond `most` bytes; return the error's text."""
    command = [sys.executable, "-W", "ignore", "-c", FULL, str(most), what, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    assert done.stderr == ""
    return done.stdout.strip()


def _dying_at(number: int) -> None:
    """Replace the calls by ones that end the process, without cleaning up, at the `number`th of them."""
    made = 0

    def dying(real: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal made
            made += 1
            if made == number:
                os._exit(DIED)
            return real(*args, **kwargs)

        return call

    for name in CALLS:
        setattr(os, name, dying(getattr(os, name)))


def main() -> None:
    """Fork for each folder; print how each child ended."""
    module, _, name = sys.argv[1].partition(":")
    work = getattr(import_module(module), name)
    for number, folder in enumerate(sys.argv[2:], start=1):
        child = os.fork()
        if not child:
            _dying_at(number)
            try:
                work(Path(folder))
            except BaseException:  # noqa: BLE001 - reported by the exit status
                traceback.print_exc()
                os._exit(FAILED)
            os._exit(ENDED)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")


if __name__ == "__main__":
    main()
