"""A case's repository: as the notes on the case last described it, and as it is found now.

The key of a note ends in a running number and in what the note told: nothing else has to be remembered, a note and what
was told last are stored together, and what comes back after a change is news again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final

from analyzers.model_ids import same_model
from analyzers.records import RepoFacts
from bot.sources.first_look import weights_digest
from state.records import NOTE_KINDS, CaseFile, KeptFile, Note, Upload

LATER_CARD: Final = "later card"  # the kind of evidence: a card that was told of after the alert
NONE: Final = "none"  # in place of a digest: there are no weights
NO_CARD: Final = sha256(b"").hexdigest()
DIGITS: Final = 16  # kept of a weights digest


@dataclass(frozen=True, slots=True)
class Standing:
    """A repository as it was told of, or is. "" in a digest's place: not known."""

    repo_id: str  # where it lives
    weights: str  # the first digits of its weights' digest, or NONE
    card: str  # SHA-256 of its card; of nothing where there is none
    revision: str  # at which that card was told of
    absent: str = ""  # gone, or taken: another repository has its name; "": it is there
    declared: bool = False  # that card names every parent that the alert says is not declared
    judged: str = ""  # the case id of what came of checking those weights


@dataclass(frozen=True, slots=True)
class Told:
    """A case with what its alert told, and what was told last."""

    case: CaseFile
    first: Standing
    last: Standing


def told_of(case: CaseFile, upload: Upload | None, kept: Sequence[KeptFile], notes: Sequence[Note]) -> Told:
    """Return what was told of a case: by its upload, the evidence that is `kept` of it, and the notes since."""
    suspect = case.report["suspect"]
    digest = (upload.weights_digest if upload else None) or ""
    cards = [f.digest for f in kept if f.kind == "card"]
    first = Standing(str(suspect["repo_id"]), digest[:DIGITS], cards[-1] if cards else NO_CARD, suspect["revision"])
    last = first
    for note in notes:
        last = _after(note, last, first)
    return Told(case, first, last)


def _after(note: Note, told: Standing, first: Standing) -> Standing:
    """Return what is told once a note is made."""
    said = note.key.split(":")[2:]
    changed: dict[str, Any] = {}
    match note.kind:
        case "gone" | "taken":
            changed = {"absent": note.kind}
        case "returned":
            changed = {"absent": ""}
        case "moved":
            changed = {"repo_id": said[-1]}
        case "weights":
            changed = {"weights": said[-1], "judged": ""}
        case "emptied":
            changed = {"weights": NONE, "judged": ""}
        case "restored":
            changed = {"weights": first.weights, "judged": ""}
        case "judged":
            changed = {"judged": said[-1]}
        case "declared" | "withdrawn" | "card":
            changed = {"declared": told.declared if note.kind == "card" else note.kind == "declared"}
            if len(said) > 1:  # notes of an earlier version do not say which card
                _, changed["card"], changed["revision"] = said
    return replace(told, **changed)


def about_the_same(notes: Sequence[Note], kind: str) -> list[Note]:
    """Return the notes about what a note of this kind is about."""
    kinds = next((kinds for kinds in NOTE_KINDS if kind in kinds), (kind,))
    return [note for note in notes if note.kind in kinds]


def in_force(notes: Sequence[Note]) -> list[Note]:
    """Return the notes that no later one has overtaken: of those about one thing the last; a changed card stays."""
    last: dict[object, Note] = {}
    for note in notes:
        thing = note.key if note.kind == "card" else next((t for t in NOTE_KINDS if note.kind in t), note.key)
        last.pop(thing, None)
        last[thing] = note
    return list(last.values())


def weights_now(facts: RepoFacts, told: str) -> str:
    """Return what stands for the weights; that which was told where they cannot be held against it."""
    if not facts.shards:
        return NONE
    digest = weights_digest(facts)[:DIGITS]
    return digest if told == NONE or (told and digest) else told


def undeclared(case: CaseFile) -> list[str]:
    """Return the models that the alert says are not declared: parents, and what a component is made of."""
    parts = [str(c["nearest"]) for c in case.report.get("components", ()) if c.get("why")]
    return [*(str(p["repo_id"]) for p in case.report["parents"] if not p["declared"]), *parts]


def still_hidden(case: CaseFile, names: Sequence[str]) -> list[str]:
    """Return those of them that are not among the names that a card declares, as they are or as a form of them."""
    return [p for p in undeclared(case) if not any(same_model(name, p) for name in names)]
