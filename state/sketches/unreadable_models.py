"""Models that could not be read, with the reason and the next time to ask, so that not every check asks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from state.data_folder import write_whole


@dataclass(frozen=True, slots=True)
class UnreadableModel:
    """Reason why a model could not be read, and the time (UTC) before which it is not asked for again."""

    reason: str
    until: datetime


class UnreadableModels:
    """Small JSON file, replaced whole at every change; an unreadable file counts as empty."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def get(self, repo_id: str, now: datetime) -> UnreadableModel | None:
        """Return why `repo_id` must not be asked for now; None if it may be."""
        entry = self._all().get(repo_id.lower())
        return entry if entry and entry.until > now else None

    def put(self, repo_id: str, absence: UnreadableModel, now: datetime) -> None:
        """Store one, and drop expired ones; StateError if the disk refuses."""
        lasting = {name: entry for name, entry in self._all().items() if entry.until > now}
        self._write(lasting | {repo_id.lower(): absence})

    def forget(self, repo_ids: Iterable[str]) -> None:
        """Allow asking for these at once; StateError if the disk refuses."""
        entries = self._all()
        kept = {name: entries[name] for name in entries.keys() - {repo_id.lower() for repo_id in repo_ids}}
        if kept != entries:
            self._write(kept)

    def _write(self, entries: Mapping[str, UnreadableModel]) -> None:
        text = json.dumps({name: [a.reason, a.until.isoformat()] for name, a in sorted(entries.items())}, indent=1)
        write_whole(self._file, text)

    def _all(self) -> dict[str, UnreadableModel]:
        try:
            entries = json.loads(self._file.read_text(encoding="utf-8"))
            return {k: UnreadableModel(str(v[0]), datetime.fromisoformat(v[1])) for k, v in entries.items()}
        except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError):
            return {}
