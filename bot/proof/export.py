"""Write a case into one archive that a stranger can verify."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from analyzers.records import Evidence, RepoRef
from bot.proof.container import (
    CARD,
    CASE,
    EVIDENCE,
    FILES,
    FORMAT,
    MANIFEST,
    NOTES,
    PROOF,
    README,
    REPORT,
    SAMPLES,
    STAMP,
    VERIFY,
    manifest_of,
    zipped,
)
from bot.proof.coordinates import Opened, arrays_of, models_of
from bot.proof.notary import Notary
from bot.proof.recipes import recipes_of
from state.cases.opening import note_content
from state.errors import StateError
from state.evidence.blobs import Blobs, from_bytes
from state.proof.canonical import canonical
from state.proof.log import Checkpoint, LogEntry, NewEntry, ProofLog
from state.records import CaseFile, KeptFile
from state.store import Store

EXPORT: Final = "case exported"  # kind of entry: the digest of an archive's manifest
KEPT: Final = {"card": CARD, "files": FILES, "samples": SAMPLES}  # of first sight
BARE: Final = ("kept verdict", "kept samples", "case opened")  # entered also where their content is not shown
NUMBERS: Final = ("schema", "case", "finding", "family", "disclosure", "strength", "exact", "sampled", "checked_at")
ABOUT: Final = """An archive of a Blendwatch case.

    python verify.py ARCHIVE.zip                  needs Python 3.11 or newer, and numpy
    blendwatch verify ARCHIVE.zip                 repeats every kind of verdict

Take verify.py from the project and not from here: an archive can hold any program. Compare the public key with the one
that the operator publishes: a key proves that one hand wrote the log, not whose hand it is.
"""


@dataclass(frozen=True, slots=True)
class Exporter:
    """Writes archives. `ask`: reads a model's headers and whether it is gated; None where it cannot be asked."""

    store: Store
    blobs: Blobs
    notary: Notary
    clock: Callable[[], datetime]
    ask: Callable[[RepoRef], Opened | None]

    async def export(self, case: CaseFile, *, private: bool) -> tuple[bytes, list[str]]:
        """Return the archive of a case, and a sentence for each thing left out.

        Without `private` nothing of a model that is gated, or that cannot be asked, is written.
        """
        kept = self.store.cases.files(case.upload_id)
        evidence = self._evidence(kept)
        models = models_of(evidence) if evidence else []
        opened = {ref: self.ask(ref) for ref in models}
        suspect = str(case.report["suspect"]["repo_id"])
        closed = [] if private else sorted(_closed(suspect, kept, opened))
        files = self._texts(case, shown=suspect not in closed)
        for name in (EVIDENCE, *KEPT.values()) if not closed else [*KEPT.values()] if suspect not in closed else ():
            content = self._content(name, kept)
            files |= {name: content} if content is not None else {}
        entries = self.store.proofs.entries_of(case.upload_id)
        logged = sorted(name for name, content in files.items() if _entry_of(entries, content) is not None)
        files[CASE] = canonical(self._case(case, closed, logged, evidence, opened))
        manifest = manifest_of(files)
        digest = sha256(manifest).hexdigest()
        new = NewEntry(EXPORT, case.upload_id, digest, len(manifest), self.clock(), case.case_id)
        self.store.proofs.enter(new)
        await self.notary.sign()
        files[MANIFEST] = manifest
        files |= _proof(self.store.proofs, str(self.notary.signer.public), files, case.upload_id)
        left = [f"{name} is gated, or cannot be asked whether it is" for name in closed]
        return zipped(files), left

    def _evidence(self, kept: Sequence[KeptFile]) -> Evidence | None:
        content = self._content(EVIDENCE, kept)
        return None if content is None else from_bytes(content)

    def _content(self, name: str, kept: Sequence[KeptFile]) -> bytes | None:
        """Return a kept file: of the verdict the last, as replays use it, of others that of first sight."""
        kinds = {name: kind for kind, name in KEPT.items()} | {EVIDENCE: "verdict"}
        found = [f for f in kept if f.kind == kinds[name]]
        return self.blobs.get(found[-1 if name == EVIDENCE else 0].digest) if found else None

    def _texts(self, case: CaseFile, *, shown: bool) -> dict[str, bytes]:
        """Return the report, the notes and what helps a reader; of an upload that is not `shown` numbers alone."""
        files = {REPORT: canonical(case.report if shown else _numbers(case.report)), README: ABOUT.encode()}
        files[VERIFY] = Path(__file__).with_name("verify_alone.py").read_bytes()
        if not shown:
            return files
        for i, note in enumerate(self.store.cases.notes(case.case_id)):
            files[f"{NOTES}{i:03}.json"] = note_content(note)
        return files

    def _case(
        self,
        case: CaseFile,
        closed: Sequence[str],
        logged: Sequence[str],
        evidence: Evidence | None,
        opened: Mapping[RepoRef, Opened | None],
    ) -> dict[str, Any]:
        shown = evidence if not closed else None
        return {
            "format": FORMAT,
            "case": case.case_id,
            "state": case.state,
            "opened_at": case.opened_at.isoformat(timespec="seconds"),
            "left_out": [f"{name} is gated, or could not be asked" for name in closed],
            "logged": logged,
            "arrays": arrays_of(shown, opened) if shown else [],
            "recipes": recipes_of(shown, case.report) if shown else [],
        }


