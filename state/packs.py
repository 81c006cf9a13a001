"""One class of sketches on disk: a file of records of fixed width, and a file of lines that say whose they are.

Line i (after a first one that describes the class) belongs to record i. The record is written and synced first, then
the line: a process killed in between leaves a record that nobody knows of and that the next one overwrites. A torn
last line is ignored by readers and cut off by the next writer. Lines are never changed, so readers need no lock.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from analyzers.records import RepoRef, SampleSpec, Sketch
from analyzers.slots import SketchClass
from state.errors import StateError

FORMAT = "blendwatch sketches 2"
LOCK_SECONDS = 60.0
LINES, BITS, LOCK, BROKEN = ".lines", ".bits", ".lock", ".broken"


@dataclass(frozen=True, slots=True)
class StoredSketch:
    """A sketch and what was known of its model when it was read."""

    sketch: Sketch
    weights_at: datetime | None  # when its weights became public; None: unknown
    declares: tuple[str, ...]  # repo ids its own card names as parents
    title: str  # the name its maker gives it
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """What one line says: whose record it is, and what was known when it was read."""

    ref: RepoRef
    weights_at: datetime | None
    declares: tuple[str, ...]
    title: str
    read_at: datetime
    rows: tuple[int, ...]  # of each slot's matrix
    crc: int  # of the record


class Pack:
    """The records of one class. `entries[i]` tells of record i; None where its line or its bits are damaged."""

    def __init__(self, folder: Path, of: SketchClass) -> None:
        self.of = of
        self.entries: list[Entry | None] = []
        self._lines = folder / f"{of.digest}{LINES}"
        self._bits = folder / f"{of.digest}{BITS}"
        self._lock = FileLock(folder / f"{of.digest}{LOCK}", timeout=LOCK_SECONDS)
        self._read = 0  # bytes of the lines that were taken in, the first line included
        self._rows: dict[tuple[int, ...], tuple[int, ...]] = {}  # nearly all models of a class have the same

    @classmethod
    def open(cls, lines: Path) -> Pack | None:
        """Return the pack that a file of lines belongs to; None if it is damaged or not (yet) one.

        A damaged one is set aside as *.broken, with its records.
        """
        try:
            with lines.open("rb") as file:
                first = file.readline()
        except FileNotFoundError:
            return None
        if not first.endswith(b"\n"):
            return None  # nothing was ever kept in it; the next writer starts it again
        try:
            about = json.loads(first)
            of = SketchClass.parse(SampleSpec(**about["spec"]), about["slots"])
            if about["format"] == FORMAT and of.digest == lines.stem:
                return cls(lines.parent, of)
        except (ValueError, KeyError, TypeError, RecursionError):
            pass
        for path in (lines, lines.with_suffix(BITS)):
            if path.exists():
                path.replace(path.with_suffix(path.suffix + BROKEN))
        return None

    def is_whole(self) -> bool:
        """Tell whether everything that was taken in is still on the disk."""
        return not self._read or (self._lines.exists() and self._lines.stat().st_size >= self._read)

    def refresh(self) -> None:
        """Take in the lines that were added since, by whatever process."""
        try:
            with self._lines.open("rb") as file:
                file.seek(self._read)
                added = file.read()
        except FileNotFoundError:
            return
        added = added[: added.rfind(b"\n") + 1]
        for line in added.split(b"\n")[0 if self._read else 1 : -1]:
            self.entries.append(self._entry(line))
        self._read += len(added)

    def append(self, batch: Sequence[StoredSketch]) -> None:
        """Keep sketches of this class after all others; OSError where the disk refuses."""
        try:
            with self._lock:
                self._make_ready()
                self.refresh()
                records = [self.of.pack(stored.sketch) for stored in batch]
                pairs = zip(batch, records, strict=True)
                lines = b"".join(_line(stored, self.of, zlib.crc32(record)) for stored, record in pairs)
                _write(self._bits, len(self.entries) * self.of.width, b"".join(records))
                _write(self._lines, self._read, lines)
                self.refresh()
        except Timeout:
            raise StateError(f"another process has kept {self._lock.lock_file} for {LOCK_SECONDS:.0f} s") from None

    def read(self, first: int, last: int) -> NDArray[np.uint8]:
        """Return records `first` to `last` (exclusive) as they lie on the disk: uint8[records, width], not verified.

        What a damaged file lacks is zero. Never more than this is in memory.
        """
        records = np.empty((last - first) * self.of.width, np.uint8)
        found = 0
        if records.size and self._bits.exists():
            with self._bits.open("rb", buffering=0) as file:
                file.seek(first * self.of.width)
                found = file.readinto(records.data) or 0
        records[found:] = 0
        return records.reshape(last - first, self.of.width)

    def get(self, record: int) -> StoredSketch | None:
        """Return one sketch; None if it is damaged, which is then remembered in `entries`."""
        entry = self.entries[record]
        if entry is None:
            return None
        bits = self.read(record, record + 1).tobytes()
        if zlib.crc32(bits) != entry.crc:
            self.entries[record] = None
            return None
        sketch = Sketch(entry.ref, self.of.spec, self.of.unpack(bits, entry.rows))
        return StoredSketch(sketch, entry.weights_at, entry.declares, entry.title, entry.read_at)

    def _make_ready(self) -> None:
        """Begin the file of lines, or cut off a torn last line: only complete lines are ever built on."""
        if self._lines.exists():
            with self._lines.open("rb") as file:
                file.seek(self._read)
                added = file.read()
            good = self._read + added.rfind(b"\n") + 1
            if good < self._read + len(added):
                os.truncate(self._lines, good)
            if good:
                return
        spec = self.of.spec
        about = {
            "format": FORMAT,
            "spec": {"seed": spec.seed, "windows": spec.windows, "elements": spec.elements},
            "slots": self.of.describe(),
        }
        _write(self._lines, 0, json.dumps(about).encode() + b"\n")
        _sync_folder(self._lines.parent)

    def _entry(self, line: bytes) -> Entry | None:
        try:
            about: Mapping[str, Any] = json.loads(line)
            rows = tuple(int(r) for r in about["rows"])
            if len(rows) != len(self.of.slots):
                return None
            return Entry(
                ref=RepoRef(about["repo_id"], about["revision"]),
                weights_at=None if about["weights_at"] is None else datetime.fromisoformat(about["weights_at"]),
                declares=tuple(about["declares"]),
                title=about["title"],
                read_at=datetime.fromisoformat(about["read_at"]),
                rows=self._rows.setdefault(rows, rows),
                crc=about["crc"],
            )
        except (ValueError, KeyError, TypeError, RecursionError):
            return None


def _line(stored: StoredSketch, of: SketchClass, crc: int) -> bytes:
    about = {
        "repo_id": stored.sketch.ref.repo_id,
        "revision": stored.sketch.ref.revision,
        "weights_at": None if stored.weights_at is None else _utc_text(stored.weights_at),
        "declares": stored.declares,
        "title": stored.title,
        "read_at": _utc_text(stored.read_at),
        "rows": [stored.sketch.samples[slot.key].rows for slot in of.slots],
        "crc": crc,
    }
    return json.dumps(about).encode() + b"\n"


def _write(path: Path, at: int, content: bytes) -> None:
    """Write at a position and wait until it is safe; the file is made if need be."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        done = 0
        while done < len(content):
            done += os.pwrite(handle, content[done:], at + done)
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    """Make a new name survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _utc_text(time: datetime) -> str:
    if time.tzinfo is None:
        raise StateError(f"the time {time.isoformat()} has no time zone, so it cannot be stored")
    return time.astimezone(UTC).isoformat()
