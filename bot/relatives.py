"""Where an upload shows its base and nothing else known: the Hub's large models with that base are read, too.

On a cold start this is what finds a parent that is a week old. What is read becomes a known model, and every stored
sketch that it may be a parent of is explained again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from analyzers.records import CheckResult, HubEvent
from bot.hub import Hub
from bot.known import KnownModels, Progress
from bot.look import FIRST_LOOK_REQUESTS
from bot.source import SourceError
from state.store import Store
from state.tables import MARK

MOST_READ: Final = 8  # models for one base and day
LISTED: Final = 100
AGAIN: Final = timedelta(hours=24)
SIZE: Final = 0.25  # by which a relative's number of parameters may differ

log = logging.getLogger("blendwatch")


@dataclass(frozen=True, slots=True)
class Relatives:
    """Reads the models of a base that an upload may be made of."""

    hub: Hub
    known: KnownModels
    store: Store
    clock: Callable[[], datetime]

    def learn(self, result: CheckResult, progress: Progress) -> int:
        """Read some models of the base of `result`'s upload, if it calls for them; return how many became known."""
        base = self._base(result)
        if base is None or not self._due(base):
            return 0
        read = 0
        for event in self._wanted(base, result):
            if read >= MOST_READ:
                break
            progress(f"reading {event.repo_id}, which has the base {base}")
            problem = self.known.learn(event.repo_id, FIRST_LOOK_REQUESTS)
            if problem:
                log.info("%s", problem)
            read += 1
        self.store.record(_mark(base), [], self.clock(), self.clock())
        return read

    def _base(self, result: CheckResult) -> str | None:
        """Return the known base that the upload goes back to by something that is not explained."""
        finding = result.verdict.finding
        if finding.kind not in ("derivative", "inconclusive"):
            return None
        named = [p.ref.repo_id for p in finding.parents] + list(result.declared.parents)
        models = [m for name in named if (m := self.known.registry.find(name)) and m.role == "base" and m.path is None]
        return models[0].repo_id if models else None

    def _due(self, base: str) -> bool:
        last = self.store.cursor(_mark(base))
        return last is None or self.clock() - last >= AGAIN

    def _wanted(self, base: str, result: CheckResult) -> Iterator[HubEvent]:
        """Yield models of the base and about the upload's size that were there before it and are not known yet."""
        least, most = int(result.parameters * (1 - SIZE)), int(result.parameters * (1 + SIZE)) + 1
        try:
            listed = self.hub.of_base(base, least, most, LISTED)
        except SourceError as error:
            log.warning("the models of %s could not be listed: %s", base, error)
            return
        for event in listed:
            before = result.weights_at is None or event.created_at <= result.weights_at
            if before and event.repo_id != result.suspect.repo_id and not self.known.has(event.repo_id):
                yield event


def _mark(base: str) -> str:
    return f"{MARK}relatives of {base.lower()}"