def _numbers(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a report that quotes nobody."""
    plain = {name: report.get(name) for name in NUMBERS}
    parents = [
        {name: p.get(name) for name in ("repo_id", "revision", "coefficient", "interval")} for p in report["parents"]
    ]
    suspect = {name: report["suspect"][name] for name in ("repo_id", "revision")}
    return plain | {"suspect": suspect, "parents": parents}


def _closed(suspect: str, kept: Sequence[KeptFile], opened: Mapping[RepoRef, Opened | None]) -> Iterator[str]:
    """Yield the models whose bytes must stay here. An upload that is gone is as open as it was when it was read."""
    if any(f.gated for f in kept):
        yield suspect
    for ref, found in opened.items():
        if found.gated if found is not None else ref.repo_id != suspect:
            yield ref.repo_id


def _entry_of(entries: Sequence[LogEntry], content: bytes) -> LogEntry | None:
    digest = sha256(content).hexdigest()
    return next((e for e in entries if e.sha256 == digest and e.text is not None), None)


def _proof(log: ProofLog, key: str, files: Mapping[str, bytes], upload_id: int) -> dict[str, bytes]:
    """Return proof.json and the timestamps: each file's entry, in the first checkpoint that covers it."""
    every = log.checkpoints()
    if not every:
        raise StateError("the log of proofs has no checkpoint")
    logged = log.entries_of(upload_id)
    found = {entry.number: (name, entry) for name, c in sorted(files.items()) if (entry := _entry_of(logged, c))}
    for entry in logged:  # what stays here was kept all the same
        if entry.text is not None and entry.kind in BARE:
            found.setdefault(entry.number, ("", entry))
    entries = [found[number] for number in sorted(found)]
    first = {entry.number: next(c for c in every if c.size > entry.number) for _, entry in entries}
    used: list[Checkpoint] = sorted({c.size: c for c in (*first.values(), every[-1])}.values(), key=lambda c: c.size)
    sizes = [c.size for c in used]
    newest = sizes[-1]
    proof = {
        "key": key,
        "checkpoints": [
            {"note": c.note, "consistency": [h.hex() for h in log.consistency(c.size, newest)]} for c in used
        ],
        "entries": [
            {
                "file": name,
                "number": entry.number,
                "text": entry.text,
                "checkpoint": sizes.index(first[entry.number].size),
                "path": [h.hex() for h in log.inclusion(entry.number, first[entry.number].size)],
            }
            for name, entry in entries
        ],
    }
    stamps = {f"{STAMP}{i}.tsr": c.token for i, c in enumerate(used) if c.token}
    return {PROOF: canonical(proof), **stamps}
