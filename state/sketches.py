"""Sketches of known models, kept for ever: one safetensors file each, holding the raw bits that were read."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import ml_dtypes
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from analyzers.records import RepoRef, Sample, SampleSpec, Sketch, SliceKey
from state.errors import StateError

FORMAT = "blendwatch sketch 1"
KEPT_AS_STORED = (np.dtype(ml_dtypes.bfloat16), np.dtype(np.float16), np.dtype(np.float32))


@dataclass(frozen=True, slots=True)
class StoredSketch:
    """A sketch and what was known of its model when it was read."""

    sketch: Sketch
    weights_at: datetime | None  # when its weights became public; None: unknown
    declares: tuple[str, ...]  # repo ids its own card names as parents
    title: str  # the name its maker gives it
    read_at: datetime


class SketchStore:
    """A folder of sketches. Several processes may share it: a file appears whole or not at all.

    A file that is damaged or holds something else counts as absent and is renamed to *.broken.
    StateError means that the folder cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StateError(f"the folder {folder} for sketches cannot be made: {error.strerror}") from error

    def get(self, ref: RepoRef, spec: SampleSpec) -> StoredSketch | None:
        """The sketch of `ref` at the coordinates of `spec`; None if it is not there."""
        path = self._path(ref, spec)
        stored = _read(path)
        if stored is not None and (stored.sketch.ref, stored.sketch.spec) != (ref, spec):
            _set_aside(path)
            return None
        return stored

    def put(self, stored: StoredSketch) -> None:
        """Keep a sketch in place of any older one of the same model at the same coordinates."""
        content = _encode(stored)
        path = self._path(stored.sketch.ref, stored.sketch.spec)
        try:
            _write_whole(path, content)
        except OSError as error:
            raise StateError(f"the sketch of {stored.sketch.ref} cannot be written: {error}") from error

    def all(self, spec: SampleSpec) -> Iterator[StoredSketch]:
        """Every sketch at the coordinates of `spec`, read one at a time."""
        for path in sorted(self._folder.glob(f"{spec.name}-*.safetensors")):
            stored = _read(path)
            if stored is None:
                continue
            if self._path(stored.sketch.ref, stored.sketch.spec) == path:
                yield stored
            else:
                _set_aside(path)

    def _path(self, ref: RepoRef, spec: SampleSpec) -> Path:
        identity = "\n".join((ref.repo_id, ref.revision, spec.name))
        return self._folder / f"{spec.name}-{hashlib.sha256(identity.encode()).hexdigest()}.safetensors"


def _encode(stored: StoredSketch) -> bytes:
    sketch = stored.sketch
    tensors = {str(key): np.ascontiguousarray(sample.values) for key, sample in sketch.samples.items()}
    for name, values in tensors.items():
        if values.dtype not in KEPT_AS_STORED:
            raise StateError(f"the sketch of {sketch.ref} cannot be kept: {name} has values of type {values.dtype}")
    about = {
        "repo_id": sketch.ref.repo_id,
        "revision": sketch.ref.revision,
        "spec": {"seed": sketch.spec.seed, "windows": sketch.spec.windows, "elements": sketch.spec.elements},
        "samples": [[k.role, k.layer, k.expert, s.rows, s.cols, s.row] for k, s in sketch.samples.items()],
        "weights_at": None if stored.weights_at is None else _utc_text(stored.weights_at),
        "declares": stored.declares,
        "title": stored.title,
        "read_at": _utc_text(stored.read_at),
    }
    try:
        return save(tensors, metadata={"format": FORMAT, "sketch": json.dumps(about, sort_keys=True)})
    except (SafetensorError, ValueError) as error:
        raise StateError(f"the sketch of {sketch.ref} cannot be kept: {error}") from error


def _decode(path: Path) -> StoredSketch:
    """Raises whatever the damage makes it raise."""
    with safe_open(path, framework="np") as file:
        metadata: dict[str, str] = file.metadata() or {}
        if metadata.get("format") != FORMAT:
            raise ValueError("not a sketch")
        about = json.loads(metadata["sketch"])
        samples: dict[SliceKey, Sample] = {}
        for role, layer, expert, rows, cols, row in about["samples"]:
            key = SliceKey(role, layer, expert)
            samples[key] = Sample(rows, cols, row, file.get_tensor(str(key)))
    return StoredSketch(
        sketch=Sketch(RepoRef(about["repo_id"], about["revision"]), SampleSpec(**about["spec"]), samples),
        weights_at=None if about["weights_at"] is None else datetime.fromisoformat(about["weights_at"]),
        declares=tuple(about["declares"]),
        title=about["title"],
        read_at=datetime.fromisoformat(about["read_at"]),
    )


def _read(path: Path) -> StoredSketch | None:
    try:
        return _decode(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateError(f"the sketch {path} cannot be read: {error}") from error
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError):
        _set_aside(path)
        return None


def _set_aside(path: Path) -> None:
    """Out of the way, but kept: it may tell what went wrong."""
    try:
        path.replace(path.with_suffix(".broken"))
    except FileNotFoundError:
        return  # another process was faster
    except OSError as error:
        raise StateError(f"the damaged sketch {path} cannot be renamed: {error.strerror}") from error


def _write_whole(path: Path, content: bytes) -> None:
    """Write beside `path` first: a kill at any point leaves the old file or the new one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=".part")
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _utc_text(time: datetime) -> str:
    if time.tzinfo is None:
        raise StateError(f"the time {time.isoformat()} has no time zone, so it cannot be stored")
    return time.astimezone(UTC).isoformat()
