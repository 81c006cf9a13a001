"""One class of sketches on disk: a file of records of fixed width, and a file of lines that describe them.

Line i (after a first one that describes the class) belongs to record i. The record is written and synced first,
then the line: a kill in between leaves a record without a line, which the next record overwrites. Readers ignore
a torn last line, and the next writer cuts it off. Lines never change, so readers need no lock. Only compaction
(compaction.py) replaces both files, and only while no other process uses the folder.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from analyzers.records import RepoRef, SampleSpec, Sketch
from analyzers.sketch.fixed_width import SketchClass
from state.data_folder import sync_folder
from state.errors import StateError

FORMAT = "blendwatch sketches "
FIRST, COMPACTED = 2, 3  # formats; a compacted file of lines names its file of records
LOCK_SECONDS = 60.0
HEAD = re.compile(
    r'^\{"repo_id": "([^"\\\n]+)", "revision": "([^"\\\n]+)", '
    r'"weights_at": (?:null|"([^"\\\n]+)"), "read_at": "([^"\\\n]+)", '
    r'(?:"hub_id": "([^"\\\n]+)", )?',
    re.MULTILINE,
)
LINES, BITS, LOCK, BROKEN = ".lines", ".bits", ".lock", ".broken"


@dataclass(frozen=True, slots=True)
class StoredSketch:
    """Sketch with the facts about its model at the time of reading."""

    sketch: Sketch
    weights_at: datetime | None  # when its weights became public; None: unknown
    declares: tuple[str, ...]  # parents that its own card declares, by repo id
    title: str  # the name its maker gives it
    read_at: datetime
    hub_id: str | None = None  # the Hub's own id of the repository; None: unknown, as in earlier versions
    seen_at: datetime | None = None  # when we first saw these weights, where `weights_at` is only a claim


class Entry(NamedTuple):
    """Beginning of a line, unparsed: the part of each record that stays in memory."""

    repo_id: str
    revision: str
    weights_at: str  # "" if unknown; UTC, as all times here, and so in the order of time
    read_at: str
    hub_id: str = ""

    @property
    def ref(self) -> RepoRef:
        """Return the model and revision of the record."""
        return RepoRef(self.repo_id, self.revision)


class Pack:
    """Records of one class. `entries[i]` describes record i; None if it is damaged."""

    def __init__(self, folder: Path, of: SketchClass, bits: str = "") -> None:
        self.of = of
        self.entries: list[Entry | None] = []
        self._lines = folder / f"{of.digest}{LINES}"
        self._bits = folder / (bits or f"{of.digest}{BITS}")
        self._lock = FileLock(folder / f"{of.digest}{LOCK}", timeout=LOCK_SECONDS)
        self.numbers: dict[str, list[int]] = {}  # by repo id in lower case, oldest first
        self.ids: dict[str, list[int]] = {}  # by the Hub's own id, oldest first
        self._mapped = np.empty((0, of.width), np.uint8)
        self._begins: list[int] = []  # of each line in its file
        self._read = 0  # bytes of lines read so far, the first line included

    @classmethod
    def open(cls, lines: Path) -> Pack | None:
        """Return the pack of a file of lines; None if it is damaged or not (yet) one.

        A damaged pack is renamed *.broken, with its records. StateError if a newer version wrote it.
        """
        try:
            with lines.open("rb") as file:
                first = file.readline()
        except FileNotFoundError:
            return None
        if not first.endswith(b"\n"):
            return None  # it never held a sketch; the next writer starts it again
        try:
            about = json.loads(first)
            number = int(about["format"].removeprefix(FORMAT))
            if number > COMPACTED:
                raise StateError(f"{lines} was written by a newer version (format {number}): update the program")
            of = SketchClass.parse(SampleSpec(**about["spec"]), about["slots"])
            bits = about["bits"] if number == COMPACTED else ""
            if number >= FIRST and of.digest == lines.stem and (not bits or _is_bits(bits, lines.stem)):
                return cls(lines.parent, of, bits)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            pass
        for path in (lines, *lines.parent.glob(f"{lines.stem}*{BITS}")):
            path.replace(path.with_suffix(path.suffix + BROKEN))
        return None

    @property
    def paths(self) -> tuple[Path, Path]:
        """Return its file of lines and its file of records."""
        return self._lines, self._bits

    @property
    def settled(self) -> tuple[int, int]:
        """Return the lengths of `paths` in bytes that were read; writers never change these bytes."""
        return self._read, len(self.entries) * self.of.width

    def is_whole(self) -> bool:
        """Return True if all bytes that were read are still on the disk."""
        return not self._read or (self._lines.exists() and self._lines.stat().st_size >= self._read)

    def refresh(self) -> None:
        """Read the lines that any process has added since."""
        try:
            with self._lines.open("rb") as file:
                file.seek(self._read)
                added = file.read()
        except FileNotFoundError:
            return
        added = added[: added.rfind(b"\n") + 1]
        lines = added.split(b"\n")[0 if self._read else 1 : -1]  # the very first line describes the class
        begin = self._read or added.find(b"\n") + 1
        self._begins += accumulate((len(line) + 1 for line in lines[:-1]), initial=begin) if lines else ()
        for record, entry in enumerate(_entries(lines), start=len(self.entries)):
            self.entries.append(entry)
            if entry is not None:
                self.numbers.setdefault(entry.repo_id.lower(), []).append(record)
                if entry.hub_id:
                    self.ids.setdefault(entry.hub_id, []).append(record)
        self._read += len(added)

    def append(self, batch: Sequence[StoredSketch]) -> None:
        """Append sketches of this class; OSError if the disk refuses."""
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

    def records(self) -> NDArray[np.uint8]:
        """Return all records as they lie on the disk, uint8[records, width], unverified: mapped, not in memory.

        They are fewer than the entries if the file was cut off. A mapping costs no memory of its own.
        """
        count = len(self.entries)
        if self._mapped.shape[0] != count and self.of.width and self._bits.exists():
            count = min(count, self._bits.stat().st_size // self.of.width)
            if count:
                self._mapped = np.asarray(np.memmap(self._bits, np.uint8, "r", shape=(count, self.of.width)))
        return self._mapped[:count]

    def get(self, record: int) -> StoredSketch | None:
        """Return one sketch; None if it is damaged, which `entries` then records."""
        entry = self.entries[record]
        found = None if entry is None else self._decode(record)
        if found is None:
            self.entries[record] = None
        return found

    def raw(self, record: int) -> tuple[bytes, bytes]:
        """Return a record's line and its bits as they lie on the disk; no bits if their file is gone."""
        bits = b""
        with suppress(FileNotFoundError), self._bits.open("rb") as bits_file:
            bits_file.seek(record * self.of.width)
            bits = bits_file.read(self.of.width)
        with self._lines.open("rb") as file:
            file.seek(self._begins[record])
            line = file.readline()
        return line, bits

    def _decode(self, record: int) -> StoredSketch | None:
        line, bits = self.raw(record)
        try:
            about: Mapping[str, Any] = json.loads(line)
            if len(bits) < self.of.width or about["crc"] != zlib.crc32(bits):
                return None
            samples = self.of.unpack(bits, [int(r) for r in about["rows"]])
            return StoredSketch(
                Sketch(RepoRef(about["repo_id"], about["revision"]), self.of.spec, samples),
                _time(about["weights_at"]) if about["weights_at"] else None,
                tuple(about["declares"]),
                about["title"],
                _time(about["read_at"]),
                about.get("hub_id"),
                _time(about["seen_at"]) if about.get("seen_at") else None,
            )
        except (ValueError, KeyError, TypeError, RecursionError):
            return None

    def _make_ready(self) -> None:
        """Begin the file of lines, or cut off a torn last line: lines are appended only after complete ones."""
        if self._lines.exists():
            with self._lines.open("rb") as file:
                file.seek(self._read)
                added = file.read()
            good = self._read + added.rfind(b"\n") + 1
            if good < self._read + len(added):
                os.truncate(self._lines, good)
            if good:
                return
        _write(self._lines, 0, first_line(self.of))
        sync_folder(self._lines.parent)


