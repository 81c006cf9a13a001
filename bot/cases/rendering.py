"""Render a case's message without a bot, from what is stored when it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.alerts.delivery import RowSink, Sink, TryLater, Unsent
from bot.alerts.outcome import FOR_REVIEWERS
from bot.alerts.rate_cap import digest_of
from bot.cases.casework import repo_of
from bot.config.trial import Trial
from bot.text.sanitize import entries, section, string
from state.case_records import CaseMessage
from state.outbox.digests import RETRACTED_UNSENT
from state.records import CaseFile, Note, OutboxRow
from state.store import Store

Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AsItStands:
    """A sink that is handed each message as things stand by now, whenever its row was made."""

    sink: Sink
    store: Store
    trial: Trial | None = None  # an alert of that time says that nobody has confirmed it; None: a bot asks reviewers

    async def post(self, row: OutboxRow) -> str:
        """Send a row's message; Unsent where a retraction or another message has taken its place."""
        return await self.sink.send(await asyncio.to_thread(self._payload, row))

    def _payload(self, row: OutboxRow) -> Payload:
        if row.payload.get("follow_up"):
            return self._follow_up(row)
        if row.payload.get("digest"):
            return {**row.payload, "digest": [self._alert(section(r)) for r in entries(row.payload["digest"])]}
        alert = self._alert(row.payload)
        if alert.get("retracted") is True:
            raise Unsent(RETRACTED_UNSENT)
        return alert

    def _alert(self, report: Payload) -> Payload:
        """A report with what has happened since; news of an operator, and what is no case, as it is."""
        case = self.store.cases.with_id(string(report.get("case"))) if report.get("alert") is True else None
        return report if case is None else self._since(case, report, self.store.cases.notes(case.case_id))

    def _since(self, case: CaseFile, report: Payload, notes: Sequence[Note]) -> dict[str, Any]:
        told = {
            "since": [_told(note) for note in notes if note.kind not in FOR_REVIEWERS],
            "retracted": case.state == "retracted",
        }
        return {**report, **told, "unconfirmed": self._is_unconfirmed(case, notes)}

    def _is_unconfirmed(self, case: CaseFile, notes: Sequence[Note]) -> bool:
        """Tell whether a case was opened in the trial and nobody has judged it."""
        judged = case.state == "retracted" or any(note.kind == "confirmed" for note in notes)
        return self.trial is not None and not judged and self.trial.until(case.opened_at) is not None

    def _follow_up(self, row: OutboxRow) -> Payload:
        """Return what happened to a case, with the present state of its alert."""
        about = section(row.payload["follow_up"])
        case = self.store.cases.with_id(string(about.get("case")))
        notes = self.store.cases.notes(case.case_id) if case is not None else []
        note = next((n for n in notes if n.key == about.get("key")), None)
        if case is None or note is None:
            return row.payload  # of no case of this store: all that can be said is what was written down
        if self.store.sending_before(row.destination, row.id):  # it may show what was so before
            raise TryLater("An earlier message is on its way there.")
        head = self.store.cases.case_message(case, row.destination)
        if why := _reason_unsent(case, note, head):
            raise Unsent(why)
        shown = self._since(case, {"report": case.report}, notes)
        return shown | {
            "follow_up": _told(note) | {"case": case.case_id, "repo_id": repo_of(case)},
            "head": head.message_id if head else None,
            **self._digest(head),
        }

    def _digest(self, head: CaseMessage | None) -> dict[str, Any]:
        """The present state of the digest that told the case; empty where the case has a message of its own."""
        if head is None or head.message_id is None or not head.message_id.isdecimal():  # what was printed stays
            return {}
        together = self.store.cases.in_same_digest(head.destination, head.message_id)
        reports = [self._since(c, c.report, self.store.cases.notes(c.case_id)) for c in together]
        return digest_of(reports) if reports else {}


def as_they_stand(
    sinks: Mapping[str, Sink | RowSink], store: Store, trial: Trial | None = None
) -> dict[str, Sink | RowSink]:
    """Let plain sinks tell each message as things stand when it is sent. `trial`: see AsItStands."""
    return {name: sink if isinstance(sink, RowSink) else AsItStands(sink, store, trial) for name, sink in sinks.items()}


def _told(note: Note) -> dict[str, Any]:
    return {"kind": note.kind, "text": note.text, "at": note.noted_at.isoformat(timespec="seconds")}


def _reason_unsent(case: CaseFile, note: Note, head: CaseMessage | None) -> str:
    """Why a follow-up is not told; empty where it is."""
    if head is not None and head.message_id is not None:
        return "" if note.kind == "retracted" or case.state != "retracted" else "the case was retracted since"
    dead = head is None or head.state == "dead"
    if case.state != "retracted":
        return "the case was never told there" if dead else "the alert itself is still to be sent, and will say it"
    # an attempt whose end nobody saw may have told it there, and then the retraction has to be told, too
    perhaps = head is not None and head.attempts > (1 if dead else 0)
    return "" if perhaps and note.kind == "retracted" else RETRACTED_UNSENT
