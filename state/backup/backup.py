"""Backup of the data folder, also while a watch runs on it.

The database comes first, as one snapshot; the sketches come after it. A sketch is stored before its verdict,
so every sketch behind the snapshot's verdicts is there; newer sketches do no harm. Of a pack, the backup takes
the part that writers never change: the complete lines, and as many records.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from state.backup.archive import Manifest, version
from state.backup.archive_writer import writing
from state.data_folder import DATABASE, PART, SKETCHES, is_transient, share_sketches, sync_folder
from state.database.engine import damage
from state.errors import StateError
from state.sketches.packs import BITS, LINES, Pack

SUFFIXES = (".tar", ".tar.gz")
NAME = re.compile(r"blendwatch-\d{8}T\d{6}Z\.tar\.gz")
SCRATCH = ".blendwatch-backup-"  # prefix of the folder that a backup is written in
SCRATCH_SECONDS = 86_400.0  # an older one was left by a killed backup


@dataclass(frozen=True, slots=True)
class Backup:
    """Finished backup. `bytes` of the archive; `removed`: older archives that were rotated out."""

    path: Path
    bytes: int
    manifest: Manifest
    removed: tuple[Path, ...] = ()


def back_up(data: Path, destination: Path, now: datetime, keep: int | None = None) -> Backup:
    """Write one archive; on a StateError nothing is left of it.

    `destination`: a new file that ends in .tar or .tar.gz, or else a folder; there the archive is named by the time.
    `keep`: number of such archives that stay in the folder, the newest, this one included; None: all.
    """
    single = destination.name.endswith(SUFFIXES) and not destination.is_dir()
    folder = destination.parent if single else destination
    path = destination if single else folder / f"blendwatch-{now:%Y%m%dT%H%M%SZ}.tar.gz"
    if keep is not None and (single or keep < 1):
        raise StateError("old backups can be counted only in a folder: give a folder, and keep 1 or more")
    if path.exists():
        raise StateError(f"{path} is there already")
    if folder.resolve().is_relative_to(data.resolve()):
        raise StateError(f"{folder} lies in the data folder {data}: each backup would hold those before it")
    with _own_errors(path):
        folder.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(folder, now)
        with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=folder) as scratch:
            manifest = _write(data, Path(scratch), now, compressed=path.name.endswith(".gz"))
            part = Path(scratch) / PART
            size = part.stat().st_size
            part.replace(path)
            sync_folder(folder)
    return Backup(path, size, manifest, _rotate(path, keep) if keep else ())


def _write(data: Path, scratch: Path, now: datetime, *, compressed: bool) -> Manifest:
    revision: str | None = None
    rows: dict[str, int] = {}
    with writing(scratch / PART, compressed=compressed) as archive, _sketches_kept(data / SKETCHES):
        if (data / DATABASE).exists():
            snapshot = scratch / DATABASE
            revision, rows = _snapshot(data / DATABASE, snapshot)
            archive.add(DATABASE, snapshot)
            snapshot.unlink()
        packs = [pack for path in sorted((data / SKETCHES).glob(f"*{LINES}")) if (pack := Pack.open(path))]
        for pack in packs:
            pack.refresh()
            for path, size in zip(pack.paths, pack.settled, strict=True):
                archive.add(path.relative_to(data).as_posix(), path, size)
        for path in _others(data):
            archive.add(path.relative_to(data).as_posix(), path)
        if not archive.files:
            raise StateError(f"there is nothing in {data} to back up")
        manifest = Manifest(
            blendwatch=version(),
            sqlite=sqlite3.sqlite_version,
            created_at=now,
            schema_revision=revision,
            rows=rows,
            sketches=sum(len(pack.entries) for pack in packs),
            files=archive.files,
        )
        archive.finish(manifest)
    return manifest


def _snapshot(database: Path, copy: Path) -> tuple[str | None, dict[str, int]]:
    """Copy one moment of a database that may be in use. Returns its revision and the row count of each table."""
    try:
        with (
            closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)  # in one step, which in WAL mode hinders no writer
            tables = [name for (name,) in target.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            rows = {name: target.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in sorted(tables)}  # noqa: S608
            found = target.execute("SELECT version_num FROM alembic_version").fetchone() if rows else None
    except sqlite3.Error as error:
        raise StateError(f"the database {database} cannot be copied: {error}; no backup was written") from error
    if wrong := damage(copy):
        raise StateError(f"the database {database} is damaged: {wrong}; no backup was written")
    return (found[0] if found else None), rows


@contextmanager
def _sketches_kept(folder: Path) -> Iterator[None]:
    """Block compaction of the sketches meanwhile."""
    handle = share_sketches(folder) if folder.exists() else -1
    try:
        yield
    finally:
        if handle >= 0:
            os.close(handle)


def _others(data: Path) -> Iterator[Path]:
    """Yield every other file to back up, following links, each folder once."""
    seen: set[Path] = set()
    for here, folders, names in os.walk(data, followlinks=True, onerror=_raise):
        seen.add(Path(here).resolve())
        folders[:] = sorted(n for n in folders if not is_transient(n) and (Path(here) / n).resolve() not in seen)
        packs = Path(here) == data / SKETCHES
        for name in sorted(names):
            if not (
                is_transient(name) or (packs and name.endswith((LINES, BITS))) or Path(here, name) == data / DATABASE
            ):
                yield Path(here, name)


def _raise(error: OSError) -> None:
    raise error


def _remove_abandoned(folder: Path, now: datetime) -> None:
    for path in folder.glob(f"{SCRATCH}*"):
        if now.timestamp() - path.stat().st_mtime > SCRATCH_SECONDS:
            shutil.rmtree(path)


def _rotate(made: Path, keep: int) -> tuple[Path, ...]:
    """Remove archives except the newest `keep`, by name, never the new one and no other file."""
    others = sorted(p for p in made.parent.iterdir() if NAME.fullmatch(p.name) and p != made)
    old = others[: max(len(others) - keep + 1, 0)]
    try:
        for path in old:
            path.unlink()
    except OSError as error:
        raise StateError(f"the backup is written, but an older one cannot be removed: {error}") from error
    return tuple(old)


@contextmanager
def _own_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, tarfile.TarError) as error:
        where = getattr(error, "filename", None) or path
        why = getattr(error, "strerror", None) or error
        raise StateError(f"{where}: {why}; no backup was written") from error
