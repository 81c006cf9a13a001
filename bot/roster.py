"""Which stored sketches are known models: each at its pinned revision or else as last read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from analyzers.records import SampleSpec, Sketch
from analyzers.stream import Pool
from state.registry import Model, Registry
from state.sketches import Pack, Place, SketchStore


@dataclass
class Rows:
    """Of each record of a pack: is it a known model's, and since when are its weights public (seconds, or nan)."""

    known: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    since: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def grow(self, count: int) -> range:
        """Make room for `count` records; return the new ones."""
        new = range(len(self.known), count)
        self.known = np.concatenate([self.known, np.zeros(len(new), bool)])
        self.since = np.concatenate([self.since, np.full(len(new), np.nan)])
        return new


@dataclass
class Roster:
    """Keeps track of the registry's models among the stored sketches as these grow; only new ones are looked at."""

    registry: Registry
    sketches: SketchStore
    spec: SampleSpec
    find: Callable[[str], Model | None]  # the known model of this name
    _rows: dict[Pack, Rows] = field(default_factory=dict)

    def pools(self, suspect: Sketch, weights_at: datetime | None) -> list[tuple[Pack, Pool]]:
        """Return the packs that share coordinates with a suspect, and their references that are not later than it."""
        packs = self.sketches.packs(suspect)
        self._update(packs)
        found = []
        for pack in packs:
            rows, records = self._rows[pack], pack.records()
            allowed = rows.known[: len(records)].copy()
            if weights_at is not None:
                allowed &= ~(rows.since[: len(records)] > weights_at.timestamp())
            own = pack.numbers.get(suspect.ref.repo_id.lower(), [])
            allowed[[record for record in own if record < len(records)]] = False
            if allowed.any():
                found.append((pack, Pool(pack.of, allowed, records)))
        return found

    def lost(self, place: Place) -> None:
        """Forget a record that turned out to be damaged."""
        self._rows[place.pack].known[place.record] = False

    def bases(self) -> Iterator[Place]:
        """Yield where the registry's bases are kept."""
        for model in self.registry.models:
            if model.role == "base" and (place := self.place(model)):
                yield place

    def place(self, model: Model) -> Place | None:
        """Where the sketch of a known model is kept; None if it was never read."""
        return self.sketches.find(model.repo_id, model.revision, self.spec)

    def _update(self, packs: list[Pack]) -> None:
        fresh: dict[str, Model] = {}
        for pack in packs:
            rows = self._rows.setdefault(pack, Rows())
            for record in rows.grow(len(pack.entries)):
                entry = pack.entries[record]
                model = self.find(entry.repo_id) if entry else None
                if model is not None:
                    fresh[model.repo_id.lower()] = model
        for name, model in fresh.items():
            for pack, rows in self._rows.items():
                rows.known[[record for record in pack.numbers.get(name, []) if record < len(rows.known)]] = False
            place = self.place(model)
            if place is not None and place.pack in self._rows:
                rows = self._rows[place.pack]
                since = model.weights_at or _time(place.entry.weights_at)
                rows.known[place.record] = True
                rows.since[place.record] = since.timestamp() if since else np.nan


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None  # a damaged line: what is not known forbids nothing
