"""Explaining what was judged before again, from stored sketches, when a model becomes known that may be its parent.

No byte is read for it. What then looks like a blend or copy is due again: before anything is told, it gets a whole
check with fresh coordinates, or, where its weights are gone, what bot/check/from_evidence.py can do.

Explaining takes a second or more for each upload, and a base may have thousands of descendants. So only a newcomer's
kin are explained again, each is first noted in the store, and a pass takes so many of the notes as it has time for.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import groupby
from typing import Final

from analyzers import explain
from analyzers.compare.case import case_of
from analyzers.verdict.rules import judge
from bot.check.from_evidence import first_sight
from bot.known.models import LONG_AGO, KnownModels, Progress
from bot.watch.descendants import Descendants, Newcomer
from state.database.key_values import KeyValue
from state.database.tables import MARK
from state.errors import StateError
from state.records import Unalerted
from state.sketches.store import Place
from state.store import Store, Upload

DONE_TO: Final = f"{MARK}reconsidered"  # its cursor: sketches read up to then have been taken into account
REGISTRY: Final = f"{MARK}reconsidered registry"  # and how the registry describes what was taken into account
WISH: Final = "explain again: "  # what an upload is noted by, with its number
REACH: Final = timedelta(days=180)  # older uploads are left as they are
SECONDS: Final = 60.0  # of one pass
BATCH: Final = 50

log = logging.getLogger("blendwatch")


@dataclass(frozen=True, slots=True)
class Reconsider:
    """Looks at what was found before in the light of what has become known."""

    known: KnownModels
    store: Store
    clock: Callable[[], datetime]
    seconds: float = SECONDS

    def look(self, progress: Progress) -> int:
        """Explain again what may have found a parent; return how many uploads are due again. Safe to kill anywhere."""
        self.known.refresh(None, progress)  # what came into the registry is read even where no upload asks for it
        ends = time.monotonic() + self.seconds
        self._note(progress, ends)
        again = 0
        while wishes := self.store.key_values.first(WISH, BATCH):  # who waits longest; of those the newest
            for wish in wishes:
                again += self._explained(wish, progress)
                self.store.key_values.drop([wish.name])
                if time.monotonic() >= ends:
                    log.info("this pass has used up its time for explaining again; the rest waits for the next one")
                    return again
        return again

    def _note(self, progress: Progress, ends: float) -> None:
        """Note the uploads that newcomers may be parents of; the next pass goes on where time runs out."""
        descendants = Descendants(self.known, cache(self._quiet))
        done = self._note_described(descendants, progress, ends)
        done_to = self.store.cursor(DONE_TO) or LONG_AGO
        read = sorted(self.known.learned_since(done_to), key=lambda p: p.entry.read_at)
        for read_at, places in groupby(read, lambda p: p.entry.read_at):
            known_at = datetime.fromisoformat(read_at)
            for place in places:
                if place not in done:
                    self._note_kin(descendants, Newcomer(place, known_at), progress)
            self.store.record(DONE_TO, [], known_at, self.clock())
            if time.monotonic() >= ends:
                return

    def _note_described(self, descendants: Descendants, progress: Progress, ends: float) -> set[Place]:
        """Take in what the registry says anew, of models that may have been read long ago; return where these lie."""
        now, noted = self.clock(), set[Place]()
        described = {m.repo_id.lower(): f"{m.role} {m.revision} {m.weights_at}" for m in self.known.registry.models}
        mark = self.store.key_values.get(REGISTRY)
        old: dict[str, str] = described if mark is None else mark.value
        kept = dict(old)
        for model in self.known.registry.models:
            name = model.repo_id.lower()
            if old.get(name) == described[name]:
                continue
            place = self.known.sketches.find(model.repo_id, model.revision, self.known.spec)
            if place is not None:
                self._note_kin(descendants, Newcomer(place, now), progress)
                noted.add(place)
            kept[name] = described[name]
            if time.monotonic() >= ends:
                break
        else:
            kept = described
        if mark is None or kept != old:
            self.store.key_values.put(REGISTRY, kept, now)
        return noted

    def _note_kin(self, descendants: Descendants, newcomer: Newcomer, progress: Progress) -> None:
        progress(f"looking for what may be made of {newcomer.place.entry.repo_id}")
        self.store.key_values.note([f"{WISH}{number:012}" for number in descendants.of(newcomer)], self.clock())

    def _quiet(self) -> Mapping[str, Sequence[Unalerted]]:
        found: dict[str, list[Unalerted]] = defaultdict(list)
        for quiet in self.store.unalerted_since(self.clock() - REACH):
            found[quiet.revision].append(quiet)
        return found

    def _explained(self, wish: KeyValue, progress: Progress) -> bool:
        """Explain an upload again unless it was judged anew since it was noted; tell whether that makes it due."""
        upload = self.store.unalerted(int(wish.name.removeprefix(WISH)))
        if upload is None or upload.settled_at is None or upload.settled_at >= wish.changed_at:
            return False
        progress(f"explaining {upload.repo_id} again")
        try:
            return self._changes(upload)
        except StateError:
            raise
        except Exception:  # a fault of ours in one of them must not end this pass, and every one after it
            log.exception("explaining %s again failed", upload.repo_id)
            return False

    def _changes(self, upload: Upload) -> bool:
        """Tell whether an upload has become a case; then it is due again."""
        seen = first_sight(upload, self.known)
        if seen is None:
            return False
        sketch, disclosure, weights_at = seen.stored.sketch, seen.disclosure, seen.weights_at
        references = self.known.candidates(sketch, weights_at, disclosure.parents)
        maker = self.known.registry.maker_of(sketch.ref.organisation)
        case = case_of(sketch, references, disclosure, weights_at, len(self.known.registry.models), maker)
        verdict = judge(case, explain(case), maker)
        report = upload.report or {}
        told = {str(p["repo_id"]) for p in report.get("parents", ())} == {
            p.ref.repo_id for p in verdict.finding.parents
        }
        if verdict.audience == "none" or (told and verdict.audience == report.get("audience") == "reviewers"):
            return False  # nothing is found, or what a person was shown before
        why = f"explained again because of models that have become known since: {verdict.why}"
        log.info("%s: %s", upload.repo_id, why)
        return self.store.requeue(upload.id, why, self.clock())
