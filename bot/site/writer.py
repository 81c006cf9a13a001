"""Writing the site into a folder for any static host: each file whole or not at all, links after what they lead to."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from analyzers.errors import BlendwatchError

MANIFEST: Final = ".blendwatch-site"  # names every file of ours, one a line
PART: Final = ".part"
FILE_MODE, FOLDER_MODE = 0o644, 0o755  # a host's server is another user


class NotWritten(BlendwatchError):
    """The site could not be written; the message says why."""


@dataclass(frozen=True, slots=True)
class Written:
    """Numbers of files: all of the site, those that changed, those that were removed."""

    files: int
    changed: int
    removed: int


def write(folder: Path, pages: Iterable[tuple[str, bytes]]) -> Written:
    """Write the pages and remove earlier ones that are public no longer. Raises NotWritten.

    A folder with other files in it is refused. After a kill, the next run completes the site.
    """
    try:
        earlier = _earlier(folder)
        names, changed = set(earlier), 0
        made: set[str] = set()
        for path, content in pages:
            made.add(path)
            if path not in names:
                names.add(path)
                _note(folder, path)
            changed += _put(folder / path, content)
        stale = sorted(names - made)
        for path in stale:
            (folder / path).unlink(missing_ok=True)
        _put(folder / MANIFEST, "".join(f"{path}\n" for path in sorted(made)).encode())
    except OSError as error:
        raise NotWritten(f"{folder}: {error.strerror}") from error
    return Written(len(made), changed, len(stale))


def archive_in(folder: Path, case_id: str) -> str:
    """Return the address of a case's archive, seen from its page; "" where there is none."""
    found = sorted(path.name for path in (folder / "archives").glob(f"{case_id}.*") if not path.name.endswith(PART))
    return f"../archives/{found[0]}" if found else ""


def _earlier(folder: Path) -> list[str]:
    """Return the names of files that an earlier run wrote, or was about to."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(FOLDER_MODE)
    with suppress(FileNotFoundError):
        names = (folder / MANIFEST).read_text(encoding="utf-8").splitlines()
        return [name for name in names if name and ".." not in name and not name.startswith("/")]
    others = [path.name for path in folder.iterdir() if path.name != "archives" and not path.name.endswith(PART)]
    if others:
        raise NotWritten(f"{folder} holds other files, such as {min(others)}: name an empty folder")
    _put(folder / MANIFEST, b"")
    return []


def _note(folder: Path, path: str) -> None:
    """Write down a file before it is made, so that a run after a kill knows it."""
    with (folder / MANIFEST).open("a", encoding="utf-8") as manifest:
        manifest.write(f"{path}\n")


def _put(path: Path, content: bytes) -> bool:
    """Write a file unless it holds these bytes. Returns True if it was written."""
    with suppress(OSError):
        if path.stat().st_size == len(content) and path.read_bytes() == content:
            return False
    for folder in reversed([parent for parent in path.parents if not parent.exists()]):
        folder.mkdir()
        folder.chmod(FOLDER_MODE)
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PART}")
    try:
        with unfinished.open("xb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), FILE_MODE)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return True
