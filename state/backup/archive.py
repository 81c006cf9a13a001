"""Format of a backup: a tar archive, plain or gzipped, of the data folder's files and a manifest.

    data/blendwatch.sqlite, data/absences.json, data/sketches/...   and last of all
    manifest.json      time and version of the backup, and size and SHA-256 of every file

The manifest comes last because the archive is written in one go: an archive that was cut off has none.
"""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import IO

from pydantic import BaseModel, ConfigDict, ValidationError

from state.data_folder import disk_errors, is_transient
from state.database.engine import revisions
from state.errors import StateError

MANIFEST, DATA = "manifest.json", "data/"
FORMAT = 1
MOST_MANIFEST_BYTES = 64_000_000
CHUNK = 1 << 20  # bytes


class StoredFile(BaseModel):
    """One file of the archive. `bytes`: its size; `sha256`: of its content, in hex."""

    model_config = ConfigDict(frozen=True)

    bytes: int
    sha256: str


class Manifest(BaseModel):
    """Contents of an archive. `files` by their paths in the data folder; `rows` by table."""

    model_config = ConfigDict(frozen=True)

    backup_format: int = FORMAT
    blendwatch: str  # version that wrote it
    sqlite: str
    created_at: datetime
    schema_revision: str | None  # of the database; None: it has none
    rows: dict[str, int]
    sketches: int
    files: dict[str, StoredFile]


def version() -> str:
    """Return the installed version of this project."""
    try:
        return metadata.version("blendwatch")
    except metadata.PackageNotFoundError:
        return "unknown"


Sink = Callable[[str, IO[bytes]], StoredFile]


def verify(archive: Path) -> Manifest:
    """Read the whole archive and compare every file with the manifest; StateError if anything differs."""
    with disk_errors(archive):
        return read(archive, lambda _, content: digest(content))


def read(archive: Path, sink: Sink) -> Manifest:
    """Pass every file of the archive to `sink`, which returns its size and hash; StateError if anything is wrong.

    Every path stays inside the folder it is joined to. The archive supplies only paths and contents of plain
    files: owners, modes, links and devices have no effect.
    """
    got: dict[str, StoredFile] = {}
    manifest: Manifest | None = None
    with _opened(archive) as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isreg() and not member.issparse() else None
            if manifest is not None or content is None:
                raise StateError(f"{archive} is not a backup of Blendwatch: {member.name!r} does not belong in one")
            if member.name == MANIFEST:
                manifest = _manifest(archive, content.read(MOST_MANIFEST_BYTES))
                continue
            path = member.name.removeprefix(DATA)
            if path in got or not member.name.startswith(DATA) or not is_safe(path):
                raise StateError(f"{archive} is not a backup of Blendwatch: {member.name!r} does not belong in one")
            got[path] = sink(path, content)
    if manifest is None:
        raise StateError(f"{archive} is not a backup of Blendwatch, or its end is missing: it has no manifest")
    for path in sorted(got.keys() | manifest.files.keys()):
        if got.get(path) != manifest.files.get(path):
            raise StateError(f"{archive} is damaged: {path} is not what the manifest says")
    return manifest


def digest(content: IO[bytes], write: Callable[[bytes], object] = lambda _: None) -> StoredFile:
    """Read to the end and pass every piece to `write`."""
    size, sha256 = 0, hashlib.sha256()
    while piece := content.read(CHUNK):
        size += len(piece)
        sha256.update(piece)
        write(piece)
    return StoredFile(bytes=size, sha256=sha256.hexdigest())


@contextmanager
def _opened(archive: Path) -> Iterator[tarfile.TarFile]:
    try:
        with archive.open("rb") as file, tarfile.open(fileobj=file, mode="r:*") as tar:
            yield tar
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile):
        raise StateError(f"{archive} is not a backup of Blendwatch, or it is cut off or damaged") from None


def is_safe(path: str) -> bool:
    """Return True for a path that backups write: relative, only descending, to a file that backups include."""
    parts = PurePosixPath(path).parts
    plain = path == "/".join(parts) and not path.startswith("/") and "\\" not in path and path.isprintable()
    return bool(parts) and plain and ".." not in parts and not any(is_transient(part) for part in parts)


def _manifest(archive: Path, text: bytes) -> Manifest:
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError:
        raise StateError(f"{archive} is not a backup of Blendwatch that this version can read: its manifest") from None
    revision = manifest.schema_revision
    if manifest.backup_format > FORMAT or (revision is not None and revision not in revisions()):
        raise StateError(
            f"{archive} was made by a newer version, {manifest.blendwatch} (its database has revision {revision}): "
            "update the program"
        )
    return manifest
