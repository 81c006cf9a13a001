"""The log of what was kept and said. Entries are appended in the transaction of what they speak of.

A leaf is the SHA-256 of an entry's text, so the tree holds digests alone. Each entry has a salt: its digest can be
published, and nobody can guess the entry from it. The text can be erased without a change of the tree.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Connection, Engine, and_, exists, func, insert, not_, select, update

from state.database.engine import reading, transaction
from state.database.tables import evidence, log_checkpoints, log_entries, log_nodes, uploads
from state.errors import StateError
from state.proof import merkle
from state.proof.canonical import canonical

SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class NewEntry:
    """Something to enter. `kind`: such as "kept card" or "case opened"; `sha256` and `size` of its content."""

    kind: str
    upload_id: int
    sha256: str
    size: int
    at: datetime
    case_id: str | None = None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """Entry of the log. `text`: canonical JSON whose SHA-256 is the leaf; None once it was erased."""

    number: int
    kind: str
    sha256: str
    text: str | None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Signed size and root of the log. `note`: C2SP signed note; `token`: RFC 3161 answer of a time server, if any."""

    size: int
    root: bytes
    note: str
    token: bytes | None
    made_at: datetime


def append(connection: Connection, entries: Sequence[NewEntry]) -> None:
    """Append entries inside a caller's transaction."""
    for number, entry in enumerate(entries, _size(connection) if entries else 0):
        text = _text(connection, entry)
        leaf = merkle.leaf_hash(leaf_of(text))
        row = {"number": number, "kind": entry.kind, "upload_id": entry.upload_id, "sha256": entry.sha256}
        connection.execute(insert(log_entries).values(**row, text=text))
        nodes = [{"level": 0, "number": number, "hash": leaf.hex()}]
        for level, at in merkle.completed(number):
            leaf = merkle.node_hash(_node(connection, level - 1, at * 2), leaf)
            nodes.append({"level": level, "number": at, "hash": leaf.hex()})
        connection.execute(insert(log_nodes), nodes)


def leaf_of(text: str) -> bytes:
    """Return the leaf of an entry's text, 32 bytes."""
    return hashlib.sha256(text.encode()).digest()


def erase_unkept(connection: Connection) -> None:
    """Erase the texts of entries whose evidence was deleted; the leaves stay."""
    still = exists().where(evidence.c.upload_id == log_entries.c.upload_id, evidence.c.digest == log_entries.c.sha256)
    kept = log_entries.c.kind.startswith("kept ")
    connection.execute(update(log_entries).where(kept, not_(still)).values(text=None))


class ProofLog:
    """Reads the log, and stores checkpoints. Each method is one transaction; the only error is StateError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def size(self) -> int:
        """Return the number of entries."""
        with reading(self._engine) as connection:
            return _size(connection)

    def tree_head(self) -> tuple[int, bytes]:
        """Return size and root; StateError where the newest checkpoint is not a beginning of the log."""
        with reading(self._engine) as connection:
            size, read = _size(connection), partial(_node, connection)
            for newest in _checkpoints(connection)[-1:]:
                _check(read, size, newest.size, newest.root)
            return size, merkle.root(read, size)

    def checkpoints(self) -> list[Checkpoint]:
        """Return the checkpoints, the smallest first."""
        with reading(self._engine) as connection:
            return _checkpoints(connection)

    def add_checkpoint(self, size: int, root: bytes, note: str, now: datetime) -> None:
        """Store a signed checkpoint; one of this size stays as it is."""
        row = {"size": size, "root": root.hex(), "note": note, "made_at": now}
        with transaction(self._engine) as connection:
            if connection.scalar(select(log_checkpoints.c.size).where(log_checkpoints.c.size == size)) is None:
                connection.execute(insert(log_checkpoints).values(**row))

    def add_token(self, size: int, token: bytes) -> None:
        """Store the time server's answer on the checkpoint of `size`; the first one stays."""
        mine = and_(log_checkpoints.c.size == size, log_checkpoints.c.token.is_(None))
        with transaction(self._engine) as connection:
            connection.execute(update(log_checkpoints).where(mine).values(token=token.hex()))

    def enter(self, entry: NewEntry) -> None:
        """Append one entry, unless its upload has an equal one."""
        same = and_(log_entries.c.upload_id == entry.upload_id, log_entries.c.kind == entry.kind)
        with transaction(self._engine) as connection:
            known = select(log_entries.c.number).where(same, log_entries.c.sha256 == entry.sha256)
            if connection.scalar(known.limit(1)) is None:
                append(connection, [entry])

    def entries_of(self, upload_id: int) -> list[LogEntry]:
        """Return the entries about an upload and its cases, the oldest first."""
        query = select(log_entries).where(log_entries.c.upload_id == upload_id).order_by(log_entries.c.number)
        with reading(self._engine) as connection:
            return [LogEntry(r.number, r.kind, r.sha256, r.text) for r in connection.execute(query)]

    def inclusion(self, number: int, size: int) -> list[bytes]:
        """Return the audit path of an entry in the log's first `size` entries."""
        with reading(self._engine) as connection:
            return merkle.inclusion(partial(_node, connection), number, size)

    def consistency(self, old: int, size: int) -> list[bytes]:
        """Return the proof that the first `old` entries are the beginning of the first `size`."""
        with reading(self._engine) as connection:
            return merkle.consistency(partial(_node, connection), old, size)

    def differs(self, size: int, root: bytes) -> list[str]:
        """Return a sentence if the log's first `size` entries have not this root, else []."""
        with reading(self._engine) as connection:
            try:
                _check(partial(_node, connection), _size(connection), size, root)
            except StateError as error:
                return [str(error)]
        return []

    def audit(self) -> list[str]:
        """Compute every hash again, and return a sentence for each thing that is not as it was entered."""
        with reading(self._engine) as connection:
            read = partial(_node, connection)
            rows = connection.execute(select(log_entries.c.number, log_entries.c.text).order_by(log_entries.c.number))
            return _wrong_leaves(read, [(r.number, r.text) for r in rows])


