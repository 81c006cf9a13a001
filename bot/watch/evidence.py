"""Store the evidence of an upload as soon as it is read, and load it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from analyzers.records import CheckResult, Evidence, RepoFacts, RepoRef, Sketch
from analyzers.sketch.places import sampled_bytes
from bot.sources.first_look import weights_digest
from state.errors import StateError
from state.evidence.blobs import Blobs, from_bytes, to_bytes
from state.proof.canonical import canonical
from state.records import KeptFile
from state.store import Store, Upload

SAMPLES: Final = "samples"  # kind of evidence: digests of the sampled bytes, and where they lie
UNJUDGED: Final = ("pending", "failed")

log = logging.getLogger("blendwatch")


@dataclass(frozen=True, slots=True)
class EvidenceKeeper:
    """The evidence of uploads."""

    store: Store
    blobs: Blobs
    clock: Callable[[], datetime]

    def keep(self, upload: Upload, gated: bool, kind: str, data: bytes) -> None:
        """Store one file of an upload; equal files are stored once."""
        kept = KeptFile(kind, self.blobs.put(data), len(data), gated, self.clock())
        self.store.cases.keep(upload.id, [kept])

    def samples(self, upload: Upload, gated: bool, sketch: Sketch) -> None:
        """Store the digests of sampled bytes with shard, offset and length; the log gets the digest of these."""
        if sketch.samples:
            self.keep(upload, gated, SAMPLES, canonical(sampled_bytes(sketch)))

    def verdict(self, upload: Upload, gated: bool, result: CheckResult) -> None:
        """Store the evidence of a verdict with an audience, or of a blend or copy."""
        worth_keeping = result.verdict.audience != "none" or result.verdict.finding.kind in ("blend", "copy")
        if result.evidence is not None and worth_keeping:
            self.keep(upload, gated, "verdict", to_bytes(result.evidence))

    def last_verdict(self, upload: Upload, ref: RepoRef) -> Evidence | None:
        """Return the evidence of the last verdict on an upload's weights at `ref`; None where it is not kept."""
        for content in reversed(self.of(upload, "verdict")):
            try:
                evidence = from_bytes(content)
            except StateError as error:
                log.warning("%s", error)
                continue
            if evidence.first.suspect.ref == ref:
                return evidence
        return None

    def of(self, upload: Upload, kind: str) -> list[bytes]:
        """Return the readable files of one kind, the oldest first."""
        return list(self._read(upload, kind))

    def cards(self, upload: Upload) -> list[str]:
        """Return the stored cards, that of first sight first."""
        return [card.decode("utf-8", errors="replace") for card in self._read(upload, "card")]

    def gated(self, upload: Upload) -> bool:
        """Return True if an upload was gated when it was listed or read."""
        return upload.gated or any(f.gated for f in self.store.cases.files(upload.id))

    def inherit(self, upload: Upload, facts: RepoFacts) -> None:
        """Copy the evidence of unjudged earlier uploads of the same weights.

        A commit that changes the card makes an upload of its own; the card of first sight stays the first.
        """
        digest = weights_digest(facts)
        waiting = [u for u in self.store.history(upload.repo_id) if u.id < upload.id and u.state in UNJUDGED]
        for other in reversed(waiting) if digest else ():
            if any(json.loads(listing).get("weights") == digest for listing in self.of(other, "files")):
                self.store.cases.keep(upload.id, self.store.cases.files(other.id))

    def _read(self, upload: Upload, kind: str) -> Iterator[bytes]:
        for kept in (f for f in self.store.cases.files(upload.id) if f.kind == kind):
            try:
                yield self.blobs.get(kept.digest)
            except StateError as error:
                log.warning("evidence of %s cannot be used: %s", upload.repo_id, error)
