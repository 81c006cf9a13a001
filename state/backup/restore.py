"""Restore of a backup: read and verified beside the old data first, then put in its place.

Every step happens inside the data folder, which may be a disk of its own. A kill between any two steps is safe:

1. `.restore.part` receives the archive's files, is checked and migrated. Killed here, nothing has changed.
2. It is renamed `.restore-ready`: from now on the restore must finish before anything else opens the folder.
3. Old files move to `before-restore-<time>`; then `.restore-ready` is renamed `.restore-moving`.
4. Its content moves into place. The empty folder takes its first name again, and is removed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO

from state.backup.archive import MANIFEST, Manifest, StoredFile, digest, read, verify
from state.data_folder import (
    ASIDE,
    BEING_READ,
    DATABASE,
    MOVING,
    READY,
    SKETCHES,
    disk_errors,
    is_restore_unfinished,
    lock_out_watch,
    lock_sketches,
    sync_folder,
)
from state.database.engine import damage, open_engine, revisions
from state.errors import StateError
from state.sketches.compaction import survey

CONTENT, AWAY = "data", "aside"  # inside the folders of the steps: the new data; the name of the folder for old data


@dataclass(frozen=True, slots=True)
class Restored:
    """Result of a restore. `aside`: folder of the old data, None if there was none. `damaged`: sketches that
    count as absent, as before the backup. `ended`: True if this call finished an earlier restore.
    """

    manifest: Manifest
    aside: Path | None = None
    damaged: int = 0
    schema_revision: str | None = None
    ended: bool = False


def restore(archive: Path, into: Path, now: datetime, *, force: bool = False) -> Restored:
    """Replace the content of the folder `into` by a backup; StateError if anything is wrong.

    The folder must be empty, unless `force`: then its content is moved aside, never removed.
    """
    with disk_errors(into):
        if archive.resolve().is_relative_to(into.resolve()):
            raise StateError(f"{archive} lies in the folder to restore into: move it first")
        if is_restore_unfinished(into):
            return _end_earlier(archive, into)
        manifest = verify(archive)
        into.mkdir(parents=True, exist_ok=True)
        with lock_out_watch(into), _sketches_unused(into):
            _refuse_to_move(into, force=force)
            staging = into / BEING_READ
            try:
                damaged = _read(archive, manifest, staging, f"{ASIDE}{now:%Y%m%dT%H%M%SZ}")
            except BaseException:
                shutil.rmtree(staging, ignore_errors=True)
                raise
            staging.rename(into / READY)
            sync_folder(into)
            return _finish(into, Restored(manifest, None, damaged))


def _end_earlier(archive: Path, into: Path) -> Restored:
    with lock_out_watch(into):
        step = into / READY if (into / READY).exists() else into / MOVING
        earlier = Manifest.model_validate_json((step / MANIFEST).read_bytes())
        done = _finish(into, Restored(earlier, ended=True))
    if verify(archive) != earlier:
        when = f"{earlier.created_at:%Y-%m-%d %H:%M:%S}"
        raise StateError(f"a restore of the backup of {when} had been cut short and is ended now; {archive} is another")
    return done


def _refuse_to_move(into: Path, *, force: bool) -> None:
    """Raise StateError if the folder holds files that may not, or cannot, be moved aside."""
    old = _old(into)
    if old and not force:
        raise StateError(f"{into} is not empty (it holds {old[0].name}): use --force to move all of it aside")
    for path in old:
        if path.is_mount():
            raise StateError(f"{path} is a disk of its own and cannot be moved aside: empty and unmount it first")


def _read(archive: Path, manifest: Manifest, staging: Path, aside: str) -> int:
    """Write all files into a new folder, check them and migrate the database; return the number of damaged sketches."""
    if staging.exists():  # left by a killed restore
        shutil.rmtree(staging)
    content = staging / CONTENT
    content.mkdir(parents=True)
    free, needed = shutil.disk_usage(staging).free, sum(file.bytes for file in manifest.files.values())
    if needed > free:
        raise StateError(f"{staging.parent} has {free:,} bytes free, and the backup takes {needed:,}")

    def write(path: str, source: IO[bytes]) -> StoredFile:
        target = content / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            return digest(source, file.write)

    if read(archive, write) != manifest:
        raise StateError(f"{archive} was changed while it was read")
    (staging / MANIFEST).write_text(manifest.model_dump_json(), encoding="utf-8")
    (staging / AWAY).write_text(aside)
    if (content / DATABASE).exists():
        if wrong := damage(content / DATABASE):
            raise StateError(f"the database in {archive} is damaged: {wrong}")
        open_engine(f"sqlite:///{content / DATABASE}").dispose()
    damaged = survey(content / SKETCHES).damaged if (content / SKETCHES).is_dir() else 0
    for path in [staging, *sorted(staging.rglob("*"))]:
        _sync(path)
    return damaged


def _finish(into: Path, done: Restored) -> Restored:
    """Take steps 3 and 4, from wherever an earlier call was killed."""
    ready, moving, left = into / READY, into / MOVING, into / BEING_READ
    if left.exists():
        shutil.rmtree(left)
    aside = into / ((ready if ready.exists() else moving) / AWAY).read_text()
    if ready.exists():
        for path in _old(into):
            aside.mkdir(exist_ok=True)
            path.rename(aside / path.name)
        sync_folder(into)
        ready.rename(moving)
        sync_folder(into)
    for path in sorted((moving / CONTENT).iterdir()):
        path.rename(into / path.name)
    sync_folder(into)
    moving.rename(left)
    shutil.rmtree(left)
    revision = done.manifest.schema_revision and revisions()[-1]
    return replace(done, aside=aside if aside.exists() else None, schema_revision=revision)


def _old(into: Path) -> list[Path]:
    """Return the old content of the folder, except locks and leftovers of restores."""
    own = (READY, MOVING, BEING_READ)
    return sorted(
        p for p in into.iterdir() if p.name not in own and not p.name.startswith(ASIDE) and p.suffix != ".lock"
    )


@contextmanager
def _sketches_unused(into: Path) -> Iterator[None]:
    folder = into / SKETCHES
    with lock_sketches(folder) if folder.is_dir() else nullcontext():
        yield


def _sync(path: Path) -> None:
    if path.is_dir():
        sync_folder(path)
    else:
        with path.open("rb") as file:
            os.fsync(file.fileno())
