"""Index the stored sketches of known models: of the pinned revision, or else of all weights that were read.

So blends of a repository's earlier weights are found after it got others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analyzers.compare.case import later
from analyzers.compare.kinship import kinship
from analyzers.records import Reference, SampleSpec, Sketch
from analyzers.shortlist.stream import Pool
from state.registry.models import Model, Registry
from state.sketches.store import Pack, Place, SketchStore

STATES: Final = 4  # weights of one model that are known: the first read, and the newest


@dataclass
class Rows:
    """Arrays with an entry for each record of a pack. `known`: of a known model; `since`: public since (s, or nan)."""

    known: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    since: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def grow(self, count: int) -> range:
        """Grow to `count` records; return the new ones."""
        new = range(len(self.known), count)
        self.known = np.concatenate([self.known, np.zeros(len(new), bool)])
        self.since = np.concatenate([self.since, np.full(len(new), np.nan)])
        return new


@dataclass
class KnownIndex:
    """Finds the known models among the stored sketches. As these grow, only new records are examined."""

    registry: Registry
    sketches: SketchStore
    spec: SampleSpec
    find: Callable[[str], Model | None]  # the known model of this name
    _rows: dict[Pack, Rows] = field(default_factory=dict)

    def pools(self, suspect: Sketch, weights_at: datetime | None) -> list[tuple[Pack, Pool]]:
        """Return the packs that share coordinates with a suspect, each with its references that are not later."""
        packs = self.sketches.packs(suspect)
        self._update(packs)
        kept = self.sketches.find(suspect.ref.repo_id, suspect.ref.revision, self.spec)
        hub_id = kept.entry.hub_id if kept else ""
        found = []
        for pack in packs:
            rows, records = self._rows[pack], pack.records()
            allowed = rows.known[: len(records)].copy()
            if weights_at is not None:
                allowed &= ~(rows.since[: len(records)] > weights_at.timestamp())
            own = {*pack.numbers.get(suspect.ref.repo_id.lower(), ()), *pack.ids.get(hub_id, ())}
            allowed[[record for record in own if record < len(records)]] = False
            if allowed.any():
                found.append((pack, Pool(pack.of, allowed, records)))
        return found

    def lost(self, place: Place) -> None:
        """Remove a damaged record from the index."""
        self._rows[place.pack].known[place.record] = False

    def bases(self) -> Iterator[Place]:
        """Yield the places of the registry's bases."""
        for model in self.registry.models:
            if model.role == "base":
                yield from self.states(model)

    def place(self, model: Model) -> Place | None:
        """Return the place of a known model's newest sketch; None if it was never read."""
        return self.sketches.find(model.repo_id, model.revision, self.spec)

    def states(self, model: Model) -> list[Place]:
        """Return the places of a known model's weights: of its revision, else at most STATES of its repository."""
        if model.revision is not None:
            place = self.place(model)
            return [place] if place else []
        places = self.sketches.history(model.repo_id, None, self.spec)
        if len(places) > 1:  # the same weights under several commits count once, as first read
            places = list({(p.pack, _bits(p)): p for p in reversed(places)}.values())[::-1]
        return places if len(places) <= STATES else [places[0], *places[1 - STATES :]]

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
            for number, place in enumerate(self.states(model)):
                if place.pack in self._rows:
                    registered = model.weights_at if number == 0 else None
                    since = registered or _time(place.entry.weights_at)
                    rows = self._rows[place.pack]
                    rows.known[place.record] = True
                    rows.since[place.record] = since.timestamp() if since else np.nan


def _bits(place: Place) -> bytes:
    """Return a record's bytes on disk; its number where the file was truncated before it."""
    records = place.pack.records()
    return records[place.record].tobytes() if place.record < len(records) else str(place.record).encode()


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None  # a damaged line: an unknown date excludes nothing


def undated_if_later(reference: Reference, claimed: datetime | None) -> Reference:
    """Return the reference without a date where only the suspect's own date makes it later."""
    return replace(reference, weights_at=None) if later(reference.weights_at, claimed) else reference


def nearest(suspect: Sketch, references: Sequence[Reference]) -> list[Reference]:
    """Return each model once, with the nearest of its repository's weights."""
    each: dict[str, list[Reference]] = {}
    for reference in references:
        each.setdefault(reference.repo_id.lower(), []).append(reference)

    def distance(reference: Reference) -> float:
        kin = kinship(suspect, reference, suspect.spec.windows)
        return kin.distance if kin else float("inf")

    return [states[0] if len(states) == 1 else min(states, key=distance) for states in each.values()]
