"""A case lives on: what its card, its weights and its place have become, and our own errors.

Each is a note on the case and a message by the road of the alert: the head message is edited to its present state and
the follow-up is posted after it. The same fact is told once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from analyzers.disclosure import read_disclosure
from analyzers.evidence import method, replay
from analyzers.records import RepoFacts, Verdict
from bot.hub import Hub
from bot.known import Progress, card_of
from bot.look import weights_digest
from bot.source import Disabled, Gated, Missing, Renamed, Source, SourceError
from state.errors import StateError
from state.evidence import Blobs, from_bytes
from state.records import CaseFile, Note, OutboxMessage
from state.store import Store

EVERY: Final = timedelta(hours=1)  # while a case is young
LATER: Final = timedelta(hours=12)
YOUNG: Final = timedelta(days=3)
AT_ONCE: Final = 50

TITLES: Final = {
    "declared": "The card names the parents now",
    "card": "The card was changed",
    "weights": "The weights were replaced",
    "gone": "The repository is gone, or private",
    "returned": "The repository is there again",
    "moved": "The repository has another name",
    "corrected": "Correction",
    "retracted": "Retracted",
}

log = logging.getLogger("blendwatch")


@dataclass(frozen=True, slots=True)
class Cases:
    """Looks after open cases, and corrects our own errors."""

    hub: Hub
    store: Store
    blobs: Blobs
    names: Callable[[], dict[str, str]]  # of known models, for reading cards
    clock: Callable[[], datetime]

    def look(self, progress: Progress) -> int:
        """Look after what is due; return how many notes were made. Safe to kill anywhere."""
        made = self._replay_old()
        now = self.clock()
        for case in self.store.cases.to_look_after(now - EVERY, AT_ONCE):
            if now - case.opened_at > YOUNG and now - case.asked_at < LATER:
                continue
            progress(f"looking after the case of {_repo(case)}")
            made += self._look_after(case)
            self.store.cases.looked_after(case.case_id, now)
        return made

    # -- what became of the upload ---------------------------------------------------------------------------

    def _look_after(self, case: CaseFile) -> bool:
        """Ask the Hub about one case; a Hub that does not answer is asked again later."""
        repo_id = self._last_name(case)
        try:
            source: Source = self.hub.repo(repo_id)
            facts = source.facts()
        except Renamed as moved:
            return self._note(case, "moved", f"{repo_id} is {moved.repo_id} now", moved.repo_id)
        except (Missing, Disabled) as error:
            if self._last(case, ("gone", "returned")) == "gone":
                return False
            return self._note(case, "gone", str(error), self._number(case))
        except SourceError as error:
            log.info("the case of %s could not be looked after: %s", repo_id, error)
            return False
        made = False
        if self._last(case, ("gone", "returned")) == "gone":
            back = f"{repo_id} is there again at {facts.ref.revision[:12]}"
            made = self._note(case, "returned", back, self._number(case))
        return made | self._changes(case, source, facts)

    def _changes(self, case: CaseFile, source: Source, facts: RepoFacts) -> bool:
        """Tell what another revision changed of weights and card."""
        if facts.ref.revision == case.report["suspect"]["revision"]:
            return False
        upload = next((u for u in self.store.history(_repo(case)) if u.id == case.upload_id), None)
        digest = weights_digest(facts)
        made = False
        if digest and upload is not None and upload.weights_digest and digest != upload.weights_digest:
            text = f"other weights since revision {facts.ref.revision[:12]}; they are judged as an upload of their own"
            made = self._note(case, "weights", text, digest[:16])
        try:
            card, _ = card_of(source)
        except (SourceError, Gated):
            return made
        before = {p["repo_id"] for p in case.report["parents"] if not p["declared"]}
        now = set(read_disclosure(facts.ref.revision, card, facts.tags, self.names()).parents)
        named = sorted(name for name in before if name.lower() in {n.lower() for n in now} | {_last(n) for n in now})
        left = sorted(before - set(named))
        if named and not left:
            text = f"declared since revision {facts.ref.revision[:12]}, after the alert: {', '.join(named)}"
            return self._note(case, "declared", text, ",".join(named)) or made
        if self._card_changed(case, card):
            said = f"named since: {', '.join(named)}; " if named else ""
            text = f"{said}still not declared at revision {facts.ref.revision[:12]}: {', '.join(left)}"
            return self._note(case, "card", text, facts.ref.revision) or made
        return made

    def _card_changed(self, case: CaseFile, card: str) -> bool:
        kept = [f for f in self.store.cases.files(case.upload_id) if f.kind == "card"]
        try:
            return bool(kept) and self.blobs.get(kept[0].digest) != card.encode("utf-8", "surrogateescape")
        except StateError as error:
            log.warning("the card of case %s cannot be compared: %s", case.case_id, error)
            return False

    def _last_name(self, case: CaseFile) -> str:
        moved = [n.key.rpartition(":")[2] for n in self.store.cases.notes(case.case_id) if n.kind == "moved"]
        return moved[-1] if moved else _repo(case)

    def _last(self, case: CaseFile, kinds: tuple[str, ...]) -> str | None:
        found = [n.kind for n in self.store.cases.notes(case.case_id) if n.kind in kinds]
        return found[-1] if found else None

    def _number(self, case: CaseFile) -> str:
        """Return what tells one going or coming from the next."""
        return str(len([n for n in self.store.cases.notes(case.case_id) if n.kind in ("gone", "returned")]))

    # -- our own errors --------------------------------------------------------------------------------------

    def retract(self, case: CaseFile, reason: str) -> bool:
        """Take an alert back; it stays on record. False if it was taken back before."""
        return case.state != "retracted" and self._note(case, "retracted", reason, "", retract=True)

    def verdict(self, case: CaseFile) -> Verdict:
        """Draw the verdict again from the stored evidence alone; StateError where there is none."""
        kept = [f for f in self.store.cases.files(case.upload_id) if f.kind == "verdict"]
        if not kept:
            raise StateError(f"no evidence of the verdict of case {case.case_id} is kept")
        return replay(from_bytes(self.blobs.get(kept[-1].digest)))

    def _replay_old(self) -> int:
        """Draw verdicts of other thresholds again; what no longer holds is corrected or taken back by itself."""
        made, current = 0, method()
        for case in self.store.cases.of_another_method(current, AT_ONCE):
            try:
                verdict = self.verdict(case)
            except StateError as error:
                log.warning("%s", error)
            else:
                made += self._compare(case, verdict, current)
            self.store.cases.looked_after(case.case_id, self.clock(), current)
        return made

    def _compare(self, case: CaseFile, verdict: Verdict, current: str) -> bool:
        if not verdict.alert:
            reason = f"with the thresholds of today the same evidence does not bear the alert out: {verdict.why}"
            return self.retract(case, reason)
        told = {p["repo_id"] for p in case.report["parents"]}
        found = {p.ref.repo_id for p in verdict.finding.parents}
        if (case.report["finding"], told) == (verdict.finding.kind, found):
            return False
        return self._note(case, "corrected", f"with the thresholds of today: {verdict.why}", current)

    # --------------------------------------------------------------------------------------------------------

    def _note(self, case: CaseFile, kind: str, text: str, what: str, *, retract: bool = False) -> bool:
        now = self.clock()
        key = f"{case.case_id}:{kind}:{what}"
        note = Note(case.case_id, kind, text, key, now)
        notes = [*self.store.cases.notes(case.case_id), note]
        messages = [
            OutboxMessage(f"{key}@{destination}", destination, _payload(case, notes, message_id), case.upload_id)
            for destination, message_id in self.store.cases.heads(case)
        ]
        return self.store.cases.note(note, messages, retract=retract)


def _payload(case: CaseFile, notes: list[Note], message_id: str | None) -> dict[str, Any]:
    last = notes[-1]
    since = [{"title": TITLES[n.kind], "text": n.text, "at": n.noted_at.isoformat(timespec="seconds")} for n in notes]
    return {
        "follow_up": since[-1] | {"kind": last.kind, "case": case.case_id, "repo_id": _repo(case)},
        "head": message_id,
        "report": case.report,
        "since": since,
        "retracted": any(n.kind == "retracted" for n in notes),
    }


def _repo(case: CaseFile) -> str:
    return str(case.report["suspect"]["repo_id"])


def _last(repo_id: str) -> str:
    return repo_id.rpartition("/")[2].lower()
