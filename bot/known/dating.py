"""Date the publication of weights, for uploads and known models alike.

A commit's time comes from its author's clock, and a history can be squashed, resharded or backdated. These count:
- the registry's date of a model, for the weights that its entry means;
- for weights that were read of the same repository before, under any commit, the dates of then;
- else the commit's time, not before the repository was made or was last seen without weights, nor after first sight.

An earlier date is only its author's claim where the watch saw the model later, and would have seen it earlier. Then the
order is unknown and no alert is sent. The watch cannot have seen a model that was published before the watch began and
not changed since. So on a cold start the claim counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final, Protocol

import numpy as np

from analyzers.compare.kinship import common_keys
from analyzers.numbers.rounding import round_to, widen
from analyzers.records import SampleSpec, Sketch
from analyzers.thresholds import COPY_TENSORS_HELD
from bot.sources.first_look import FirstLook
from state.registry.models import Model, Registry
from state.sketches.store import SketchStore, StoredSketch
from state.uploads.sights import Sighting

LOOKED_BACK: Final = 64  # sketches of one repository that an upload is compared with, the oldest first


class Sights(Protocol):
    """The record of repositories that the watch saw."""

    def sighting(self, repo_id: str, hub_id: str | None, revision: str) -> Sighting:
        """Return the times at which a repository and this revision were seen."""
        ...


@dataclass(frozen=True, slots=True)
class Dating:
    """Dates weights. `sights`: None without a watch, so that no sight confirms a claim."""

    registry: Registry
    sketches: SketchStore
    spec: SampleSpec
    sights: Sights | None

    def dated(self, look: FirstLook, declares: Sequence[str], title: str, now: datetime) -> StoredSketch:
        """Return the sketch to store, with its dates. `now`: UTC."""
        facts, sketch = look.facts, look.sketch.plain
        sight = self.sights.sighting(facts.ref.repo_id, facts.hub_id, facts.ref.revision) if self.sights else None
        claimed = _bounded(facts.weights_at, sight, now)
        before = self._before(sketch, facts.ref.repo_id, facts.hub_id)
        seen_at = _first_seen([claimed, facts.modified_at], sight, before, now)
        model = self.registry.find(facts.ref.repo_id)
        registered = model.weights_at if model and self.speaks_of(model, sketch) else None
        weights_at = min([t for t in (claimed, before.weights_at if before else None, registered) if t], default=None)
        return StoredSketch(sketch, weights_at, tuple(declares), title, now, facts.hub_id, seen_at)

    def since(self, stored: StoredSketch, model: Model | None) -> datetime | None:
        """Return the UTC time at which kept weights became public, by the registry if its entry means them."""
        if model and model.weights_at and self.speaks_of(model, stored.sketch):
            return model.weights_at
        return stored.weights_at

    def order_known(self, stored: StoredSketch, model: Model | None, suspect: StoredSketch | None) -> bool:
        """Return False where only its author's claim dates a model before a suspect that the watch saw first."""
        if suspect is None or stored.seen_at is None or stored.seen_at <= (suspect.seen_at or suspect.read_at):
            return True
        return model is not None and self.speaks_of(model, stored.sketch)

    def new_since(self, sketch: Sketch, created_at: datetime | None, hub_id: str | None) -> datetime | None:
        """Return the UTC time at which an upload's repository was made or was last seen without these weights."""
        sight = self.sights.sighting(sketch.ref.repo_id, hub_id, sketch.ref.revision) if self.sights else None
        before = self._before(sketch.plain, sketch.ref.repo_id, hub_id)
        places = self.sketches.history(sketch.ref.repo_id, hub_id, self.spec)
        first = (before.seen_at or before.read_at) if before else None
        others = [datetime.fromisoformat(p.entry.read_at) for p in places if p.entry.ref != sketch.ref]
        without = [t for t in (created_at, sight.empty_at if sight else None, *others) if t]
        return max((t for t in without if first is None or t <= first), default=created_at)

    def speaks_of(self, model: Model, sketch: Sketch) -> bool:
        """Return True if the registry's entry means these weights: those of its revision, else those read first."""
        if model.automatic:
            return False
        if model.revision is None:
            origin = next(iter(self.sketches.history(model.repo_id, None, self.spec)), None)
        else:
            origin = self.sketches.find(model.repo_id, model.revision, self.spec)
        if origin is None or origin.entry.ref == sketch.ref:
            return model.revision in (None, sketch.ref.revision)
        kept = self.sketches.read(origin)
        return kept is not None and same_weights(sketch, kept.sketch)

    def _before(self, sketch: Sketch, repo_id: str, hub_id: str | None) -> StoredSketch | None:
        """Return the first sketch of the same weights of the same repository."""
        places = self.sketches.history(repo_id, hub_id, self.spec)
        read = (self.sketches.read(place) for place in islice(places, LOOKED_BACK))
        return next((s for s in read if s and same_weights(sketch, s.sketch)), None)


def same_weights(sketch: Sketch, earlier: Sketch) -> bool:
    """Return True if a sketch equals an earlier one where both were sampled, also after further rounding."""
    keys = common_keys(sketch, earlier)
    if not keys or len(keys) < COPY_TENSORS_HELD * len(sketch.samples):
        return False
    pairs = ((sketch.samples[k].values, earlier.samples[k].values) for k in keys)
    return all(
        a.tobytes() == b.tobytes() if a.dtype == b.dtype else np.array_equal(a, round_to(widen(b), a.dtype))
        for a, b in pairs
    )


def _bounded(claimed: datetime | None, sight: Sighting | None, now: datetime) -> datetime | None:
    """Bound an author's claim: not before the last sight without weights, not after first sight."""
    if claimed is None:
        return None
    earliest = sight.empty_at if sight and sight.empty_at else claimed
    latest = sight.listed_at if sight and sight.listed_at else now
    return min(max(claimed, earliest), latest)


def _first_seen(
    changes: Sequence[datetime | None], sight: Sighting | None, before: StoredSketch | None, now: datetime
) -> datetime | None:
    """Return the time of first sight; None where all `changes` were before the watch could see them."""
    first = sight.listed_at if sight and sight.listed_at else now
    if before is not None:
        return min(before.seen_at, first) if before.seen_at else None
    began = sight.began_at if sight else None
    unseen = sight is not None and (began is None or all(t < began for t in changes if t))
    return None if unseen else first
