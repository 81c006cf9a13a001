"""Expiry of evidence: files that no row names, and files of old uploads without alert or case."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, select

from state.database.tables import cases, evidence, outbox
from state.proof.log import erase_unkept

# a piece of evidence, finished or not; every other file in the folder belongs to others
_NAME = re.compile(r"\.?[0-9a-f]{64}(\.[0-9a-f]{8}(\.part)?)?")


@dataclass(frozen=True, slots=True)
class OldEvidence:
    """Files to remove, and their size in bytes. `orphans`: number of files that no row named before."""

    files: tuple[Path, ...]
    bytes: int
    orphans: int


def find_old(connection: Connection, folder: Path, before: datetime, abandoned: datetime) -> OldEvidence:
    """Find old evidence in the folder. Kept: evidence newer than `before`, and orphans changed since `abandoned`.

    Equal bytes are stored once: a file stays as long as any remaining row names it.
    """
    named = set(connection.scalars(select(evidence.c.digest)))
    needed = set(connection.scalars(select(evidence.c.digest).where(~_unneeded(before))))
    found: list[Path] = []
    size = orphans = 0
    for path in _own(folder):
        about = path.stat()
        orphan = path.name not in named
        if path.name in needed or (orphan and about.st_mtime >= abandoned.timestamp()):
            continue
        found.append(path)
        size, orphans = size + about.st_size, orphans + orphan
    return OldEvidence(tuple(found), size, orphans)


def forget_old(connection: Connection, before: datetime) -> None:
    """Delete the rows, and erase what the log says of them.

    Their files are removed afterwards; a kill in between leaves orphans for the next run.
    """
    connection.execute(delete(evidence).where(_unneeded(before)))
    erase_unkept(connection)


def _unneeded(before: datetime) -> ColumnElement[bool]:
    alerted = exists().where(outbox.c.upload_id == evidence.c.upload_id)
    case = exists().where(cases.c.upload_id == evidence.c.upload_id)
    return and_(evidence.c.kept_at < before, ~alerted, ~case)


def _own(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.glob("[0-9a-f][0-9a-f]/*")):
        if _NAME.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            yield path
