"""Read the Hub's large models of a base, where an upload shows that base and no other known parent.

On a cold start this finds a parent that is a week old. Each becomes a known model, and every stored sketch that it may
be a parent of is explained again.

The store keeps a note of the base until a listing shows no model that is still to be read. So neither errors of the
Hub, nor a day's limit, nor unreadable models lose the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from analyzers.records import CheckResult, HubEvent
from bot.hub import Hub
from bot.known.models import KnownModels, Progress
from bot.sources.first_look import FIRST_LOOK_REQUESTS
from bot.sources.interface import SourceError
from bot.text.sanitize import moment
from state.database.key_values import KeyValue
from state.database.tables import MARK
from state.store import Store

WISH: Final = "relatives of "  # the prefix of a base's note
BASES: Final = 1_000  # of one pass: more than there are
MOST_READ: Final = 8  # models for one base and day
MOST_TRIED: Final = 24  # including unreadable ones
AGAIN: Final = timedelta(hours=24)
LASTS: Final = timedelta(days=14)  # without an upload of the base, after which its note is dropped
SIZE: Final = 0.25  # share by which a relative's number of parameters may differ

log = logging.getLogger("blendwatch")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Wanted models of a base: of `least` to `most` parameters, made before `before` (UTC; None: at any time)."""

    base: str
    least: int
    most: int
    before: datetime | None

    @classmethod
    def of(cls, value: dict[str, object]) -> Wanted:
        """Parse a value of `to_json`."""
        return cls(str(value["base"]), int(str(value["least"])), int(str(value["most"])), moment(value["before"]))

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        before = self.before.isoformat() if self.before else None
        return {"base": self.base, "least": self.least, "most": self.most, "before": before}

    def and_also(self, other: Wanted) -> Wanted:
        """Return the union of both."""
        before = max(self.before, other.before) if self.before and other.before else None
        return Wanted(self.base, min(self.least, other.least), max(self.most, other.most), before)


@dataclass(frozen=True, slots=True)
class Relatives:
    """Reads the models of a base that uploads may be made of."""

    hub: Hub
    known: KnownModels
    store: Store
    clock: Callable[[], datetime]

    def note(self, result: CheckResult) -> None:
        """Note the base of the upload of `result`, if its models are wanted."""
        base = self._base(result)
        if base is None:
            return
        least, most = int(result.parameters * (1 - SIZE)), int(result.parameters * (1 + SIZE)) + 1
        wanted, name = Wanted(base, least, most, result.weights_at), f"{WISH}{base.lower()}"
        old = self.store.key_values.get(name)
        wanted = wanted.and_also(Wanted.of(old.value)) if old else wanted
        self.store.key_values.put(name, wanted.to_json(), self.clock())

    def look(self, progress: Progress) -> int:
        """Read some wanted models; return the number that became known. Safe to kill anywhere."""
        self.known.sketches.refresh()  # a new process has not loaded the stored sketches yet
        return sum(self._fulfil(wish, progress) for wish in self.store.key_values.first(WISH, BASES))

    def _fulfil(self, wish: KeyValue, progress: Progress) -> int:
        """List and read the models of a base once a day, until all are read or the note expires."""
        wanted, now = Wanted.of(wish.value), self.clock()
        if now - wish.changed_at > LASTS:
            self.store.key_values.drop([wish.name])
            return 0
        if not self._due(wanted.base):
            return 0
        progress(f"listing the models of {wanted.base}")
        try:
            left = self._left(wanted)
        except SourceError as error:
            log.warning("the models of %s could not be listed: %s", wanted.base, error)
            return 0
        read = self._read(wanted.base, left, progress)
        self.store.record(_mark(wanted.base), [], now, now)
        if not left:
            self.store.key_values.drop([wish.name])
        return read

    def _read(self, base: str, left: list[HubEvent], progress: Progress) -> int:
        """Read models up to the day's limit; return how many. An unreadable one is not tried again soon."""
        read = 0
        for event in left:
            if read >= MOST_READ:
                break
            progress(f"reading {event.repo_id}, which has the base {base}")
            problem = self.known.learn(event.repo_id, FIRST_LOOK_REQUESTS)
            if problem:
                log.info("%s", problem)
            read += not problem
        return read

    def _base(self, result: CheckResult) -> str | None:
        """Return the known base of an upload that is a derivative or inconclusive; None for others."""
        finding = result.verdict.finding
        if finding.kind not in ("derivative", "inconclusive"):
            return None
        named = [p.ref.repo_id for p in finding.parents] + list(result.declared.parents)
        models = [m for name in named if (m := self.known.registry.find(name)) and m.role == "base" and m.path is None]
        return models[0].repo_id if models else None

    def _due(self, base: str) -> bool:
        last = self.store.cursor(_mark(base))
        return last is None or self.clock() - last >= AGAIN

    def _left(self, wanted: Wanted) -> list[HubEvent]:
        """Return at most MOST_TRIED of the newest wanted models that are unread and not known as unreadable."""
        listed = self.hub.of_base(wanted.base, wanted.least, wanted.most)
        early = (e for e in listed if wanted.before is None or e.created_at <= wanted.before)
        left: list[HubEvent] = []
        try:
            left.extend(islice(filter(self._is_left, early), MOST_TRIED))
        except SourceError:  # the models before the error are read, and the note stays for the rest
            if not left:
                raise
        return left

    def _is_left(self, event: HubEvent) -> bool:
        absent = self.known.absences.get(event.repo_id, self.clock())
        return not event.gated and absent is None and not self.known.has(event.repo_id)


def _mark(base: str) -> str:
    return f"{MARK}relatives of {base.lower()}"
