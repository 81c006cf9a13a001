"""A watch on a loopback Hub that honest uploads come to: one long run in one process, on a clock that is moved."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final

import numpy as np

from analyzers.records import CheckResult, Outcome
from bench.hub_null.cast import Cast, Draw, Shapes, Step, cast_of
from bench.hub_null.storing import CARD, Storage
from bench.simulated import POLL, Moved, World, world
from demo.hub.repository import LoopbackRepo
from demo.hub.server import LoopbackHub

BEGAN: Final = datetime(2026, 6, 1, 12, tzinfo=UTC)
A_PASS: Final = 40  # draws that come between two passes, where all shapes come
FAMILIES: Final = 40
MOST_PASSES: Final = 400  # after the last upload, until nothing waits
ENDED: Final = ("found", "skipped", "failed")
AUDIENCES: Final = ("none", "reviewers", "public")
Slot = tuple[str, Callable[[datetime], Draw]]  # a shape, and what makes one draw of it for a pass that begins then


@dataclass(slots=True)
class Shown:
    """One honest upload and what the watch made of it. `audience`: the widest that any verdict on it had."""

    shape: str
    what: str
    repo_id: str
    card: str = ""
    audience: str = "none"
    why: str = ""
    finding: str = ""
    states: tuple[str, ...] = ()  # of each revision that the watch settled
    problem: str = ""  # why it has not ended as it must

    def heard(self, audience: str, why: str) -> None:
        """Take in one verdict."""
        if AUDIENCES.index(audience) > AUDIENCES.index(self.audience):
            self.audience, self.why = audience, why


@dataclass(slots=True)
class Day:
    """Everything that came, by the name that it has in the end."""

    uploads: dict[str, Shown] = field(default_factory=dict)
    verdicts: list[tuple[str, str, str]] = field(default_factory=list)  # repository, audience, why
    passes: int = 0
    bad_passes: int = 0
    alerts_sent: int = 0

    def settled(self, outcome: Outcome) -> None:
        """Hear of every upload that the watch settles."""
        if isinstance(outcome, CheckResult):
            verdict = outcome.verdict
            self.verdicts.append((outcome.suspect.repo_id, verdict.audience, verdict.why))


@dataclass(frozen=True, slots=True)
class Plan:
    """Uploads that are to come: so many, of `shapes` in turn."""

    shapes: Shapes
    numbers: dict[str, int]  # of each shape, in the order of all shapes
    seed: int
    families: int = FAMILIES

    def draws(self, cast: Cast) -> Iterator[Iterator[Slot]]:
        """Yield what comes before each pass, shape by shape in turn, until each has had its uploads.

        A draw and its time depend on seed, shape and number alone, and not on which other shapes come.
        """
        left = {shape: n for shape, n in self.numbers.items() if shape in self.shapes}
        for begin in count(step=A_PASS):
            if all(n <= 0 for n in left.values()):
                return
            yield self._slots(cast, left, range(begin, begin + A_PASS))

    def _slots(self, cast: Cast, left: dict[str, int], numbers: range) -> Iterator[Slot]:
        every = list(self.numbers)
        for number in numbers:
            shape = every[number % len(every)]
            if left.get(shape, 0) > 0:
                yield shape, partial(self._draw, cast, left, shape, number)

    def _draw(self, cast: Cast, left: dict[str, int], shape: str, number: int, begin: datetime) -> Draw:
        rng = np.random.default_rng([self.seed, number])
        draw = self.shapes[shape](cast, rng, begin + float(rng.random()) * POLL)
        left[shape] -= len(draw.uploads)
        return draw


def run(
    plan: Plan,
    folder: Path,
    told: Callable[[int, int], None] = lambda *_: None,
    until: float = float("inf"),
) -> Day:
    """Let everything come, and the watch settle it; `told` hears the number of passes and of uploads so far.

    After `until` (of the monotonic clock) nothing more comes, and what came is settled.
    """
    (folder / "files").mkdir()
    cast, moved, day = cast_of(Storage(folder / "files"), BEGAN, plan.seed, plan.families), Moved(BEGAN), Day()
    with LoopbackHub(cast.repos) as hub, world(folder, hub, moved, cast.registry(), **_values()) as at:
        watch = replace(at, watch_pass=replace(at.watch_pass, settled=day.settled))
        _pass(watch, day)  # the first one of all, before anything comes
        waiting: list[tuple[datetime, int, Step]] = []
        order, coming = count(), plan.draws(cast)
        while True:
            begin = moved.now()
            now = next(coming, None) if time.monotonic() < until else None
            if now is None and not waiting:
                break
            for shape, made in now or ():
                for step in _drawn(day, shape, made(begin)):
                    heapq.heappush(waiting, (step.at, next(order), step))
            moved.sleep(POLL.total_seconds() - (moved.now() - begin).total_seconds())
            while waiting and waiting[0][0] <= moved.now():
                _take(hub, heapq.heappop(waiting)[2])
            _pass(watch, day)
            told(day.passes, len(day.uploads))
        _settle(watch, day)
        _judge(watch, hub, day)
    return day


def _values() -> dict[str, Any]:
    """Return settings under which no pass leaves work to another one for its cost alone."""
    return {"requests_per_pass": 1_000_000, "bytes_per_pass": 1_000_000_000_000, "max_backlog": 1_000_000}


def _drawn(day: Day, shape: str, draw: Draw) -> tuple[Step, ...]:
    cards = {r.repo_id: _card(r) for step in draw.steps for r in step.repos}
    for name in draw.uploads:
        day.uploads[name] = Shown(shape, draw.what, name, cards.get(name, ""))
    return draw.steps


def _card(repo: LoopbackRepo) -> str:
    blob = repo.files.get(CARD)
    return blob.read(0, blob.size).decode() if blob else ""


def _take(hub: LoopbackHub, step: Step) -> None:
    for repo in step.repos:
        hub.add(repo)
    for name in step.gone:
        hub.repos.pop(name, None)


def _pass(watch: World, day: Day) -> None:
    day.passes += 1
    day.bad_passes += not watch.one_pass()
    watch.hub.log.clear()
    watch.hub.signed.forget()


def _settle(watch: World, day: Day) -> None:
    """Let passes follow, each when something is due, until nothing waits."""
    for _ in range(MOST_PASSES):
        due = [u.retry_at for u in watch.waiting()]
        if not due:
            return
        first = min((t for t in due if t), default=watch.moved.now())
        watch.moved.sleep(max(POLL, first - watch.moved.now()).total_seconds())
        _pass(watch, day)


def _judge(watch: World, hub: LoopbackHub, day: Day) -> None:
    """Hold what was said while it ran, and what is stored in the end, against what came."""
    former = {r.repo_id: r.renamed_to for r in hub.repos.values() if r.renamed_to}
    for name, audience, why in day.verdicts:
        if (shown := day.uploads.get(former.get(name) or name)) is not None:
            shown.heard(audience, why)
    waits = {u.id for u in watch.waiting()}
    for shown in day.uploads.values():
        rows = watch.store.history(shown.repo_id)
        shown.states = tuple(row.state for row in rows)
        for row in rows:
            if row.report is not None:
                shown.finding = shown.finding or str(row.report["finding"])
                shown.heard(str(row.report["audience"]), str(row.report["why"]))
        open_rows = [row for row in rows if row.state not in ENDED or row.id in waits]
        if not rows:
            shown.problem = "the watch never saw it"
        elif open_rows:
            shown.problem = f"not settled: {open_rows[0].state}, {open_rows[0].reason}"
    day.alerts_sent = len(watch.told.alerts)
