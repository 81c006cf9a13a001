"""What backup, restore and prune cost on a data folder of some size, and how long a backup holds up a writer.

OMP_NUM_THREADS=1 python -m bench.keep [--uploads 100000] [--sketches 5000]
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import ml_dtypes
import numpy as np

from analyzers.records import HubEvent, RepoRef, Sample, SampleSpec, Sketch, SliceKey
from state.backup.backup import back_up
from state.backup.restore import restore
from state.backup.retention import Retention, prune
from state.sketches.store import SketchStore, StoredSketch
from state.store import Settlement, Store

NOW = datetime(2026, 6, 1, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1000)
TENSORS, WEIGHTS = 28, 256  # of a first look
JUDGED = 20  # one upload in so many is large enough to be judged
T = TypeVar("T")


def fill(data: Path, uploads: int, sketches: int) -> None:
    """Make a folder as years of watching leave it."""
    report = {"finding": "derivative", "alert": False, "why": "w" * 200, "profile": [{"layer": i} for i in range(60)]}
    with Store.open(f"sqlite:///{data / 'blendwatch.sqlite'}") as store:
        for first in range(0, uploads, 1000):
            events = [
                HubEvent(f"org{i % 997}/m{i}", f"{i:024x}", f"{i:040x}", LONG_AGO, i)
                for i in range(first, min(first + 1000, uploads))
            ]
            store.record("feed", events, LONG_AGO, LONG_AGO)
        for number in range(1, uploads + 1, JUDGED):
            store.settle(number, Settlement("found", "w" * 200, report, weights_digest="d" * 64), [], LONG_AGO)
    rng = np.random.default_rng(0)
    kept = SketchStore(data / "sketches")
    for first in range(0, sketches, 500):
        kept.put_all([_sketch(i, rng) for i in range(first, min(first + 500, sketches))])
    kept.close()


def _sketch(number: int, rng: np.random.Generator) -> StoredSketch:
    values = rng.normal(0, 0.02, (TENSORS, WEIGHTS)).astype(ml_dtypes.bfloat16)
    samples = {SliceKey("mlp.down_proj.weight", i): Sample(4096, 4096, 7, values[i]) for i in range(TENSORS)}
    return StoredSketch(Sketch(RepoRef(f"org/m{number}", "a" * 40), SampleSpec(), samples), None, (), "", LONG_AGO)


def timed(name: str, work: Callable[[], T]) -> T:
    """Run and print the seconds."""
    begun = time.monotonic()
    done = work()
    print(f"{name:<28} {time.monotonic() - begun:7.2f} s")
    return done


def longest_write(data: Path, stop: threading.Event, waits: list[float]) -> None:
    """Write as a watch does, again and again, and note how long each takes."""
    with Store.open(f"sqlite:///{data / 'blendwatch.sqlite'}") as store:
        number = 0
        while not stop.is_set():
            number += 1
            begun = time.monotonic()
            store.record("other", [HubEvent(f"new/m{number}", None, "f" * 40, NOW, 1)], None, NOW)
            waits.append(time.monotonic() - begun)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uploads", type=int, default=100_000)
    parser.add_argument("--sketches", type=int, default=5_000)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        data = folder / "data"
        timed("filling", lambda: fill(data, told.uploads, told.sketches))
        database = (data / "blendwatch.sqlite").stat().st_size
        print(f"database {database:,} bytes, sketches {sum(p.stat().st_size for p in (data / 'sketches').iterdir()):,}")
        for name in ("plain.tar", "gzipped.tar.gz"):
            stop, waits = threading.Event(), list[float]()
            writer = threading.Thread(target=longest_write, args=(data, stop, waits))
            writer.start()
            made = timed(f"backup, {name}", lambda name=name: back_up(data, folder / name, NOW))  # type: ignore[misc]
            stop.set()
            writer.join()
            print(f"  {made.bytes:,} bytes; {len(waits):,} writes meanwhile, the longest {max(waits):.3f} s")
        timed("restore", lambda: restore(folder / "gzipped.tar.gz", folder / "new", NOW))
        for apply in (False, True):
            shown = timed(
                f"prune{', applied' * apply}",
                lambda apply=apply: prune(data, lambda _: False, Retention(), NOW, apply=apply),  # type: ignore[misc]
            )
        for one in shown:
            print(f"  {one.what:<10} {one.count:>8,} {one.bytes:>14,} bytes")
        print(f"database {database:,} -> {(data / 'blendwatch.sqlite').stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
