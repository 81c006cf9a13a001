"""Which earlier uploads a model that has become known may be a parent of: told from stored bits, many at a time."""

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
class Newcomer:
    """A model that has become known. What was judged from `known_at` on has been held against it."""

    place: Place
    known_at: datetime  # UTC


@dataclass(frozen=True, slots=True)
class Descendants:
    """Looks for them. `quiet`: the uploads in question, by the revisions that were judged."""

    known: KnownModels
    quiet: Callable[[], Mapping[str, Sequence[Unalerted]]]  # asked for only where there may be some at all

    def of(self, newcomer: Newcomer) -> list[int]:
        """Return which uploads are later than the newcomer, were judged without it, and are its kin."""
        since = self.known.public_since(newcomer.place)
        stored = self.known.sketches.read(newcomer.place) if since else None
        if since is None or stored is None:
            return []
        found: set[int] = set()
        for pack in self.known.sketches.packs(stored.sketch):
            later = {
                r: ids for r in self._later(pack, newcomer.place, since) if (ids := self._judged(pack, r, newcomer))
            }
            records = list(later)
            for begin in range(0, len(records), AT_ONCE):
                some = records[begin : begin + AT_ONCE]
                kin = kin_among(stored.sketch, pack.of, pack.records()[some])
                found.update(i for record, is_kin in zip(some, kin, strict=True) if is_kin for i in later[record])
        return sorted(found)

    def _later(self, pack: Pack, place: Place, since: datetime) -> Iterator[int]:
        """Yield the records of other models' weights that are not earlier; what is not known may be anything."""
        own, begin = place.entry.repo_id.lower(), since.astimezone(UTC).isoformat()
        for record, entry in enumerate(pack.entries[: len(pack.records())]):
            if entry is not None and entry.weights_at >= begin and entry.repo_id.lower() != own:
                yield record

    def _judged(self, pack: Pack, record: int, newcomer: Newcomer) -> list[int]:
        """Return the uploads that were judged by a record, before the newcomer was known."""
        revision = Place(pack, record).entry.revision
        return [q.id for q in self.quiet().get(revision, ()) if q.settled_at < newcomer.known_at]
