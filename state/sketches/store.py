"""Sketches of known models, kept for ever: the raw bits as read, one pack for each class of sketches."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from analyzers.records import RepoRef, SampleSpec, Sketch
from analyzers.sketch.fixed_width import SketchClass
from state.data_folder import share_sketches
from state.errors import StateError
from state.sketches.packs import BROKEN, LINES, Entry, Pack, StoredSketch

__all__ = ["Pack", "Place", "SketchStore", "StoredSketch"]


@dataclass(frozen=True, slots=True)
class Place:
    """Location of a sketch: record `record` of a pack."""

    pack: Pack
    record: int

    @property
    def entry(self) -> Entry:
        """Return the entry of a record that is not damaged; else LookupError."""
        entry = self.pack.entries[self.record]
        if entry is None:
            raise LookupError(f"record {self.record} of {self.pack.of.digest} is damaged")
        return entry


class SketchStore:
    """Folder of sketches. Several processes may share it: a sketch appears whole or not at all.

    Damaged sketches count as absent. StateError: the folder cannot be used. No process compacts the folder
    until `close` is called or the store is garbage-collected.
    """

    close: Callable[[], object]

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._packs: dict[str, Pack] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle = share_sketches(folder)
        except OSError as error:
            raise StateError(f"the folder {folder} for sketches cannot be made: {error.strerror}") from error
        self.close = weakref.finalize(self, os.close, handle) if handle >= 0 else lambda: None

    def get(self, ref: RepoRef, spec: SampleSpec) -> StoredSketch | None:
        """Return the sketch of `ref` at the coordinates of `spec`, or None."""
        self.refresh()
        for place in self._newest_first(ref.repo_id, spec):
            if place.entry.ref == ref and (stored := self._stored(place)):
                return stored
        return None

    def put(self, stored: StoredSketch) -> None:
        """Store a sketch in place of any older one of the same model at the same coordinates."""
        self.put_all([stored])

    def put_all(self, batch: Sequence[StoredSketch]) -> None:
        """Store many sketches at the cost of a few syncs; equal ones are not written again."""
        self.refresh()
        groups: dict[SketchClass, list[StoredSketch]] = {}
        for stored in batch:
            if not self._is_there(stored):
                groups.setdefault(_class_of(stored.sketch), []).append(stored)
        for of, group in groups.items():
            pack = self._packs.setdefault(of.digest, Pack(self._folder, of))
            try:
                pack.append(group)
            except OSError as error:
                raise StateError(f"the sketch of {group[0].sketch.ref} cannot be written: {error}") from error
        self.refresh()

    def all(self, spec: SampleSpec) -> Iterator[StoredSketch]:
        """Yield every sketch at the coordinates of `spec`, read one at a time."""
        self.refresh()
        for repo_id in {name: None for pack in self._packs.values() if pack.of.spec == spec for name in pack.numbers}:
            seen: set[RepoRef] = set()
            for place in self._newest_first(repo_id, spec):
                if place.entry.ref not in seen and (stored := self._stored(place)):
                    seen.add(stored.sketch.ref)
                    yield stored

    def refresh(self) -> None:
        """Read what any process has stored since; all methods except `find` do this first."""
        try:
            if not all(pack.is_whole() for pack in self._packs.values()):  # files were taken away: begin again
                self._packs.clear()
            for path in sorted(self._folder.glob(f"*{LINES}")):
                if path.stem not in self._packs and (found := Pack.open(path)):
                    self._packs[path.stem] = found
            for pack in self._packs.values():
                pack.refresh()
        except OSError as error:
            raise StateError(f"the folder {self._folder} for sketches cannot be read: {error}") from error

    def find(self, repo_id: str, revision: str | None, spec: SampleSpec) -> Place | None:
        """Return the place of a model's newest sketch, ignoring case; `revision` None: any. Not verified."""
        fitting = (p for p in self._newest_first(repo_id, spec) if revision in (None, p.entry.revision))
        return next(fitting, None)

    def history(self, repo_id: str, hub_id: str | None, spec: SampleSpec) -> list[Place]:
        """Return the places of a repository's sketches under all its names, the oldest reading first; not verified.

        `hub_id`: the Hub's own id. If either side does not know it, the name identifies the repository.
        """
        packs = [p for p in self._packs.values() if p.of.spec == spec]
        named = [Place(p, i) for p in packs for i in p.numbers.get(repo_id.lower(), ())]
        others = [Place(p, i) for p in packs for i in p.ids.get(hub_id, ())] if hub_id else []
        sound = [p for p in dict.fromkeys([*named, *others]) if p.pack.entries[p.record] is not None]
        same = [p for p in sound if hub_id is None or p.entry.hub_id in ("", hub_id)]
        return sorted(same, key=lambda p: p.entry.read_at)

    def read_since(self, moment: datetime, spec: SampleSpec) -> list[Place]:
        """Return the places of sketches read after `moment` (UTC)."""
        self.refresh()
        after = moment.isoformat()
        packs = [p for p in self._packs.values() if p.of.spec == spec]
        return [Place(p, i) for p in packs for i, e in enumerate(p.entries) if e is not None and e.read_at > after]

    def packs(self, like: Sketch) -> list[Pack]:
        """Read what other processes stored; return the packs that share coordinates with `like`."""
        self.refresh()
        return [p for p in self._packs.values() if p.of.spec == like.spec and next(p.of.shared(like), None)]

    def read(self, place: Place) -> StoredSketch | None:
        """Return the sketch at `place`; None if it is damaged, and then `find` skips it."""
        return self._stored(place)

    def names(self) -> set[str]:
        """Return the repo ids, in lower case, of all models that have a sketch."""
        self.refresh()
        return {name for pack in self._packs.values() for name in pack.numbers}

    def broken(self) -> int:
        """Count the files that were set aside as damaged."""
        return len(list(self._folder.glob(f"*{BROKEN}")))

    def _newest_first(self, repo_id: str, spec: SampleSpec) -> list[Place]:
        packs = [p for p in self._packs.values() if p.of.spec == spec]
        places = [Place(p, record) for p in packs for record in reversed(p.numbers.get(repo_id.lower(), ()))]
        sound = [p for p in places if p.pack.entries[p.record] is not None]
        return sorted(sound, key=lambda p: p.entry.read_at, reverse=True) if len(sound) > 1 else sound

    def _stored(self, place: Place) -> StoredSketch | None:
        try:
            return place.pack.get(place.record)
        except OSError as error:
            raise StateError(f"the sketch of {place.entry.ref} cannot be read: {error}") from error

    def _is_there(self, stored: StoredSketch) -> bool:
        """Return True if the newest sketch of this model is equal except for the time of reading."""
        ref, spec = stored.sketch.ref, stored.sketch.spec
        newest = next((p for p in self._newest_first(ref.repo_id, spec) if p.entry.ref == ref), None)
        kept = self._stored(newest) if newest else None
        if kept is None or _class_of(kept.sketch) != _class_of(stored.sketch):
            return False
        of = _class_of(kept.sketch)
        about = replace(stored, sketch=kept.sketch, read_at=kept.read_at)
        rows = [{k: s.rows for k, s in x.sketch.samples.items()} for x in (kept, stored)]
        return about == kept and rows[0] == rows[1] and of.pack(kept.sketch) == of.pack(stored.sketch)


def _class_of(sketch: Sketch) -> SketchClass:
    try:
        return SketchClass.of(sketch)
    except ValueError as error:
        raise StateError(f"the sketch of {sketch.ref} cannot be kept: {error}") from None
