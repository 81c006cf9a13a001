"""Writer of a backup's archive, in one go and in the order of the calls."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from state.backup.archive import DATA, MANIFEST, Manifest, StoredFile, is_safe
from state.errors import StateError

GZIP_LEVEL = 1  # raw weights hardly shrink, whatever the level


class Writer:
    """Archive being written. `files`: its contents so far, by their paths in the data folder."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.files: dict[str, StoredFile] = {}

    def add(self, name: str, path: Path, most: int | None = None) -> None:
        """Add the first `most` bytes of a plain file (None: all), unless it is gone.

        StateError for a name that no restore would accept.
        """
        if not is_safe(name):
            raise StateError(f"the name of {str(path)!r} cannot be restored: rename or move it")
        if not path.is_file():  # gone, or a socket or pipe without an end
            return
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return
        with file:
            about = os.fstat(file.fileno())
            size = about.st_size if most is None else min(most, about.st_size)
            content = _Counted(file)
            self._tar.addfile(_member(DATA + name, size, about.st_mtime), content)
            self.files[name] = content.stored()

    def finish(self, manifest: Manifest) -> None:
        """Add the manifest, which comes last."""
        text = manifest.model_dump_json(indent=1).encode()
        self._tar.addfile(_member(MANIFEST, len(text), manifest.created_at.timestamp()), io.BytesIO(text))


@contextmanager
def writing(path: Path, *, compressed: bool) -> Iterator[Writer]:
    """Write a new file that only its owner may read, synced at the end. OSError if the disk refuses."""
    with path.open("xb") as raw:
        os.fchmod(raw.fileno(), 0o600)
        with _tar(raw, compressed) as tar:
            yield Writer(tar)
        raw.flush()
        os.fsync(raw.fileno())


@contextmanager
def _tar(raw: IO[bytes], compressed: bool) -> Iterator[tarfile.TarFile]:
    if compressed:
        with (
            gzip.GzipFile("", "wb", GZIP_LEVEL, raw) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            yield tar
    else:
        with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
            yield tar


class _Counted(io.RawIOBase):
    """File that is read once, with size and hash of the bytes read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._sha256, self._size = file, hashlib.sha256(), 0

    def read(self, size: int = -1, /) -> bytes:
        """Read on."""
        piece = self._file.read(size)
        self._sha256.update(piece)
        self._size += len(piece)
        return piece

    def stored(self) -> StoredFile:
        """Return size and hash so far."""
        return StoredFile(bytes=self._size, sha256=self._sha256.hexdigest())


def _member(name: str, size: int, changed: float) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = size, int(changed), 0o600
    return member
