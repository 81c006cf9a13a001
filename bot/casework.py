"""Our own side of a case: notes and messages, replays from stored evidence, corrections and retractions."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from analyzers.evidence import replay
from analyzers.records import Verdict
from bot.digest import digest_of
from bot.method import method
from state.errors import StateError
from state.evidence import Blobs, from_bytes
from state.records import CaseFile, Note, OutboxMessage
from state.store import Store

AT_ONCE: Final = 50
CONSOLE: Final = "console"  # the message id of all that was printed, which nobody edits

TITLES: Final = {
    "declared": "The card names the parents now",
    "card": "The card was changed",
    "weights": "The weights were replaced",
    "gone": "The repository is gone, or private",
    "returned": "The repository is there again",
    "emptied": "The weights are gone",
    "identity": "What the model says of itself",
    "moved": "The repository has another name",
    "corrected": "Correction",
    "retracted": "Retracted",
}

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

    def verdict(self, case: CaseFile) -> Verdict:
        """Draw the verdict again from the stored evidence alone; StateError where there is none."""
        kept = [f for f in self.store.cases.files(case.upload_id) if f.kind == "verdict"]
        if not kept:
            raise StateError(f"no evidence of the verdict of case {case.case_id} is kept")
        return replay(from_bytes(self.blobs.get(kept[-1].digest)))

    def replay_old(self) -> int:
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
        return self.note(case, "corrected", f"with the thresholds of today: {verdict.why}", current)

    def note(
        self, case: CaseFile, kind: str, text: str, what: str, *, retract: bool = False, tell: bool = True
    ) -> bool:
        """Write down what happened and tell it wherever the alert went; whether that was news.

        `what` tells the same kind of news of one case apart: the same twice is told once. Without `tell` it is only
        written down, and stands on the alert when that is next edited.
        """
        now = self.clock()
        key = f"{case.case_id}:{kind}:{what}"
        note = Note(case.case_id, kind, text, key, now)
        notes = [*self.store.cases.notes(case.case_id), note]
        messages = [
            OutboxMessage(
                f"{key}@{destination}",
                destination,
                _payload(case, notes, message_id) | self._digest(case, destination, message_id, retract=retract),
                case.upload_id,
            )
            for destination, message_id in (self.store.cases.heads(case) if tell else ())
        ]
        return self.store.cases.note(note, messages, retract=retract)

    def _digest(self, case: CaseFile, destination: str, message_id: str | None, *, retract: bool) -> dict[str, Any]:
        """Return the present state of the digest that told the case; empty where the case has a message of its own."""
        if message_id is None or message_id == CONSOLE:
            return {}
        together = self.store.cases.told_with(destination, message_id)
        taken_back = {c.case_id for c in together if c.state == "retracted"} | ({case.case_id} if retract else set())
        reports = [c.report | {"retracted": c.case_id in taken_back} for c in together]
        return digest_of(reports) if reports else {}


def _payload(case: CaseFile, notes: list[Note], message_id: str | None) -> dict[str, Any]:
    last = notes[-1]
    since = [{"title": TITLES[n.kind], "text": n.text, "at": n.noted_at.isoformat(timespec="seconds")} for n in notes]
    return {
        "follow_up": since[-1] | {"kind": last.kind, "key": last.key, "case": case.case_id, "repo_id": repo_of(case)},
        "head": message_id,
        "report": case.report,
        "since": since,
        "retracted": any(n.kind == "retracted" for n in notes),
    }


def repo_of(case: CaseFile) -> str:
    """Return the name of the upload that a case is about, as it was told."""
    return str(case.report["suspect"]["repo_id"])
