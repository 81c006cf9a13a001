"""Follow a case after its alert: its card, its weights, its place.

A look holds what the repository is now against what was told of it last, and notes each thing that differs, in either
direction. A note is a message by the road of the alert, too: the head message is edited to its present state and the
follow-up is posted after it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from bot.cases.casework import AT_ONCE, Casework, repo_of
from bot.cases.changes import Changes
from bot.cases.snapshot import DIGITS, NONE, Told, told_of
from bot.hub import Current, Hub, HubRepo
from bot.known.models import Progress
from bot.sources.interface import Disabled, Missing, Renamed, SourceError, Unavailable
from state.errors import StateError
from state.records import CaseFile, Upload
from state.store import Store

log = logging.getLogger("blendwatch")


class Taken(Missing):
    """Another repository has the name."""


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a case's repository. `taken`: another repository has the name of the alert."""

    repo: HubRepo
    now: Current
    taken: bool = False


@dataclass(frozen=True, slots=True)
class Followups:
    """Looks after open cases."""

    hub: Hub
    store: Store
    casework: Casework
    names: Callable[[], dict[str, str]]  # of known models, for reading cards
    clock: Callable[[], datetime]
    # by case: the revision that was found to be as told; once that is forgotten, it is read again
    _as_told: dict[str, str] = field(default_factory=dict, init=False)

    def look(self, progress: Progress) -> int:
        """Look after what is due; return how many notes were made. Safe to kill anywhere."""
        made = self.casework.replay_old()
        now = self.clock()
        for case in self.store.cases.due_for_follow_up(now, AT_ONCE):
            progress(f"looking after the case of {repo_of(case)}")
            history = self.store.history(repo_of(case))
            upload = next((u for u in history if u.id == case.upload_id), None)
            try:
                made += self._looked_after(case, upload)
                made += self._judged(self._told(case, upload), upload, history)
            except StateError:
                raise
            except Exception:  # a fault of ours in one case must not keep the others from being looked after
                log.exception("the case %s could not be looked after", case.case_id)
            self.store.cases.mark_followed_up(case, now)
        return made

    def again(self, case: CaseFile) -> HubRepo:
        """Look after one case now, and return its repository as it is; raises SourceError.

        Unavailable also where something of it could not be noted, so that what is known of it may be old.
        """
        upload = next((u for u in self.store.history(repo_of(case)) if u.id == case.upload_id), None)
        self._look_after(case, upload)
        told = self._told(case, upload)
        place = self._find(told, upload)
        if place.now.ref.revision != self._known_revision(told):
            raise Unavailable(f"What {place.now.ref.repo_id} is now could not be noted.")
        return place.repo

    def _told(self, case: CaseFile, upload: Upload | None) -> Told:
        cases = self.store.cases
        return told_of(case, upload, cases.files(case.upload_id), cases.notes(case.case_id))

    # -- what became of the upload ---------------------------------------------------------------------------

    def _looked_after(self, case: CaseFile, upload: Upload | None) -> int:
        """Look after one case; a Hub that does not answer is asked again later."""
        try:
            return self._look_after(case, upload)
        except SourceError as error:
            log.info("the case of %s could not be looked after: %s", repo_of(case), error)
            return 0

    def _look_after(self, case: CaseFile, upload: Upload | None) -> int:
        """Ask the Hub about one case and note what differs; raises SourceError where the Hub does not answer."""
        told = self._told(case, upload)
        try:
            place = self._find(told, upload)
        except (Missing, Disabled) as error:
            return self._away(told, error)
        made = self._arrived(told, place)
        if place.now.ref.revision != self._known_revision(told):  # nearly always it is, and that is all
            made += self._changed(told, place, upload)
        return made

    def _known_revision(self, told: Told) -> str:
        """Return the revision whose weights and card are known to equal those of the last note."""
        untouched = (told.last.weights, told.last.card) == (told.first.weights, told.first.card)
        return self._as_told.get(told.case.case_id, told.first.revision if untouched else "")

    def _changed(self, told: Told, place: Place, upload: Upload | None) -> int:
        changes = Changes(self.hub, self.casework, self.names)
        found = changes.read(place.repo)
        made = changes.note(told, found)
        if found.is_told(self._told(told.case, upload)):
            self._as_told[told.case.case_id] = found.facts.ref.revision
        return made

    # -- where it lives --------------------------------------------------------------------------------------

    def _find(self, told: Told, upload: Upload | None) -> Place:
        """Ask for the repository by the name of the alert, else by the newest name that was seen."""
        hub_id = upload.hub_id if upload else None
        try:
            return self._ask(told.last.repo_id, hub_id)
        except (Missing, Disabled) as error:
            newest = self.store.newest_name(repo_of(told.case), hub_id) or told.last.repo_id
            if newest.lower() == told.last.repo_id.lower():
                raise
            try:
                found = self._ask(newest, hub_id)
            except (Missing, Disabled):
                raise error from None
            return Place(found.repo, found.now, isinstance(error, Taken))

    def _ask(self, name: str, hub_id: str | None) -> Place:
        """Ask for a name, and where it leads; a repository of another id is not the case's."""
        repo = self.hub.repo(name)
        try:
            now = repo.now()
        except Renamed as moved:
            repo = self.hub.repo(moved.repo_id)
            now = repo.now()
        if hub_id and now.hub_id and now.hub_id != hub_id:
            raise Taken(f"another repository has the name {now.ref.repo_id} now")
        return Place(repo, now)

    def _arrived(self, told: Told, place: Place) -> int:
        """Note that it is there again, or has another name."""
        made, ref = 0, place.now.ref
        if told.last.absent:
            text = f"{ref.repo_id} is there again at revision {ref.revision[:12]}; it was not to be found before"
            made += self.casework.follow(told.case, "returned", text)
        if ref.repo_id.lower() != told.last.repo_id.lower():
            taken = f"; another repository has the name {told.last.repo_id}" if place.taken else ""
            text = f"{told.last.repo_id} is {ref.repo_id} now{taken}"
            made += self.casework.follow(told.case, "moved", text, ref.repo_id)
        return made

    def _away(self, told: Told, error: SourceError) -> int:
        """Note that it is not there; once, until it is there again."""
        kind = "taken" if isinstance(error, Taken) else "gone"
        if told.last.absent == kind:
            return 0
        before = "it was not to be found before" if told.last.absent else "it was there before"
        where = "; where the one that was told of is now is not known" if kind == "taken" else ""
        return self.casework.follow(told.case, kind, f"{str(error).removesuffix('.')}{where}; {before}")

    # -- what its new weights are ----------------------------------------------------------------------------

    def _judged(self, told: Told, upload: Upload | None, history: list[Upload]) -> int:
        """Note what the watch found other weights to be, once it has judged them."""
        weights = told.last.weights
        if upload is None or weights in ("", NONE, told.first.weights):
            return 0
        judged = (u for u in history if u.hub_id == upload.hub_id and u.state == "found" and u.report)
        new = next((u for u in judged if (u.weights_digest or "")[:DIGITS] == weights), None)
        report = new.report if new else None
        if new is None or report is None or report["case"] == told.last.judged:
            return 0
        alert = "which is an alert" if report["alert"] else "which is no alert"
        text = (
            f"the weights of revision {(new.revision or '')[:12]}, which took the place of those told of, were judged"
        )
        return self.casework.follow(
            told.case, "judged", f"{text}: {report['finding']}, {alert}. {new.reason}", report["case"]
        )
