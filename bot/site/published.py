"""Public view of cases: those whose alert reached a public place, without a word of gated repositories.

A case in review, rejected, dismissed or kept is not listed. A retracted one stays, marked, if its alert had arrived.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from bot.alerts import headline, sentences
from bot.alerts.outcome import FOR_REVIEWERS, state_of
from bot.check.declarations import WITHHELD
from bot.config.trial import Trial
from bot.text.sanitize import entries, moment, number, section, string, unmarked
from bot.text.words import DEFAULT, words_for
from state.cases.public import CaseOnRecord, on_record
from state.records import KeptFile, Note
from state.store import Store

PLACES: Final = ("room:", "discord", "channel:")  # how public destinations begin: the bot's, the webhook, others
OPEN: Final = "open"  # the state of a case that stands as it was found
BY_METHOD: Final = "by the method of today"  # how a retraction begins that a replay made: bot/cases/casework.py
TITLE: Final = 120  # characters of a name in a title
# parts of a report that hold numbers and identifiers alone: what stays of a gated repository's
MEASURED: Final = ("finding", "family", "disclosure", "alert", "audience", "strength", "order_known", "exact")
KEPT: Final = (*MEASURED, "schema", "further_training", "sampled", "cost", "looks", "checked_at", "case")
OURS: Final = ("retracted", "confirmed")  # notes that a person of ours writes; the others repeat what was read


@dataclass(frozen=True, slots=True)
class PublishedParent:
    """Model whose weights were found in an upload. `interval`: of the coefficient; None where none was fitted."""

    repo_id: str
    revision: str
    coefficient: float | None
    interval: tuple[float, float] | None
    declared: bool
    said: str  # declared, named or absent
    quote: str  # the author's words on it; "" of a gated repository
    where: str
    family: str  # of the registry; "" where it names none


@dataclass(frozen=True, slots=True)
class PublishedUpload:
    """State of a repository that a case is about."""

    repo_id: str
    revision: str
    parameters: int
    weights_at: datetime | None  # UTC

    @property
    def organisation(self) -> str:
        """Return the uploader's name as the Hub spells it."""
        return self.repo_id.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Change:
    """Event of a case after its alert. `text`: "" where it would repeat words of a gated repository."""

    at: datetime  # UTC
    kind: str  # one of the catalogue's [news]
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer of an author that a reviewer accepted."""

    at: datetime  # UTC
    text: str


@dataclass(frozen=True, slots=True)
class PublishedCase:
    """One public case. Its texts were chosen by strangers: escape them where they are shown."""

    id: str
    state: str  # open, or one of bot.alerts.outcome.STATES
    title: str
    finding: str
    strength: str
    disclosure: str
    upload: PublishedUpload
    parents: tuple[PublishedParent, ...]
    first_seen: datetime  # UTC, of the upload
    opened_at: datetime  # UTC
    changes: tuple[Change, ...]  # the oldest first
    answers: tuple[Answer, ...]  # the oldest first
    withdrawn: bool  # by us: the alert was taken back
    reason: str  # of the retraction; "" unless withdrawn
    gated: bool
    report: Mapping[str, Any] = field(repr=False)  # of the alert; of a gated repository what was measured alone
    files: tuple[KeptFile, ...] = field(default=(), repr=False)  # kept evidence; none of a gated repository

    @property
    def declared(self) -> tuple[str, ...]:
        """Return the names of the parents that the author declares."""
        return tuple(p.repo_id for p in self.parents if p.declared)

    @property
    def not_declared(self) -> tuple[str, ...]:
        """Return the names of the parents that the author does not declare."""
        return tuple(p.repo_id for p in self.parents if not p.declared)

    @property
    def families(self) -> tuple[str, ...]:
        """Return the families of its parents, sorted."""
        return tuple(sorted({p.family for p in self.parents if p.family}))

    @property
    def updated_at(self) -> datetime:
        """Return the time of the last change, else of the alert."""
        return max([self.opened_at, *(c.at for c in self.changes), *(a.at for a in self.answers)])


def published(store: Store, trial: Trial, families: Mapping[str, str] | None = None) -> list[PublishedCase]:
    """Return every public case, the newest first. `families`: of known models, by repo id in lower case.

    Raises StateError.
    """
    known = families or {}
    return [made_public(one, known) for one in on_record(store.engine) if is_public(one, trial)]


def is_public(case: CaseOnRecord, trial: Trial) -> bool:
    """Tell whether the alert of a case was made public and no person has dismissed it.

    An alert of the trial that nobody confirmed is not: a webhook gets it marked as such.
    """
    if not any(place.startswith(PLACES) for place in case.reached):
        return False
    if any(remark.kind in ("dismiss", "reject") for remark in case.remarks):
        return False
    if case.standing is not None:
        return case.standing == "published"
    confirmed = any(note.kind == "confirmed" for note in case.notes)
    alerted = case.report.get("alert") is True and case.report.get("audience", "public") == "public"
    return alerted and (confirmed or trial.until(case.opened_at) is None)


def made_public(case: CaseOnRecord, families: Mapping[str, str]) -> PublishedCase:
    """Return a case that is public, as anybody may see it."""
    report = measured_alone(case.report) if case.gated else case.report
    withdrawn = case.state == "retracted"
    notes = [note for note in case.notes if note.kind not in FOR_REVIEWERS]
    state = state_of([(note.kind, note.text) for note in notes], retracted=withdrawn)
    words = words_for(DEFAULT)
    changes = tuple(
        Change(n.noted_at, n.kind, words.get(f"news.{n.kind}") or n.kind, _ours(n) if case.gated else n.text)
        for n in notes
    )
    return PublishedCase(
        id=case.case_id,
        state=state or OPEN,
        title=unmarked(headline.title(report, words, state, TITLE)),
        finding=string(report.get("finding")),
        strength=string(report.get("strength")),
        disclosure=string(report.get("disclosure")),
        upload=_upload(report),
        parents=tuple(_parent(parent, families) for parent in sentences.parents_of(report)),
        first_seen=case.first_seen,
        opened_at=case.opened_at,
        changes=changes,
        answers=tuple(
            Answer(r.created_at, r.text) for r in case.remarks if r.kind == "answer" and r.state == "accepted"
        ),
        withdrawn=withdrawn,
        reason=next((c.text for c in changes if c.kind == "retracted"), "") if withdrawn else "",
        gated=case.gated,
        report=report,
        files=() if case.gated else case.files,
    )


def measured_alone(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return a report without any word of its repository: names of models, numbers and our own terms."""
    kept = {name: report[name] for name in KEPT if name in report}
    suspect = sentences.suspect_of(report)
    kept["suspect"] = {name: suspect.get(name) for name in ("repo_id", "revision", "parameters", "weights_at")}
    kept["parents"] = [{**parent, "quote": "", "where": ""} for parent in sentences.parents_of(report)]
    kept["measured"] = {k: v for k, v in section(report.get("measured")).items() if number(v) is not None}
    kept["profile"] = _without_names(report.get("profile"))
    kept["scale"] = [
        {"repo_id": section(one).get("repo_id"), "profile": _without_names(section(one).get("profile"))}
        for one in entries(report.get("scale"))
    ]
    return kept | {"why": WITHHELD, "components": [], "claims": [], "traces": [], "findings": [], "problems": []}


