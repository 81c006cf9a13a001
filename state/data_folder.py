"""The data folder: its files, which of them are transient, and its locks."""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from state.errors import StateError

DATABASE, SKETCHES, ABSENCES, EVIDENCE = "blendwatch.sqlite", "sketches", "absences.json", "evidence"
WATCH_LOCK = "watch.lock"
PART = ".part"  # suffix of every file that is still being written
BEING_READ, READY, MOVING = ".restore.part", ".restore-ready", ".restore-moving"  # see restore.py
ASIDE = "before-restore-"  # prefix of the folder into which a restore moves old data

_SIDECARS = tuple(DATABASE + end for end in ("-wal", "-shm", "-journal"))  # SQLite's own; a snapshot needs none
_OLD_TEMPORARY = re.compile(r"tmp[a-z0-9_]{8}")  # temporary names that early versions gave absences.json


def is_temporary(name: str) -> bool:
    """Return True for the name of an unfinished file; if the file is old, its writer was killed."""
    return name.endswith(PART) or _OLD_TEMPORARY.fullmatch(name) is not None


def is_transient(name: str) -> bool:
    """Return True for a file or folder that a backup leaves out."""
    own = name in _SIDECARS or name in (READY, MOVING) or name.startswith(ASIDE)
    return own or name.endswith(".lock") or is_temporary(name)


def is_restore_unfinished(data: Path) -> bool:
    """Return True while old data is being moved away, or after such a restore was cut short."""
    return (data / READY).exists() or (data / MOVING).exists()


def refuse_unfinished_restore(data: Path) -> None:
    """Raise StateError if a restore is unfinished: the folder is neither the old one nor the new one."""
    if is_restore_unfinished(data):
        raise StateError(f"a restore of {data} is under way or was cut short: run the same blendwatch restore again")


@contextmanager
def lock_out_watch(data: Path) -> Iterator[None]:
    """Keep every watch off the folder meanwhile; StateError if one is running."""
    try:
        with FileLock(data / WATCH_LOCK, timeout=0):
            yield
    except Timeout:
        raise StateError(f"a watch is running on {data}: stop it first") from None


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn an OSError into a StateError that names the file, else the folder."""
    try:
        yield
    except OSError as error:
        raise StateError(f"{error.filename or folder}: {error.strerror or error}") from error


@contextmanager
def lock_sketches(folder: Path) -> Iterator[None]:
    """Keep every other user of the sketches off meanwhile; StateError if there is one, such as a check."""
    handle = _lock(folder, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(handle)


def share_sketches(folder: Path) -> int:
    """Return an open handle that blocks `lock_sketches` until it is closed; -1 if the disk has no locks."""
    try:
        return _lock(folder, fcntl.LOCK_SH)
    except OSError:
        return -1  # without locks `lock_sketches` fails too, so nothing has to be blocked


def _lock(folder: Path, kind: int) -> int:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise StateError(f"another process uses the sketches in {folder}: try again when it has ended") from None
    except OSError:
        os.close(handle)
        raise
    return handle


def write_whole(file: Path, text: str) -> None:
    """Write a file that holds the old or the new text, never a part; StateError where the disk refuses."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent, suffix=PART, delete=False, encoding="utf-8") as part:
            part.write(text)
        Path(part.name).replace(file)
    except OSError as error:
        raise StateError(f"{file} cannot be written: {error.strerror}") from error


def sync_folder(folder: Path) -> None:
    """Make new names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
