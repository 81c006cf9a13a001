"""Find the earlier uploads that a newly known model may be a parent of, from stored bits, many at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from analyzers.compare.kinship import kin_among
from bot.known.models import KnownModels
from state.records import Unalerted
from state.sketches.store import Pack, Place

AT_ONCE: Final = 16  # sketches in memory


@dataclass(frozen=True, slots=True)
class NewModel:
    """A newly known model. Uploads that were judged from `known_at` on were compared with it."""

    place: Place
    known_at: datetime  # UTC


@dataclass(frozen=True, slots=True)
class Descendants:
    """Finds the descendants of new models. `quiet`: returns uploads without an alert, by judged revision."""

    known: KnownModels
    quiet: Callable[[], Mapping[str, Sequence[Unalerted]]]  # called only where there may be some

    def of(self, new_model: NewModel) -> list[int]:
        """Return the ids of uploads that are later than the model, were judged without it, and are its kin."""
        since = self.known.public_since(new_model.place)
        stored = self.known.sketches.read(new_model.place) if since else None
        if since is None or stored is None:
            return []
        found: set[int] = set()
        for pack in self.known.sketches.packs(stored.sketch):
            later = {
                r: ids for r in self._later(pack, new_model.place, since) if (ids := self._judged(pack, r, new_model))
            }
            records = list(later)
            for begin in range(0, len(records), AT_ONCE):
                some = records[begin : begin + AT_ONCE]
                kin = kin_among(stored.sketch, pack.of, pack.records()[some])
                found.update(i for record, is_kin in zip(some, kin, strict=True) if is_kin for i in later[record])
        return sorted(found)

    def _later(self, pack: Pack, place: Place, since: datetime) -> Iterator[int]:
        """Yield the records of other models' weights that are dated `since` (UTC) or later."""
        own, begin = place.entry.repo_id.lower(), since.astimezone(UTC).isoformat()
        for record, entry in enumerate(pack.entries[: len(pack.records())]):
            if entry is not None and entry.weights_at >= begin and entry.repo_id.lower() != own:
                yield record

    def _judged(self, pack: Pack, record: int, new_model: NewModel) -> list[int]:
        """Return the ids of uploads that were judged by a record before the model was known."""
        revision = Place(pack, record).entry.revision
        return [q.id for q in self.quiet().get(revision, ()) if q.settled_at < new_model.known_at]