def first_line(of: SketchClass, bits: str = "") -> bytes:
    """Return the line that describes a class; `bits`: the name of the file of records, if compacted."""
    spec = of.spec
    about: dict[str, object] = {
        "format": f"{FORMAT}{COMPACTED if bits else FIRST}",
        "spec": {"seed": spec.seed, "windows": spec.windows, "elements": spec.elements},
        "slots": of.describe(),
    }
    return json.dumps(about | ({"bits": bits} if bits else {})).encode() + b"\n"


def _is_bits(name: str, digest: str) -> bool:
    return re.fullmatch(rf"{re.escape(digest)}(\.\d+)?{re.escape(BITS)}", name) is not None


def _entries(lines: Sequence[bytes]) -> list[Entry | None]:
    """Parse the beginnings of lines, None for a damaged one. Parsing 100,000 whole lines would take seconds."""
    text = b"\n".join(lines).decode("ascii", errors="replace")
    found: list[Entry | None] = [Entry(*groups) for groups in HEAD.findall(text)]
    return found if len(found) == len(lines) else [_entry(line) for line in lines]


def _entry(line: bytes) -> Entry | None:
    try:
        about = json.loads(line)
        times = about["weights_at"] or "", about["read_at"]
        return Entry(about["repo_id"], about["revision"], *times, about.get("hub_id") or "")
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _line(stored: StoredSketch, of: SketchClass, crc: int) -> bytes:
    about: dict[str, object] = {
        "repo_id": stored.sketch.ref.repo_id,
        "revision": stored.sketch.ref.revision,
        "weights_at": None if stored.weights_at is None else _utc_text(stored.weights_at),
        "read_at": _utc_text(stored.read_at),
        **({"hub_id": stored.hub_id} if stored.hub_id else {}),
        **({"seen_at": _utc_text(stored.seen_at)} if stored.seen_at else {}),
        "declares": stored.declares,
        "title": stored.title,
        "rows": [stored.sketch.samples[slot.key].rows for slot in of.slots],
        "crc": crc,
    }
    return json.dumps(about).encode() + b"\n"


def _write(path: Path, at: int, content: bytes) -> None:
    """Write at a position and sync; create the file if needed."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        done = 0
        while done < len(content):
            done += os.pwrite(handle, content[done:], at + done)
        os.fsync(handle)
    finally:
        os.close(handle)


def _utc_text(time: datetime) -> str:
    if time.tzinfo is None:
        raise StateError(f"the time {time.isoformat()} has no time zone, so it cannot be stored")
    return time.astimezone(UTC).isoformat()