def _without_names(profile: object) -> list[dict[str, Any]]:
    """Return points of a profile without the names of modules, which may be the uploader's."""
    return [{**section(point), "module": ""} for point in entries(profile)]


def _ours(note: Note) -> str:
    """Return the text of a note of ours, up to where a verdict may repeat what was read; "" of any other."""
    cut = note.text.partition(": ")[0] if note.text.startswith(BY_METHOD) else note.text
    return cut if note.kind in OURS else ""


def _upload(report: Mapping[str, Any]) -> PublishedUpload:
    suspect = sentences.suspect_of(report)
    parameters = int(number(suspect.get("parameters")) or 0)
    at = moment(suspect.get("weights_at"))
    return PublishedUpload(string(suspect.get("repo_id")), string(suspect.get("revision")), parameters, at)


def _parent(parent: Mapping[str, Any], families: Mapping[str, str]) -> PublishedParent:
    repo_id, declared = string(parent.get("repo_id")), parent.get("declared") is True
    ends: Sequence[float | None] = [number(end) for end in entries(parent.get("interval"))[:2]]
    low, high = ends if len(ends) == 2 else (None, None)
    return PublishedParent(
        repo_id=repo_id,
        revision=string(parent.get("revision")),
        coefficient=number(parent.get("coefficient")),
        interval=None if low is None or high is None else (low, high),
        declared=declared,
        said=string(parent.get("said")) or ("declared" if declared else "absent"),
        quote=string(parent.get("quote")),
        where=string(parent.get("where")),
        family=families.get(repo_id.lower(), ""),
    )
