"""Asking the models of open cases their names, beside the passes of the watch: no alert and no pass waits for it.

Whatever comes of it is kept as evidence of the case, so that a watch that was killed asks again until there is an
outcome. Where nobody serves a model yet, or the budget is spent, it is tried again a few times while the case is young.
What the chat template plants is found in any case, also where asking is off.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from analyzers.errors import BlendwatchError
from analyzers.verdict.summary import summed_up
from bot.cases.casework import Casework, repo_of
from bot.cases.summary import IDENTITY, identity_of, points_of
from bot.hub import Hub
from bot.inference.case_outcome import for_case
from bot.inference.interview import Interview
from bot.known.models import Progress
from bot.sources.interface import Renamed, Source
from state.errors import StateError
from state.records import AskAttempts, CaseFile, KeptFile

AGAIN: Final = tuple(timedelta(hours=h) for h in (1, 6, 24, 3 * 24, 7 * 24))  # after an outcome that may change
YOUNG: Final = timedelta(days=14)
log = logging.getLogger("blendwatch")


@dataclass(slots=True)
class Asking:
    """Asks in a thread of its own, one model after another. `tell`: post a follow-up of what came of it."""

    hub: Hub
    casework: Casework
    interview: Callable[[], Interview]  # built anew for each case: the registry may have changed
    clock: Callable[[], datetime]
    tell: bool = False
    _thread: threading.Thread | None = field(default=None, repr=False)
    _stopped: bool = False
    _over: set[str] = field(default_factory=set, repr=False)  # young cases that need no further try

    def begin(self) -> None:
        """Begin with what is due, unless that is under way; returns at once and raises nothing."""
        if not self.busy:
            self._thread = threading.Thread(target=self._run, name="asking", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Keep nothing from now on: what closes under an answer's way is no outcome. The next watch asks again."""
        self._stopped = True

    @property
    def busy(self) -> bool:
        """Return True if a model is asked just now."""
        return self._thread is not None and self._thread.is_alive()

    def due(self) -> list[CaseFile]:
        """Return the open cases whose model is to be asked now, the oldest first."""
        now, cases = self.clock(), self.casework.store.cases
        young = cases.ask_attempts(IDENTITY, now - YOUNG)
        self._over &= {t.case_id for t in young}
        due = [t for t in young if self._waited(t, now)]
        if any(t.count for t in due) and self.interview().off:
            due = [t for t in due if not t.count]
        return [case for t in due if not self._is_over(t) and (case := cases.get(t.case_id))]

    def ask_all(self, progress: Progress = lambda _: None) -> int:
        """Ask what is due, one by one; return how many cases have an outcome. Safe to kill anywhere; StateError."""
        asked = [] if self._stopped else self.due()
        for case in asked:
            self._ask(case, progress)
        return len(asked)

    def _run(self) -> None:
        try:
            while self.ask_all():
                pass
        except StateError as error:
            log.warning("what models call themselves cannot be kept, and is asked again: %s", error)
        except Exception:  # a fault of ours may cost an answer, never the watch
            log.exception("asking models their names failed")

    def _waited(self, tries: AskAttempts, now: datetime) -> bool:
        """Return True if it was never tried, or long enough ago."""
        if tries.last is None:
            return True
        waits = AGAIN[min(tries.count, len(AGAIN)) - 1]
        return tries.case_id not in self._over and now - tries.last >= waits

    def _is_over(self, tries: AskAttempts) -> bool:
        """Return True if it has a final outcome, or was tried often enough."""
        if not tries.count:
            return False
        last = identity_of(self.casework.store.cases.files(tries.upload_id), self.casework.blobs) or {}
        if last.get("outcome") == "asked" or tries.count > len(AGAIN):
            self._over.add(tries.case_id)
        return tries.case_id in self._over

    def _ask(self, case: CaseFile, progress: Progress) -> None:
        """Ask one model and keep what came of it."""
        suspect = case.report["suspect"]
        try:
            source = self._open(suspect["repo_id"], suspect["revision"])
            found = for_case(self.interview(), source, case.report["parents"], self._open, progress)
        except BlendwatchError as error:
            found = {"outcome": "failed", "why_not": str(error), "findings": []}
        except Exception as error:  # so that it is not asked for ever, which costs money
            log.exception("asking %s its name failed", suspect["repo_id"])
            found = {"outcome": "failed", "why_not": f"internal error: {type(error).__name__}", "findings": []}
        if self._stopped:
            return
        self._keep(case, found)
        log.info("asked %s its name: %s", repo_of(case), found["outcome"])

    def _open(self, repo_id: str, revision: str) -> Source:
        source = self.hub.repo(repo_id, revision)
        try:
            source.facts()
        except Renamed as moved:
            return self.hub.repo(moved.repo_id, revision)
        return source

    def _keep(self, case: CaseFile, found: dict[str, Any]) -> None:
        now, cases = self.clock(), self.casework.store.cases
        data = json.dumps({**found, "kept_at": now.isoformat()}, indent=1).encode()
        gated = any(f.gated for f in cases.files(case.upload_id))
        kept = [KeptFile(IDENTITY, self.casework.blobs.put(data), len(data), gated, now)]
        if not found["findings"] or gated:
            cases.keep(case.upload_id, kept)
            return
        text = summed_up(_HEAD.get(found["outcome"], found["outcome"]), points_of(found["findings"]))
        # Outcome and note are one transaction: a case that has an outcome is not asked again, so no note would follow.
        self.casework.note(case, "identity", text, found["outcome"], tell=self.tell, files=kept)


_HEAD: Final = {"asked": "asked its name"}
