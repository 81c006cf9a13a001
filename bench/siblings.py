"""Name the parents of mixes among very many siblings on disk, and show where that stops being right.

    python -m bench.siblings [--references 1000 10000 100000] [--draws 100] [--edge 20] [--folder results/siblings]

For each number of references (bench/population.py, made once): bytes on disk for each, seconds a suspect with a warm
and a cold page cache, peak memory; and of random mixes of one to four parents: how many had all of them on the short
list (analyzers/shortlist/screen.py), in how many the sparse fit behind the list needed exactly these, and how many
were named exactly by the decision that runs in production. A mix of "one parent" is .7 of a descendant and .3 of the
base, both of which must be named. Coefficients have two decimals and are at least .1; the sum is in float32, rounded
once; half of the mixes are within one family. Parents have deltas of 2e-4 or more and no twin. Then the edges: smaller
deltas, closer twins, smaller coefficients, two parents each.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analyzers import explain
from analyzers.compare.case import case_of
from analyzers.records import Disclosure, Reference, Sketch
from analyzers.shortlist.screen import screen
from analyzers.shortlist.stream import Pool
from bench.population import COLS, ROWS, SLICES, SORTS, Truth, population, sketch
from state.sketches.store import Pack, SketchStore

LEAST = 0.1  # coefficient
Records = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Mixed:
    """A suspect and the records it was mixed of."""

    suspect: Sketch
    parents: tuple[int, ...]
    shares: tuple[float, ...]


@dataclass
class Score:
    """What became of some suspects."""

    draws: int = 0
    listed: int = 0  # all true parents on the short list
    fitted: int = 0  # exactly the true parents in the sparse fit behind it
    named: int = 0  # exactly the true parents named, as a blend
    otherwise: Counter[str] = field(default_factory=Counter)
    wall: list[float] = field(default_factory=list)  # seconds of the short list
    cpu: list[float] = field(default_factory=list)
    decision: list[float] = field(default_factory=list)  # seconds of what follows


class Bench:
    """One population, and what is asked of it."""

    def __init__(self, folder: Path, references: int, edge: int = 0) -> None:
        self.edge = edge  # draws of each sort of edges
        self.store: SketchStore
        self.pack: Pack
        self.truth: Truth
        self.store, self.pack, self.truth = population(folder, references)
        self.pool = Pool(self.pack.of, np.ones(len(self.pack.entries), bool), self.pack.records())
        self.rng = np.random.default_rng(5)
        self.crew = ThreadPoolExecutor(2)

    def reference(self, record: int) -> Reference:
        """Return one reference."""
        stored = self.pack.get(record)
        assert stored is not None
        role = "base" if record == 0 else "release"
        return Reference(stored.sketch, role, stored.weights_at, stored.sketch.ref.organisation)  # type: ignore[arg-type]

    def mix(self, parents: Sequence[int], shares: Sequence[float]) -> Mixed:
        """Mix in float32 and round once."""
        total = np.zeros((SLICES, ROWS, COLS), np.float32)
        for parent, share in zip(parents, shares, strict=True):
            samples = self.reference(parent).sketch.samples
            weights = np.stack([samples[k].values.astype(np.float32) for k in sorted(samples)])
            total += np.float32(share) * weights.reshape(total.shape)
        return Mixed(sketch("new/model", total.astype(np.float64)), tuple(parents), tuple(shares))

    def among(self, some: Records, count: int) -> Records:
        """Return what `count` parents may be drawn from: half of the time one family."""
        if self.rng.random() < 0.5:
            family = self.truth.family[self.rng.choice(some)]
            inside = some[self.truth.family[some] == family]
            return inside if len(inside) >= count else some
        return some

    def shares(self, count: int) -> list[float]:
        """Draw coefficients of two decimals, each at least LEAST, with a sum of one."""
        while True:
            cuts = np.sort(self.rng.choice(np.arange(1, 100), count - 1, replace=False))
            found = np.diff([0, *cuts, 100]) / 100
            if found.min() >= LEAST:
                return [float(c) for c in found]

    def random(self, number: int) -> Mixed:
        """Draw a mix of one to four parents."""
        count = 1 + number % 4
        plain = np.flatnonzero(self.truth.plain)
        if count == 1:
            return self.mix([int(self.rng.choice(plain)), 0], [0.7, 0.3])
        parents = self.rng.choice(self.among(plain, count), count, replace=False)
        return self.mix([int(p) for p in parents], self.shares(count))

    def judge(self, mixed: Mixed, score: Score) -> None:
        """Make the short list and the decision."""
        wall, cpu = time.perf_counter(), time.process_time()
        short = screen(mixed.suspect, [self.pool], run=self.crew.map)
        score.wall.append(time.perf_counter() - wall)
        score.cpu.append(time.process_time() - cpu)
        picks = [pick.record for pick in short.picks]
        listed = set(mixed.parents) <= set(picks)
        wall = time.perf_counter()
        case = case_of(mixed.suspect, [self.reference(r) for r in picks], Disclosure("0" * 40), None)
        finding = explain(case)
        score.decision.append(time.perf_counter() - wall)
        true = {self.pack.entries[p].repo_id for p in mixed.parents}  # type: ignore[union-attr]
        found = {p.ref.repo_id for p in finding.parents}
        named = finding.kind == "blend" and found == true
        score.draws += 1
        score.listed += listed
        score.fitted += {pick.record for pick in short.fitted} == set(mixed.parents)
        score.named += named
        if not named:
            wrong = finding.kind if finding.kind != "blend" else "blend, " + _how(found, true)
            score.otherwise[wrong if listed else f"not listed, {wrong}"] += 1

    def edges(self) -> Iterator[tuple[str, list[Mixed]]]:
        """Yield the sorts of mixes at which it gets hard, a few of each."""
        truth, small, twin = self.truth, SORTS.index("small"), SORTS.index("twin")
        plain = np.flatnonzero(truth.plain & (truth.sort == 0))
        every = np.flatnonzero(truth.plain & (truth.sort == 0) | (truth.sort == small))
        tiny = ((1e-6, 5e-6), (5e-6, 2e-5), (2e-5, 5e-5), (5e-5, 2e-4))
        for low, high in (*tiny, (2e-4, 1e-3), (1e-3, 1e-2)):
            some = every[(truth.delta[every] >= low) & (truth.delta[every] < high)]
            yield f"two parents with deltas of {low:.0e} to {high:.0e}", self._pairs(some, plain[:0])
        for low, high in tiny:
            twins = np.flatnonzero((truth.sort == twin) & (truth.delta >= low) & (truth.delta < high))
            yield f"one parent has a twin {low:.0e} to {high:.0e} away", self._pairs(truth.origin[twins], plain)
        least = plain[truth.delta[plain] < 5e-4]
        for share in (0.1, 0.05, 0.02, 0.01):
            yield f"one coefficient is {share}", self._pairs(plain, plain, share)
            yield f"one coefficient is {share}, its delta 2e-4 to 5e-4", self._pairs(least, plain, share)

    def _pairs(self, some: Records, others: Records, share: float | None = None) -> list[Mixed]:
        found: list[Mixed] = []
        for _ in range(self.edge if len(some) > 1 else 0):
            first = int(self.rng.choice(some))
            rest = others if len(others) else some
            near = rest[(self.truth.family[rest] == self.truth.family[first]) & (rest != first)]
            rest = near if len(near) and self.rng.random() < 0.5 else rest[rest != first]
            shares = [share, 1 - share] if share else self.shares(2)
            found.append(self.mix([first, int(self.rng.choice(rest))], shares))
        return found


def _how(found: set[str], true: set[str]) -> str:
    return "too few parents" if found < true else "too many parents" if found > true else "other parents"


def _told(score: Score) -> str:
    otherwise = ", ".join(f"{n} {what}" for what, n in score.otherwise.most_common())
    return (
        f"listed {score.listed}/{score.draws}, fitted {score.fitted}/{score.draws}, named {score.named}/{score.draws}"
        + (f" ({otherwise})" if otherwise else "")
    )


def _spread(seconds: Sequence[float]) -> str:
    return f"median {statistics.median(seconds):.2f}, worst {max(seconds):.2f}"


def cold(folder: Path, references: int) -> None:
    """Time one suspect with nothing of the store in the page cache; must be the first that maps it."""
    for path in folder.iterdir():
        handle = os.open(path, os.O_RDONLY)
        os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)
    started = time.perf_counter()
    bench = Bench(folder, references)
    opened = time.perf_counter() - started
    mixed = bench.random(2)
    score = Score()
    bench.judge(mixed, score)
    print(f"  cold: opening the store {opened:.2f} s, the first short list {score.wall[0]:.2f} s", flush=True)


def _memory() -> str:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    own = int(status["RssAnon"].split()[0]) / 1e3
    return (
        f"{own:.0f} MB of its own, {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB with mapped files"
    )


def run(folder: Path, references: int, draws: int, edge: int) -> None:
    """Print everything about one population."""
    bench = Bench(folder, references, edge)
    size = sum(path.stat().st_size for path in folder.iterdir() if path.suffix in (".bits", ".lines"))
    print(f"{references:,} references, {size / references:,.0f} bytes each on disk", flush=True)
    subprocess.run(
        [sys.executable, "-m", __spec__.name, "--cold", str(references), "--folder", folder.parent], check=True
    )
    bench.judge(bench.random(0), Score())  # warms the page cache
    scores = [Score() for _ in range(4)]
    for number in range(draws):
        bench.judge(bench.random(number), scores[number % 4])
    for count, score in enumerate(scores, start=1):
        print(f"  {count} parent{'s' if count > 1 else ''}: {_told(score)}", flush=True)
    total = [sum(getattr(s, what) for s in scores) for what in ("listed", "fitted", "named")]
    print(f"  together: listed {total[0]}/{draws}, fitted {total[1]}/{draws}, named {total[2]}/{draws}")
    wall, cpu, decision = ([x for s in scores for x in getattr(s, name)] for name in ("wall", "cpu", "decision"))
    print(f"  short list, warm: {_spread(wall)} s; processor time: {_spread(cpu)} s; load {os.getloadavg()[0]:.1f}")
    print(f"  decision on the short list: {_spread(decision)} s; memory: {_memory()}", flush=True)
    for what, mixes in bench.edges():
        score = Score()
        for mixed in mixes:
            bench.judge(mixed, score)
        print(f"  {what}: {_told(score) if mixes else 'none in this population'}", flush=True)


def main() -> None:
    """Run the benchmark; see the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--references", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--edge", type=int, default=20, help="draws for each line of the edges")
    parser.add_argument("--folder", type=Path, default=Path("results/siblings"))
    parser.add_argument("--cold", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.cold:
        cold(args.folder / str(args.cold), args.cold)
        return
    for references in args.references:
        run(args.folder / str(references), references, args.draws, args.edge)


if __name__ == "__main__":
    main()
