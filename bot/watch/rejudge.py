"""Explain judged uploads again, from stored sketches, when a possible parent becomes known.

No byte is read for it. An upload that then looks like a blend or copy is due again. Before any alert it gets a whole
check with fresh coordinates or, where its weights are gone, one from evidence (bot/check/from_evidence.py).

Explaining takes a second or more for each upload, and a base may have thousands of descendants. So only the kin of a
new model are explained again. Each is first noted in the store, and a pass handles as many notes as it has time for.
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
from bot.watch.descendants import Descendants, NewModel
from state.database.key_values import KeyValue
from state.database.tables import MARK
from state.errors import StateError
from state.records import Unalerted
from state.sketches.store import Place
from state.store import Store, Upload

DONE_TO: Final = f"{MARK}reconsidered"  # its cursor: sketches read up to then are done
REGISTRY: Final = f"{MARK}reconsidered registry"  # the descriptions of the registry's models that are done
WISH: Final = "explain again: "  # the prefix of an upload's note, before its id
REACH: Final = timedelta(days=180)  # older uploads are not explained again
SECONDS: Final = 60.0  # of one pass
BATCH: Final = 50

log = logging.getLogger("blendwatch")


@dataclass(frozen=True, slots=True)
class Rejudge:
    """Explains earlier uploads again with models that have become known since."""

    known: KnownModels
    store: Store
    clock: Callable[[], datetime]
    seconds: float = SECONDS

    def look(self, progress: Progress) -> int:
        """Explain noted uploads again; return the number that is due again. Safe to kill anywhere."""
        self.known.refresh(None, progress)  # models new in the registry are read even without an upload to compare
        ends = time.monotonic() + self.seconds
        self._note(progress, ends)
        again = 0
        while wishes := self.store.key_values.first(
            WISH, BATCH
        ):  # the longest wait first; of equal ones the newest upload
            for wish in wishes:
                again += self._explained(wish, progress)
                self.store.key_values.drop([wish.name])
                if time.monotonic() >= ends:
                    log.info("this pass has used up its time for explaining again; the rest waits for the next one")
                    return again
        return again

    def _note(self, progress: Progress, ends: float) -> None:
        """Note the uploads that new models may be parents of; the next pass continues where time runs out."""
        descendants = Descendants(self.known, cache(self._quiet))
        done = self._note_described(descendants, progress, ends)
        done_to = self.store.cursor(DONE_TO) or LONG_AGO
        read = sorted(self.known.learned_since(done_to), key=lambda p: p.entry.read_at)
        for read_at, places in groupby(read, lambda p: p.entry.read_at):
            known_at = datetime.fromisoformat(read_at)
            for place in places:
                if place not in done:
                    self._note_kin(descendants, NewModel(place, known_at), progress)
            self.store.record(DONE_TO, [], known_at, self.clock())
            if time.monotonic() >= ends:
                return

    def _note_described(self, descendants: Descendants, progress: Progress, ends: float) -> set[Place]:
        """Note kin of models that the registry describes anew, even if read long ago; return their places."""
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
                self._note_kin(descendants, NewModel(place, now), progress)
                noted.add(place)
            kept[name] = described[name]
            if time.monotonic() >= ends:
                break
        else:
            kept = described
        if mark is None or kept != old:
            self.store.key_values.put(REGISTRY, kept, now)
        return noted

    def _note_kin(self, descendants: Descendants, new_model: NewModel, progress: Progress) -> None:
        progress(f"looking for what may be made of {new_model.place.entry.repo_id}")
        self.store.key_values.note([f"{WISH}{number:012}" for number in descendants.of(new_model)], self.clock())

    def _quiet(self) -> Mapping[str, Sequence[Unalerted]]:
        found: dict[str, list[Unalerted]] = defaultdict(list)
        for quiet in self.store.unalerted_since(self.clock() - REACH):
            found[quiet.revision].append(quiet)
        return found

    def _explained(self, wish: KeyValue, progress: Progress) -> bool:
        """Explain an upload again unless it was judged since it was noted; return True if it is due again."""
        upload = self.store.unalerted(int(wish.name.removeprefix(WISH)))
        if upload is None or upload.settled_at is None or upload.settled_at >= wish.changed_at:
            return False
        progress(f"explaining {upload.repo_id} again")
        try:
            return self._changes(upload)
        except StateError:
            raise
        except Exception:  # a fault of ours with one upload must not end this pass and every later one
            log.exception("explaining %s again failed", upload.repo_id)
            return False

    def _changes(self, upload: Upload) -> bool:
        """Return True if an upload has become a case; then it is due again."""
        seen = first_sight(upload, self.known)
        if seen is None:
            return False
        sketch, disclosure, weights_at = seen.stored.sketch, seen.disclosure, seen.weights_at
        references = self.known.candidates(sketch, weights_at, disclosure.parents)
        maker = self.known.registry.maker_of(sketch.ref.organisation)
        case = case_of(sketch, references, disclosure, weights_at, len(self.known.registry.models), maker)
        verdict = judge(case, explain(case), maker)
        report = upload.report or {}
        same_parents = {str(p["repo_id"]) for p in report.get("parents", ())} == {
            p.ref.repo_id for p in verdict.finding.parents
        }
        if verdict.audience == "none" or (same_parents and verdict.audience == report.get("audience") == "reviewers"):
            return False  # no finding, or one that a person was shown before
        why = f"explained again because of models that have become known since: {verdict.why}"
        log.info("%s: %s", upload.repo_id, why)
        return self.store.requeue(upload.id, why, self.clock())
