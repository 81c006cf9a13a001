"""Days of the Hub's real pace on a clock that is moved by hand: memory, requests, misses, and how late alerts are.

    OMP_NUM_THREADS=1 python -m bench.soak [--days 1] [--pace 6000] [--seed 0]

Of the new repositories, 5 in 100 are large: tiny models of the demo under new names that the Hub counts as 7 billion
parameters. 5 have no weights yet or never, 5 have only pickles, and the rest is counted and small. These shares are an
assumption: nobody has published the real ones. Requests are real and on loopback, each takes 0.03 simulated
seconds, and the Hub keeps a free account's rate limit on the simulated clock. Uploads do not become known models here,
so that what each is does not depend on the others.

Ends with status 1 where an upload is missed, judged otherwise or told twice, where a pass could not read the Hub, where
more was asked in five minutes than a free account may, and where memory still grows: where the median of the last
quarter's resident memory is more than 15 % above the third's, or it was above 400 MB after any pass.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from bench.faults.runs import CAST, NOW, REPOS
from bench.simulated import POLL, Moved, World, world
from demo.hub.faults import Fault, LoggedRequest, RateLimit, bucket
from demo.hub.repository import BytesBlob, LoopbackRepo
from demo.hub.server import LoopbackHub
from demo.scene import BASE, HIDDEN, RELEASE

FREE = RateLimit(api=1000, resolvers=5000, window=300)  # requests of a free account, window in seconds
LATENCY = 0.03  # simulated seconds that a request takes
COUNTED = 7_000_000_000
KEPT = timedelta(hours=12)  # small repositories that are older leave the loopback Hub's memory
ASKED = timedelta(days=12)  # and others, which are asked again for eleven days where they have no weights
LOUD = (HIDDEN, "rebrand/Phoenix")  # kinds that are told
KINDS = sorted(CAST.truth)
RSS_SAMPLES = 4  # quarters of the run
MOST_GROWTH = 1.15  # of the last quarter's median memory over the third's
MOST_MEMORY = 400  # MB after any pass, the loopback Hub included


@dataclass(slots=True)
class Measured:
    """What a run came to."""

    repositories: int = 0
    large: dict[str, tuple[str, datetime]] = field(default_factory=dict)  # kind, and when it came
    windows: Counter[tuple[int, str]] = field(default_factory=Counter)  # requests by window and bucket
    rss: list[float] = field(default_factory=list)  # MB after each pass
    passes: int = 0
    bad_passes: int = 0
    missed: list[str] = field(default_factory=list)
    late: list[float] = field(default_factory=list)  # minutes from upload to alert
    states: Counter[str] = field(default_factory=Counter)

    @property
    def most(self) -> dict[str, int]:
        """The most requests of each bucket in a window of five minutes."""
        names = {name for _, name in self.windows}
        return {name: max(n for (_, b), n in self.windows.items() if b == name) for name in sorted(names)}

    def memory(self) -> list[float]:
        """Median MB of each quarter of the run."""
        return [round(float(np.median(part)), 1) for part in np.array_split(self.rss, RSS_SAMPLES) if len(part)]

    def problems(self) -> list[str]:
        """Return a sentence for each thing that must not be."""
        found = [*self.missed]
        if self.bad_passes:
            found.append(f"{self.bad_passes} of {self.passes} passes could not read the Hub")
        allowed = {"api": FREE.api, "resolvers": FREE.resolvers}
        found += [
            f"{n} requests of {name} in five minutes" for name, n in self.most.items() if n > allowed.get(name, n)
        ]
        *_, third, last = [0.0, 0.0, *self.memory()]
        if last > MOST_GROWTH * third > 0:
            found.append(f"memory still grows, from {third} to {last} MB in the last quarter")
        if max(self.rss, default=0) > MOST_MEMORY:
            found.append(f"{max(self.rss):.0f} MB were in use")
        return found


def arrivals(days: float, pace: int, chance: random.Random) -> Iterator[tuple[float, LoopbackRepo, str]]:
    """Yield seconds, repository and kind ("" for one that is not large), the earliest first."""
    seconds = sorted(chance.uniform(0, days * 86_400) for _ in range(round(days * pace)))
    for number, at in enumerate(seconds):
        when = NOW + timedelta(seconds=at)
        draw, repo_id = chance.random(), f"user{number % 997}/model-{number}"
        if draw < 0.05:
            kind = chance.choice(KINDS)
            times = {"created_at": when, "weights_at": when, "hub_id": "", "revision": ""}
            yield at, replace(REPOS[kind], repo_id=repo_id, counted=COUNTED, **times), kind  # type: ignore[arg-type]
        elif draw < 0.10:
            yield at, LoopbackRepo(repo_id=repo_id, files={"README.md": BytesBlob(b"Soon.")}, created_at=when), ""
        elif draw < 0.15:
            yield at, LoopbackRepo(repo_id=repo_id, files={"model.bin": BytesBlob(bytes(9))}, created_at=when), ""
        else:
            counted = chance.randrange(1, 2_000_000_000)
            yield at, LoopbackRepo(repo_id=repo_id, files={}, created_at=when, counted=counted), ""


def soak(days: float, pace: int, seed: int, told_day: Callable[[int, Measured], None] = lambda *_: None) -> Measured:
    """Run so many simulated days; `told_day` hears the number of each day that begins and what was measured so far."""
    moved, found = Moved(NOW), Measured()
    known = [REPOS[BASE], REPOS[RELEASE]]

    def note(seen: LoggedRequest) -> Fault | None:
        moved.sleep(LATENCY)
        if seen.host in hub.url:
            found.windows[int(moved.seconds() // FREE.window), bucket(seen.path)] += 1
        return None

    with (
        tempfile.TemporaryDirectory() as folder,
        LoopbackHub(known, rate_limit=FREE, clock=moved.seconds) as hub,
        world(
            Path(folder),
            hub,
            moved,
            CAST.registry,
            min_parameters=3_000_000_000,
            min_bytes=6_000_000_000,
            automatic_references=False,
        ) as at,
    ):
        hub.fault = note
        at.one_pass()  # the first one of all, before anything comes
        began = moved.seconds()
        coming = arrivals(days, pace, random.Random(seed))
        waits, day = next(coming, None), 0
        while moved.seconds() - began < days * 86_400 or waits is not None:
            while waits is not None and waits[0] <= moved.seconds() - began:
                _add(hub, found, waits[1], waits[2])
                waits = next(coming, None)
            _pass(at, found)
            _forget(hub, found, moved.now())
            if (moved.seconds() - began) // 86_400 > day:
                day += 1
                told_day(day, found)
        _judge(at, found)
    return found


def _add(hub: LoopbackHub, found: Measured, repo: LoopbackRepo, kind: str) -> None:
    hub.add(repo)
    found.repositories += 1
    if kind:
        found.large[repo.repo_id] = kind, repo.created_at


def _pass(at: World, found: Measured) -> None:
    """Run one pass and let the rest of the poll pass."""
    begun = at.moved.seconds()
    found.passes += 1
    found.bad_passes += not at.one_pass()
    found.rss.append(_rss())
    at.moved.sleep(max(1.0, POLL.total_seconds() - (at.moved.seconds() - begun)))


def _forget(hub: LoopbackHub, found: Measured, now: datetime) -> None:
    """Take from the harness what grows in it: its log, its signed addresses, and repositories that are not asked for.

    What was told stays, as a case is looked after for good.
    """
    hub.log.clear()
    hub.signed.forget()
    for name, repo in list(hub.repos.items()):
        small = repo.counted is not None and repo.counted < COUNTED
        told = name in (BASE, RELEASE) or (name in found.large and found.large[name][0] in LOUD)
        if not told and repo.created_at < now - (KEPT if small else ASKED):
            del hub.repos[name]


def _rss() -> float:
    """Return the process's resident memory in MB."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _judge(at: World, found: Measured) -> None:
    """Hold what was found and told against what came."""
    for _ in range(6):  # what came last is still due
        _pass(at, found)
    counts = at.store.counts()
    found.states = Counter({k: n for k, n in counts.items() if k.startswith("uploads.")})
    known = sum(found.states.values())
    if known < found.repositories:
        found.missed.append(f"{found.repositories - known} repositories were never seen")
    told: dict[str, datetime] = {}
    for name, when in at.told.alerts:
        if name in told:
            found.missed.append(f"{name} was told twice")
        told[name] = when
    for name, (kind, came) in found.large.items():
        states = [u.state for u in at.store.history(name)]
        right = ["failed"] if kind.startswith("murk/") else ["found"]
        if states != right:
            found.missed.append(f"{name} ({kind}) is {states}")
        if (name in told) != (kind in LOUD):
            found.missed.append(f"{name} ({kind}) was {'told' if name in told else 'not told'}")
        elif name in told:
            found.late.append((told[name] - came).total_seconds() / 60)


