"""Retention of stored data. Preview and removal are one function, so that both show the same.

Never removed, whatever the age: reports on any blend, copy or alert; unsent messages; sketches of known models
and of models that an alert names; evidence of alerts and cases; rows of the outbox and of judged uploads, because
they prevent a second verdict or alert. Rows of small uploads are deleted by the watch itself, some at each pass.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Engine, Text, and_, cast, exists, func, null, or_, select, update

from state.data_folder import DATABASE, EVIDENCE, SKETCHES, disk_errors, is_temporary, lock_out_watch, lock_sketches
from state.database.engine import open_engine, reading, transaction
from state.database.tables import outbox, uploads
from state.errors import StateError
from state.evidence.expiry import OldEvidence, find_old, forget_old
from state.sketches.compaction import compact, leftovers, survey
from state.sketches.packs import Entry

QUIET = ("derivative", "unrelated", "inconclusive")  # findings whose reports may be removed

What = Literal["reports", "messages", "evidence", "sketches", "leftovers"]


@dataclass(frozen=True, slots=True)
class Retention:
    """Minimum ages in days before removal."""

    report_days: int = 180  # reports without blend, copy or alert, since they were settled
    message_days: int = 90  # payloads of sent alerts, where the upload's report says the same, since they were sent
    sketch_days: int = 365  # sketches of models neither known nor seen, since they were read
    leftover_days: int = 1  # files of killed writers
    evidence_days: int = 365  # evidence of uploads without alert, since it was kept
    small_days: int = 30  # rows of small uploads and of those without safetensors, since they were skipped


@dataclass(frozen=True, slots=True)
class Pruned:
    """Removal of one kind of data. `bytes` freed; `detail` in words."""

    what: What
    count: int
    bytes: int
    detail: str = ""


def prune(
    data: Path, known: Callable[[str], bool], keep: Retention, now: datetime, *, apply: bool = False
) -> list[Pruned]:
    """Return the data that may be removed; with `apply`, remove it. `known`: True for a repo id in the registry.

    `apply` needs the folder alone: records get new numbers, and the database can only shrink unshared.
    StateError if a watch runs or the sketches are in use, or if the disk refuses.
    """
    database, sketches, evidence = data / DATABASE, data / SKETCHES, data / EVIDENCE
    abandoned = now - timedelta(days=keep.leftover_days)
    since = now - timedelta(days=keep.sketch_days)
    found: list[Pruned] = []
    named: frozenset[str] = frozenset()
    with disk_errors(data), _alone(data) if apply else nullcontext():
        if database.exists():
            with _opened(database) as engine, transaction(engine) if apply else reading(engine) as connection:
                named = _named(connection, since)
                found += _prune_rows(connection, keep, now, apply=apply)
                old = _old_evidence(connection, evidence, now - timedelta(days=keep.evidence_days), abandoned, apply)
            if old is not None:
                found.append(_prune_evidence(old, apply=apply))
            if apply and any(pruned.count for pruned in found):
                _vacuum(database)
        if sketches.is_dir():

            def unwanted(entry: Entry) -> bool:
                old = datetime.fromisoformat(entry.read_at) < since
                return old and not known(entry.repo_id) and entry.repo_id.lower() not in named

            found.append(_prune_sketches(sketches, unwanted, apply=apply))
        found.append(_prune_leftovers(data, abandoned, apply=apply))
    return found


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    sketches = data / SKETCHES
    with lock_out_watch(data), lock_sketches(sketches) if sketches.is_dir() else nullcontext():
        yield


@contextmanager
def _opened(database: Path) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{database}")
    try:
        yield engine
    finally:
        engine.dispose()


def _named(connection: Connection, since: datetime) -> frozenset[str]:
    """Return repo ids, in lower case, in recent reports and in reports that stay: suspects, parents, declared."""
    alerted = exists().where(outbox.c.upload_id == uploads.c.id)
    kept = or_(alerted, uploads.c.finding.not_in(QUIET), uploads.c.settled_at >= since)
    query = select(uploads.c.repo_key, uploads.c.report).where(uploads.c.state == "found", kept)
    return frozenset(name for key, report in connection.execute(query) for name in (key, *_names(report)))


def _names(value: object) -> Iterator[str]:
    """Yield every text in a report that may be a repo id."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from _names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner)
    elif isinstance(value, str) and value.count("/") == 1:
        yield value.lower()


