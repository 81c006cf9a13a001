"""Runs of the service through faults, and what they are held against: the same uploads without any."""

from __future__ import annotations

import itertools
import random
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.faults.kinds import ANSWERS, NEW_NAME, STATES, can_spoil
from bench.faults.trap import Trap
from bench.simulated import POLL, TOKEN, Moved, World, world
from bot.health.watchdog import CANARY
from demo.hub.faults import Fault, LoggedRequest
from demo.hub.repository import LoopbackRepo
from demo.hub.server import LoopbackHub
from demo.scene import BASE, HIDDEN, RELEASE, Scene, scene
from state.store import Upload

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
CAST: Scene = scene(NOW)
REPOS = {r.repo_id: r for r in CAST.repos}
STITCH = "quiltworks/Guanabara-Stitch"
PAIR = (BASE, RELEASE, HIDDEN, STITCH)  # a hidden blend, and an honest model that declares it
ALONE = (BASE, RELEASE, HIDDEN)

Verdict = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: what each repository was found to be, what was told, what was lost, and what it took."""

    verdicts: Mapping[str, Verdict]
    alerts: tuple[str, ...]
    lost: tuple[str, ...]  # a sentence for each upload without one state and one reason
    leaks: int  # requests that brought the token to a foreign host
    requests: int
    planted: int  # faults
    passes: int
    places: Mapping[str, int]  # kind of fault -> requests whose answers it can spoil
    reasons: Mapping[str, str]

    def differs(self, other: Ended) -> list[str]:
        """Say in which verdicts and alerts two runs differ."""
        names = sorted({*self.verdicts, *other.verdicts})
        found = [
            f"{n}: {self.verdicts.get(n)} and not {other.verdicts.get(n)}"
            for n in names
            if self.verdicts.get(n) != other.verdicts.get(n)
        ]
        if sorted(self.alerts) != sorted(other.alerts):
            found.append(f"alerts about {sorted(self.alerts)} and not {sorted(other.alerts)}")
        return found


class Planter:
    """Decides for each request what goes wrong; counts. Called in the Hub's own thread."""

    def __init__(self, choose: Callable[[LoggedRequest], Fault | None]) -> None:
        self._choose = choose
        self._lock = threading.Lock()
        self.requests = self.planted = 0

    def __call__(self, seen: LoggedRequest) -> Fault | None:
        """See FaultHook."""
        with self._lock:
            self.requests += 1
            fault = self._choose(seen)
            self.planted += fault is not None
        return fault


@dataclass(frozen=True, slots=True)
class _Stage:
    world: World
    trap: Trap

    def ended(self, planter: Planter, names: Sequence[str], passes: int) -> Ended:
        at = self.world
        verdicts, lost, reasons = {}, [], {}
        for name in names:
            history = {u.id: u for n in (name, *_also(name)) for u in at.store.history(n)}
            newest = sorted(history.values(), key=lambda u: u.id, reverse=True)
            if not newest:
                lost.append(f"{name} was never seen")
                continue
            lost += [f"{name} is {u.state} without an end or a reason" for u in newest if not _closed(u)]
            verdicts[name] = _verdict(next((u for u in newest if u.state == "found"), newest[0]))
            reasons[name] = newest[0].reason
        told = tuple(HIDDEN if name == NEW_NAME else name for name, _ in at.told.alerts)
        foreign = [s.authorization for s in list(at.hub.log) if s.host not in at.hub.url] + self.trap.came
        leaks = sum(1 for a in foreign if a is not None and TOKEN in a)
        places = {kind: sum(can_spoil(kind, s) for s in list(at.hub.log)) for kind in ANSWERS}
        return Ended(verdicts, told, tuple(lost), leaks, planter.requests, planter.planted, passes, places, reasons)


def _also(name: str) -> Iterator[str]:
    if name == HIDDEN:
        yield NEW_NAME


def _closed(upload: Upload) -> bool:
    return upload.state in ("found", "skipped", "failed") and bool(upload.reason) and upload.retry_at is None


