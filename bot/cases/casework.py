"""Our own side of a case: notes and messages, replays from stored evidence, corrections and retractions."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from analyzers.records import Verdict
from analyzers.verdict.replay import replay
from bot.alerts.outcome import HOLDS_AGAIN
from bot.cases.snapshot import about_the_same
from bot.check.method import method
from state.errors import StateError
from state.evidence.blobs import Blobs, from_bytes
from state.records import CaseFile, KeptFile, Note, OutboxMessage
from state.store import Store

AT_ONCE: Final = 50
MOST_A_DAY: Final = 4  # notes of one case about one thing: a card may be flipped every hour
DAY: Final = timedelta(days=1)

log = logging.getLogger("blendwatch")


@dataclass(frozen=True, slots=True)
class Casework:
    """Notes what has happened to cases, and corrects our own errors."""

    store: Store
    blobs: Blobs
    clock: Callable[[], datetime]

    def retract(self, case: CaseFile, reason: str) -> bool:
        """Take an alert back; it stays on record. False if it was taken back before."""
        return case.state != "retracted" and self.note(case, "retracted", reason, "", retract=True)

    def confirm(self, case: CaseFile, reason: str) -> bool:
        """Note under an alert that a person finds it right. Return False if that was noted before."""
        return self.note(case, "confirmed", reason, "")

    def verdict(self, case: CaseFile) -> Verdict:
        """Draw the verdict again from the stored evidence alone; StateError where there is none."""
        kept = [f for f in self.store.cases.files(case.upload_id) if f.kind == "verdict"]
        if not kept:
            raise StateError(f"no evidence of the verdict of case {case.case_id} is kept")
        return replay(from_bytes(self.blobs.get(kept[-1].digest)))

    def replay_old(self) -> int:
        """Draw verdicts of another method again; what no longer holds is corrected or taken back by itself."""
        made, current = 0, method()
        for case in self.store.cases.with_other_method(current, AT_ONCE):
            try:
                verdict = self.verdict(case)
            except StateError as error:
                log.warning("%s", error)
            except Exception:  # a fault of ours in one case must not keep the others from being looked after
                log.exception("the case %s could not be drawn again", case.case_id)
            else:
                made += self.correct(case, verdict)
            self.store.cases.mark_replayed(case.case_id, current)
        return made

    def correct(self, case: CaseFile, verdict: Verdict) -> bool:
        """Correct or retract the alert where the verdict of today differs. Returns True if it did."""
        if not holds(case, verdict):
            reason = f"by the method of today the same evidence does not bear the alert out: {verdict.why}"
            return self.retract(case, reason)
        first = _gist(case.report["finding"], (p["repo_id"] for p in case.report["parents"]))
        found = _gist(verdict.finding.kind, (p.ref.repo_id for p in verdict.finding.parents))
        before = [n for n in self.store.cases.notes(case.case_id) if n.kind == "corrected"]
        if found == (before[-1].key.rpartition(":")[2] if before else first):
            return False
        again = f"{HOLDS_AGAIN} " if found == first else ""
        return self.follow(case, "corrected", f"{again}by the method of today: {verdict.why}", found)

    def follow(self, case: CaseFile, kind: str, text: str, *said: str) -> bool:
        """Note what differs from the last note. Returns False where today's limit is reached.

        `said`: what is told, so that the next look knows. A running number makes what comes back news again.
        """
        if self.is_told_enough(case, kind):
            return False
        number = len(about_the_same(self.store.cases.notes(case.case_id), kind))
        return self.note(case, kind, text, ":".join((str(number), *said)))

    def is_told_enough(self, case: CaseFile, kind: str) -> bool:
        """Return True if today's limit of notes of this kind is reached; what still holds is noted later."""
        day = self.clock() - DAY
        mine = about_the_same(self.store.cases.notes(case.case_id), kind)
        return sum(note.noted_at > day for note in mine) >= MOST_A_DAY

    def note(
        self,
        case: CaseFile,
        kind: str,
        text: str,
        what: str,
        *,
        retract: bool = False,
        tell: bool = True,
        files: Sequence[KeptFile] = (),
    ) -> bool:
        """Write down what happened and tell it wherever the alert went; whether that was news.

        `what` tells the same kind of news of one case apart: the same twice is told once. Without `tell` it is only
        written down, and stands on the alert when that is next edited. `files`: evidence that is kept with it.
        """
        key = f"{case.case_id}:{kind}:{what}"
        note = Note(case.case_id, kind, text, key, self.clock())
        # what it looks like is made when it is sent: bot/cases/rendering.py
        payload = {"follow_up": {"case": case.case_id, "key": key}}
        messages = [
            OutboxMessage(f"{key}@{destination}", destination, payload, case.upload_id)
            for destination, _ in (self.store.cases.case_messages(case) if tell else ())
        ]
        return self.store.cases.note(note, messages, retract=retract, files=files)


def holds(case: CaseFile, verdict: Verdict) -> bool:
    """Tell whether a case may still be shown to those it was opened for."""
    return verdict.alert or verdict.audience == case.report.get("audience", "public")


def _gist(kind: str, parents: Iterable[str]) -> str:
    """Return a few digits that stand for a finding and its parents."""
    return hashlib.sha256("\0".join((kind, *sorted(parents))).encode()).hexdigest()[:12]


def repo_of(case: CaseFile) -> str:
    """Return the name of a case's upload, as in its alert."""
    return str(case.report["suspect"]["repo_id"])
