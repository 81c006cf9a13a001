"""A case lives on: what its card, its weights and its place have become since it was told.

Each is a note on the case and a message by the road of the alert: the head message is edited to its present state and
the follow-up is posted after it. The same fact is told once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from analyzers.disclosure import read_disclosure
from analyzers.records import RepoFacts
from bot.casework import AT_ONCE, Casework, repo_of
from bot.history import since
from bot.hub import Hub
from bot.known import Progress, card_of
from bot.look import weights_digest
from bot.source import Disabled, Gated, Missing, Renamed, Source, SourceError
from state.errors import StateError
from state.records import CaseFile
from state.store import Store

EVERY: Final = timedelta(hours=1)  # while a case is young
LATER: Final = timedelta(hours=12)
YOUNG: Final = timedelta(days=3)
WHEN_SHOWN: Final = 3  # events of the commits since an alert
log = logging.getLogger("blendwatch")


@dataclass(frozen=True, slots=True)
class Followups:
    """Looks after open cases."""

    hub: Hub
    store: Store
    casework: Casework
    names: Callable[[], dict[str, str]]  # of known models, for reading cards
    clock: Callable[[], datetime]

    def look(self, progress: Progress) -> int:
        """Look after what is due; return how many notes were made. Safe to kill anywhere."""
        made = self.casework.replay_old()
        now = self.clock()
        for case in self.store.cases.to_look_after(now - YOUNG, now - EVERY, now - LATER, AT_ONCE):
            progress(f"looking after the case of {repo_of(case)}")
            made += self._look_after(case)
            self.store.cases.looked_after(case.case_id, now)
        return made

    # -- what became of the upload ---------------------------------------------------------------------------

    def _look_after(self, case: CaseFile) -> bool:
        """Ask the Hub about one case; a Hub that does not answer is asked again later."""
        repo_id = self._last_name(case)
        try:
            source = self.hub.repo(repo_id)
            ref = source.now()  # nearly always that of the alert, and then this one request is all
            facts = None if ref.revision == case.report["suspect"]["revision"] else source.facts()
        except Renamed as moved:
            return self.casework.note(case, "moved", f"{repo_id} is {moved.repo_id} now", moved.repo_id)
        except (Missing, Disabled) as error:
            if self._last(case, ("gone", "returned")) == "gone":
                return False
            return self.casework.note(case, "gone", str(error), self._number(case))
        except SourceError as error:
            log.info("the case of %s could not be looked after: %s", repo_id, error)
            return False
        made = False
        if self._last(case, ("gone", "returned")) == "gone":
            back = f"{repo_id} is there again at {ref.revision[:12]}"
            made = self.casework.note(case, "returned", back, self._number(case))
        return made if facts is None else made | self._changes(case, source, facts)

    def _changes(self, case: CaseFile, source: Source, facts: RepoFacts) -> bool:
        """Tell what another revision changed of weights and card."""
        upload = next((u for u in self.store.history(repo_of(case)) if u.id == case.upload_id), None)
        digest = weights_digest(facts)
        made = False
        if not facts.shards:
            text = f"no weights are there any more since revision {facts.ref.revision[:12]}"
            made = self.casework.note(case, "emptied", text, "")
        if digest and upload is not None and upload.weights_digest and digest != upload.weights_digest:
            text = f"other weights since revision {facts.ref.revision[:12]}; they are judged as an upload of their own"
            made = self.casework.note(case, "weights", text, digest[:16])
        try:
            card, _ = card_of(source)
        except (SourceError, Gated):
            return made
        before = {p["repo_id"] for p in case.report["parents"] if not p["declared"]}
        now = set(read_disclosure(facts.ref.revision, card, facts.tags, self.names()).parents)
        named = sorted(name for name in before if name.lower() in {n.lower() for n in now} | {_last(n) for n in now})
        left = sorted(before - set(named))
        if named and not left:
            what = ",".join(named)
            if self._is_noted(case, "declared", what):
                return made
            text = f"declared since revision {facts.ref.revision[:12]}, after the alert: {', '.join(named)}"
            return self.casework.note(case, "declared", text + self._when(case, facts.ref.repo_id), what) or made
        if self._card_changed(case, card):
            said = f"named since: {', '.join(named)}; " if named else ""
            text = f"{said}still not declared at revision {facts.ref.revision[:12]}: {', '.join(left)}"
            return self.casework.note(case, "card", text, facts.ref.revision) or made
        return made

    def _is_noted(self, case: CaseFile, kind: str, what: str) -> bool:
        notes = self.store.cases.notes(case.case_id)
        return any(n.kind == kind and n.key.endswith(f":{kind}:{what}") for n in notes)

    def _when(self, case: CaseFile, repo_id: str) -> str:
        """Say what the commits since the alert say of when that was; nothing where they cannot be read."""
        try:
            events = since(self.hub, repo_id, case.report["suspect"]["revision"], case.opened_at, self.names())
        except SourceError as error:
            log.info("the commits of %s could not be read: %s", repo_id, error)
            return ""
        told = [e.claim for e in events if e.kind != "config"][-WHEN_SHOWN:]
        return f". By the commits: {' '.join(told)}" if told else ""

    def _card_changed(self, case: CaseFile, card: str) -> bool:
        kept = [f for f in self.store.cases.files(case.upload_id) if f.kind == "card"]
        try:
            return bool(kept) and self.casework.blobs.get(kept[0].digest) != card.encode("utf-8", "surrogateescape")
        except StateError as error:
            log.warning("the card of case %s cannot be compared: %s", case.case_id, error)
            return False

    def _last_name(self, case: CaseFile) -> str:
        moved = [n.key.rpartition(":")[2] for n in self.store.cases.notes(case.case_id) if n.kind == "moved"]
        return moved[-1] if moved else repo_of(case)

    def _last(self, case: CaseFile, kinds: tuple[str, ...]) -> str | None:
        found = [n.kind for n in self.store.cases.notes(case.case_id) if n.kind in kinds]
        return found[-1] if found else None

    def _number(self, case: CaseFile) -> str:
        """Return what tells one going or coming from the next."""
        return str(len([n for n in self.store.cases.notes(case.case_id) if n.kind in ("gone", "returned")]))


def _last(repo_id: str) -> str:
    return repo_id.rpartition("/")[2].lower()