def _text(connection: Connection, entry: NewEntry) -> str:
    """Return the canonical text of an entry; its salt hides what could be guessed."""
    of = connection.execute(select(uploads.c.repo_id, uploads.c.revision).where(uploads.c.id == entry.upload_id)).one()
    about = {
        "format": "blendwatch log entry 1",
        "kind": entry.kind,
        "repo_id": of.repo_id,
        "revision": of.revision,
        "case": entry.case_id,
        "sha256": entry.sha256,
        "bytes": entry.size,
        "at": entry.at.astimezone(UTC).isoformat(timespec="seconds"),
        "salt": secrets.token_hex(SALT_BYTES),
    }
    return canonical(about).decode()


def _size(connection: Connection) -> int:
    last = connection.scalar(select(func.max(log_entries.c.number)))
    return 0 if last is None else int(last) + 1


def _node(connection: Connection, level: int, number: int) -> bytes:
    query = select(log_nodes.c.hash).where(log_nodes.c.level == level, log_nodes.c.number == number)
    found = connection.scalar(query)
    if found is None:
        raise StateError(f"the log of proofs lacks the hash of its part {number} at level {level}")
    return bytes.fromhex(found)


def _checkpoints(connection: Connection) -> list[Checkpoint]:
    rows = connection.execute(select(log_checkpoints).order_by(log_checkpoints.c.size))
    return [
        Checkpoint(r.size, bytes.fromhex(r.root), r.note, bytes.fromhex(r.token) if r.token else None, r.made_at)
        for r in rows
    ]


def _check(read: merkle.Reader, size: int, signed: int, root: bytes) -> None:
    if signed > size:
        raise StateError(f"the log of proofs has {size:,} entries, and {signed:,} were signed before")
    if merkle.root(read, signed) != root:
        raise StateError(f"the first {signed:,} entries of the log of proofs are not those that were signed")


def _wrong_leaves(read: merkle.Reader, rows: Sequence[tuple[int, str | None]]) -> list[str]:
    """Compare every entry with its leaf, and every inner node with its two parts."""
    wrong = [f"entry {here} is where entry {i} belongs" for i, (here, _) in enumerate(rows) if here != i][:1]
    for number, text in [] if wrong else rows:
        leaf = read(0, number)
        if text is not None and merkle.leaf_hash(leaf_of(text)) != leaf:
            wrong.append(f"entry {number} was changed after it was entered")
        for level, at in merkle.completed(number):
            if merkle.node_hash(read(level - 1, 2 * at), read(level - 1, 2 * at + 1)) != read(level, at):
                wrong.append(f"the hash of part {at} at level {level} does not follow from its two parts")
    return wrong
