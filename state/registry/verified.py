"""Results of comparing known models with the Hub: a small JSON file, a cache that may be deleted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from state.data_folder import write_whole
from state.registry.models import Model


@dataclass(frozen=True, slots=True)
class Verified:
    """Comparison of one entry with the Hub: time (UTC), commit and differences.

    `facts`: the Hub's values of the entry's keys, without those it does not give.
    """

    entry: str  # see `entry_digest`
    at: datetime
    revision: str
    differs: tuple[str, ...]
    facts: Mapping[str, str] = field(default_factory=dict)


def entry_digest(model: Model) -> str:
    """Return a digest of an entry, which changes with its description."""
    return hashlib.sha256(json.dumps(asdict(model), default=str, sort_keys=True).encode()).hexdigest()[:16]


class Verifications:
    """The file, replaced whole at every change; an unreadable file counts as empty."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def get(self, model: Model) -> Verified | None:
        """Return the result for this entry; None if its present form was never verified."""
        return self.all().get(entry_digest(model))

    def put(self, model: Model, found: Verified) -> None:
        """Store a result in place of the model's earlier one; StateError if the disk refuses."""
        entries = self._read()
        entries[model.repo_id.lower()] = {
            **asdict(found),
            "at": found.at.isoformat(),
            "differs": list(found.differs),
        }
        write_whole(self._file, json.dumps(dict(sorted(entries.items())), indent=1))

    def all(self) -> Mapping[str, Verified]:
        """Return all results by the digest of their entry."""
        found = {}
        for kept in self._read().values():
            try:
                one = Verified(
                    str(kept["entry"]),
                    datetime.fromisoformat(kept["at"]),
                    str(kept["revision"]),
                    tuple(map(str, kept["differs"])),
                    {str(key): str(value) for key, value in kept.get("facts", {}).items()},
                )
            except (ValueError, TypeError, KeyError, AttributeError):
                continue  # a damaged entry is verified anew
            found[one.entry] = one
        return found

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            entries = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return entries if isinstance(entries, dict) else {}
