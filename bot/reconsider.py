"""Explaining what was judged before again, from stored sketches, when a model becomes known that may be its parent.

No byte is read for it. What then looks like a blend or copy is due again: before anything is told, it gets a whole
check with fresh coordinates, or, where its weights are gone, what bot/late.py can do.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from analyzers import explain
from analyzers.case import case_of
from analyzers.verdict import judge
from bot.known import LONG_AGO, KnownModels, Progress
from bot.late import first_sight
from state.sketches import StoredSketch
from state.store import Store, Upload
from state.tables import MARK

DONE_TO: Final = f"{MARK}reconsidered"  # its cursor: sketches read up to then have been taken into account
REACH: Final = timedelta(days=180)  # older uploads are left as they are

log = logging.getLogger("blendwatch")


@dataclass(frozen=True, slots=True)
class Reconsider:
    """Looks at what was found before in the light of what has become known."""

    known: KnownModels
    store: Store
    clock: Callable[[], datetime]

    def look(self, progress: Progress) -> int:
        """Explain again what may have found a parent; return how many uploads are due again. Safe to kill anywhere."""
        now, done_to = self.clock(), self.store.cursor(DONE_TO) or LONG_AGO
        self.known.refresh(None, progress)  # what came into the registry is read even where no upload asks for it
        newcomers = [s for s in self.known.learned_since(done_to) if s.weights_at is not None]
        if not newcomers:
            return 0
        again = 0
        for upload in self.store.quiet_since(now - REACH):
            progress(f"explaining {upload.repo_id} again")
            again += self._changes(upload, newcomers)
        self.store.record(DONE_TO, [], max(s.read_at for s in newcomers), now)
        return again

    def _changes(self, upload: Upload, newcomers: list[StoredSketch]) -> bool:
        """Tell whether an upload has become a case; then it is due again."""
        seen = first_sight(upload, self.known)
        if seen is None or not any(_may_be_parent(n, upload, seen.weights_at) for n in newcomers):
            return False
        sketch, disclosure, weights_at = seen.stored.sketch, seen.disclosure, seen.weights_at
        references = self.known.candidates(sketch, weights_at, disclosure.parents)
        maker = self.known.registry.maker_of(sketch.ref.organisation)
        case = case_of(sketch, references, disclosure, weights_at, len(self.known.registry.models), maker)
        verdict = judge(case, explain(case), maker)
        if not verdict.alert:
            return False
        why = f"explained again because of models that have become known since: {verdict.why}"
        log.info("%s: %s", upload.repo_id, why)
        return self.store.due_again(upload.id, why, self.clock())


def _may_be_parent(newcomer: StoredSketch, upload: Upload, weights_at: datetime) -> bool:
    """Tell whether a model is another and earlier one, and was not known when the upload was judged."""
    other = newcomer.sketch.ref.repo_id.lower() != upload.repo_id.lower()
    earlier = newcomer.weights_at is not None and newcomer.weights_at <= weights_at
    return other and earlier and (upload.settled_at is None or newcomer.read_at > upload.settled_at)