def _prune_rows(connection: Connection, keep: Retention, now: datetime, *, apply: bool) -> list[Pruned]:
    """Empty reports and payloads; the rows stay."""
    alerted = exists().where(outbox.c.upload_id == uploads.c.id)
    spent = and_(
        uploads.c.report.is_not(None),
        uploads.c.settled_at < now - timedelta(days=keep.report_days),
        uploads.c.finding.in_(QUIET),
        uploads.c.report["alert"].as_boolean().is_(False),
        ~alerted,
    )
    report = select(cast(uploads.c.report, Text)).where(uploads.c.id == outbox.c.upload_id).scalar_subquery()
    repeated = and_(
        outbox.c.state == "sent",
        outbox.c.sent_at < now - timedelta(days=keep.message_days),
        cast(outbox.c.payload, Text) != "{}",
        cast(outbox.c.payload, Text) == report,
    )
    found = [
        _measured(connection, "reports", uploads.c.report, spent, "without blend, copy or alert"),
        _measured(connection, "messages", outbox.c.payload, repeated, "sent, and repeated in the upload's report"),
    ]
    if apply:
        connection.execute(update(uploads).where(spent).values(report=null()))
        connection.execute(update(outbox).where(repeated).values(payload={}))
    return found


def _old_evidence(
    connection: Connection, folder: Path, before: datetime, abandoned: datetime, apply: bool
) -> OldEvidence | None:
    """Find old evidence, and with `apply` delete its rows; None if there is no evidence."""
    if not folder.is_dir():
        return None
    old = find_old(connection, folder, before, abandoned)
    if apply:
        forget_old(connection, before)
    return old


def _prune_evidence(old: OldEvidence, *, apply: bool) -> Pruned:
    for path in old.files if apply else ():
        path.unlink(missing_ok=True)
    detail = f"{len(old.files) - old.orphans} of uploads without alert, {old.orphans} of no upload"
    return Pruned("evidence", len(old.files), old.bytes, detail)


def _measured(
    connection: Connection, what: What, column: ColumnElement[Any], which: ColumnElement[bool], detail: str
) -> Pruned:
    query = select(func.count(), func.coalesce(func.sum(func.length(cast(column, Text))), 0)).where(which)
    count, size = connection.execute(query).one()
    return Pruned(what, count, size, detail)


def _vacuum(database: Path) -> None:
    """Shrink the file to its content; this needs as much free space again meanwhile."""
    try:
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise StateError(f"{database} was pruned, but the file could not be shrunk: {error}") from error


def _prune_sketches(folder: Path, unwanted: Callable[[Entry], bool], *, apply: bool) -> Pruned:
    found = survey(folder, unwanted)
    if apply:
        compact(found)
    detail = f"{found.unwanted} not known or seen, {found.superseded} superseded, {found.damaged} damaged"
    return Pruned("sketches", found.unwanted + found.superseded + found.damaged, found.bytes, detail)


def _prune_leftovers(data: Path, before: datetime, *, apply: bool) -> Pruned:
    found = [path for folder in (data, data / SKETCHES) for path in folder.glob("*") if is_temporary(path.name)]
    found += leftovers(data / SKETCHES)
    old = [path for path in found if path.exists() and path.stat().st_mtime < before.timestamp()]
    size = sum(inner.stat().st_size for path in old for inner in (path, *path.rglob("*")) if inner.is_file())
    for path in old if apply else ():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return Pruned("leftovers", len(old), size, "of writers that were killed")
