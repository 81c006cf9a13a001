"""Hashes of known models' files, to recognize an upload's files from its listing alone."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from state.data_folder import write_whole
from state.errors import StateError

FILES: Final = "files"  # the folder's name in the data folder
PASSED_OVER: Final = "passed-over"  # the folder of models that were public before the watch began
MAX_MODELS: Final = 20_000
MAX_FILES: Final = 2_048  # of one model
MAX_BYTES: Final = 500_000  # of one model's record
_DIGEST: Final = re.compile(r"(?:sha256:[0-9a-f]{64}|git:[0-9a-f]{40})")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Digests of one model's files by path, at one revision."""

    repo_id: str
    revision: str
    digests: Mapping[str, str] = field(default_factory=dict)


class KnownFiles:
    """Folder with a small JSON file for each model; an unreadable file counts as absent.

    Several processes may share it: a file appears whole or not at all.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read_at: int | None = None  # change time of the folder at the last reading
        self._models: dict[str, tuple[tuple[int, int], ModelFiles]] = {}  # file name -> its time and size, and content
        self._holders: dict[str, dict[str, None]] = {}  # digest -> repo ids

    def put(self, model: ModelFiles) -> None:
        """Store a model's digests in place of older ones, if they changed; StateError if the disk refuses."""
        kept = {p: d for p, d in sorted(model.digests.items())[:MAX_FILES] if _DIGEST.fullmatch(d)}
        text = json.dumps({"repo_id": model.repo_id, "revision": model.revision, "files": kept})
        target = self._folder / _name(model.repo_id)
        try:
            if not kept or len(text) > MAX_BYTES or (target.exists() and target.read_text(encoding="utf-8") == text):
                return
        except OSError as error:
            raise StateError(f"{target} cannot be read: {error.strerror}") from error
        write_whole(target, text)
        self._read_at = None

    def has(self, repo_id: str, revision: str) -> bool:
        """Return True if the digests of a model at a revision are kept."""
        self._refresh()
        kept = self._models.get(_name(repo_id))
        return kept is not None and kept[1].revision == revision

    def holders(self, digests: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Return those of the digests that known models' files have, each with the models' repo ids."""
        self._refresh()
        return {d: tuple(self._holders[d]) for d in digests if d in self._holders}

    def _refresh(self) -> None:
        """Read new and changed files of the folder."""
        try:
            changed = self._folder.stat().st_mtime_ns
            if changed == self._read_at:
                return
            paths = sorted(self._folder.glob("*.json"))[:MAX_MODELS]
            marks = {p.name: (s.st_mtime_ns, s.st_size) for p in paths if (s := p.stat())}
        except OSError:
            return  # a missing folder holds nothing
        old = self._models
        found = {
            n: old[n] if n in old and old[n][0] == mark else (mark, _read(self._folder / n))
            for n, mark in marks.items()
        }
        self._models = {name: (mark, model) for name, (mark, model) in found.items() if model is not None}
        self._holders = {}
        for _, model in self._models.values():
            for digest in model.digests.values():
                self._holders.setdefault(digest, {})[model.repo_id] = None
        self._read_at = changed


def _name(repo_id: str) -> str:
    return f"{hashlib.sha256(repo_id.lower().encode()).hexdigest()[:32]}.json"


def _read(path: Path) -> ModelFiles | None:
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
        files = {str(p): d for p, d in list(content["files"].items())[:MAX_FILES] if _DIGEST.fullmatch(d)}
        return ModelFiles(str(content["repo_id"]), str(content["revision"]), files)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