def _verdict(upload: Upload) -> Verdict:
    if upload.report is None:
        return (upload.state,)
    said = upload.report
    parents = tuple(sorted(p["repo_id"] for p in said["parents"]))
    return upload.state, said["finding"], said["disclosure"], said["alert"], parents


@contextmanager
def _stage(repos: Mapping[str, LoopbackRepo]) -> Iterator[_Stage]:
    moved = Moved(NOW)
    with (
        tempfile.TemporaryDirectory() as folder,
        Trap() as trap,
        LoopbackHub(repos.values(), clock=moved.seconds) as hub,
        world(Path(folder), hub, moved, CAST.registry) as at,
    ):
        at.store.record(CANARY, [], NOW, NOW)  # it asks the Hub nothing, and would take a sixth of the time
        yield _Stage(at, trap)


def judged(names: Sequence[str]) -> list[str]:
    """Return those of the names that are uploads, not known models."""
    return [n for n in names if n not in (BASE, RELEASE)]


def clean(names: Sequence[str]) -> Ended:
    """Run without faults."""
    return one_answer("", -1, names)


def one_answer(kind: str, number: int, names: Sequence[str] = PAIR) -> Ended:
    """Spoil the answer of one request, the `number`-th of those that this can spoil; run until all is settled.

    Requests of several threads come in another order each time, so the number among all would say little.
    """
    with _stage({n: REPOS[n] for n in names}) as stage:
        moved, trap, numbers = stage.world.moved, stage.trap, itertools.count()

        def choose(seen: LoggedRequest) -> Fault | None:
            hit = can_spoil(kind, seen) and next(numbers) == number
            return ANSWERS[kind](seen, moved, trap.url) if hit else None

        planter = Planter(choose)
        stage.world.hub.fault = planter
        passes = stage.world.settle()
        return stage.ended(planter, judged(names), passes)


def one_change(kind: str, number: int) -> Ended:
    """Let the suspect become something else just before the `number`-th request, for good."""
    with _stage({n: REPOS[n] for n in ALONE}) as stage:
        hub, numbers = stage.world.hub, itertools.count()

        def choose(_seen: LoggedRequest) -> Fault | None:
            if next(numbers) == number:
                STATES[kind](hub, HIDDEN)
                return Fault()
            return None

        planter = Planter(choose)
        hub.fault = planter
        passes = stage.world.settle()
        return stage.ended(planter, judged(ALONE), passes)


def a_day(rate: float, seed: int, hours: int = 24, kinds: Sequence[str] = tuple(ANSWERS)) -> Ended:
    """Let uploads come over a day of passes in which a share of all answers is spoiled; then the Hub is well again."""
    chance = random.Random(seed)
    late = sorted(judged(list(REPOS)), key=lambda n: REPOS[n].created_at)
    arrives = {n: NOW + timedelta(hours=hours * (i + 0.5) / len(late)) for i, n in enumerate(late)}
    with _stage({n: REPOS[n] for n in (BASE, RELEASE)}) as stage:
        at, trap = stage.world, stage.trap

        def choose(seen: LoggedRequest) -> Fault | None:
            if chance.random() >= rate:
                return None
            kind = chance.choice([k for k in kinds if can_spoil(k, seen)])
            return ANSWERS[kind](seen, at.moved, trap.url)

        planter = Planter(choose)
        at.hub.fault = planter
        passes = 0
        while at.moved.now() < NOW + timedelta(hours=hours):
            _arrive(at, arrives)
            at.one_pass()
            passes += 1
            at.moved.sleep(POLL.total_seconds())
        _arrive(at, arrives)
        at.hub.fault = lambda _: None
        passes += at.settle()
        return stage.ended(planter, late, passes)


def _arrive(at: World, arrives: Mapping[str, datetime]) -> None:
    """Put on the Hub what has come by now."""
    for name in [n for n in arrives if arrives[n] <= at.moved.now() and n not in at.hub.repos]:
        when = arrives[name]
        at.hub.add(replace(REPOS[name], created_at=when, weights_at=when, hub_id="", revision=""))
