"""Results of one survey: a file with one JSON object a line. A survey that was cut short goes on from it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from state.data_folder import disk_errors

FAILED = "failed"  # a state; such a model is tried again


class SurveyResults:
    """The newest result of each model. A line is synced before `add` returns; a torn last line is cut off."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._rows: dict[str, dict[str, Any]] = {}
        with disk_errors(file.parent):
            file.parent.mkdir(parents=True, exist_ok=True)
            self._read()

    def _read(self) -> None:
        if not self._file.exists():
            return
        content = self._file.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            os.truncate(self._file, len(whole))
        for line in whole.splitlines():
            row = _row(line)
            if row is not None:
                self._rows[row["repo_id"].lower()] = row

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Return the newest result of each model, in the order of their first results."""
        return list(self._rows.values())

    def settled(self, repo_id: str, revision: str | None) -> bool:
        """Return True if this commit has a result that is not `failed`. `revision`: None counts as unchanged."""
        row = self._rows.get(repo_id.lower())
        return row is not None and row["state"] != FAILED and revision in (None, row.get("revision"))

    def add(self, row: Mapping[str, Any]) -> None:
        """Append a result with `repo_id` and `state`; StateError where the disk refuses."""
        with disk_errors(self._file.parent):
            handle = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                line = json.dumps(dict(row), separators=(",", ":")).encode() + b"\n"
                while line:
                    line = line[os.write(handle, line) :]
                os.fsync(handle)
            finally:
                os.close(handle)
        self._rows[str(row["repo_id"]).lower()] = dict(row)


def _row(line: bytes) -> dict[str, Any] | None:
    """Parse one line; None for one that holds no result."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    whole = isinstance(row, dict) and isinstance(row.get("repo_id"), str) and isinstance(row.get("state"), str)
    return row if whole else None