def _tell(day: int, found: Measured, seconds: float) -> None:
    print(
        f"  day {day}: {found.repositories:,} repositories, {len(found.large)} large, "
        f"{found.rss[-1]:.0f} MB, {seconds:.0f} s",
        file=sys.stderr,
        flush=True,
    )


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=float, default=1.0)
    parser.add_argument("--pace", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    began = time.monotonic()
    found = soak(args.days, args.pace, args.seed, lambda day, so_far: _tell(day, so_far, time.monotonic() - began))
    took = time.monotonic() - began
    print(f"{args.days:g} days, {found.repositories:,} repositories, {len(found.large)} large, {took:.0f} s")
    print(f"passes: {found.passes}, of which {found.bad_passes} could not read the Hub; {dict(found.states)}")
    print(f"most requests in five minutes: {found.most}; allowed: api {FREE.api}, resolvers {FREE.resolvers}")
    print(f"resident memory, median MB of each quarter: {found.memory()}, most {max(found.rss):.0f}")
    if found.late:
        median, p99 = np.percentile(found.late, [50, 99])
        print(f"upload to alert: median {median:.1f} min, p99 {p99:.1f} min, {len(found.late)} alerts")
    wrong = found.problems()
    print("".join(f"  {text}\n" for text in [*found.missed[:40], *wrong[len(found.missed) :]]), end="")
    print(f"{len(found.missed)} missed or other, {len(wrong) - len(found.missed)} other failures")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
