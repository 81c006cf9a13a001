"""Every fault of the Hub and the network at each request it can spoil, and at random over a day: is anything lost?

    OMP_NUM_THREADS=1 python -m bench.faults [--every 1] [--hours 24] [--seed 0] [--workers 2]

`--every N`: at each N-th of these requests only, beginning with another one for each kind, and at one at least. The
times are simulated, the requests real and on loopback. A run in which nothing was spoiled does not count. Ends with
status 1 where a run ended otherwise than the one without faults, and where a kind never spoiled anything.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor

from bench.faults.kinds import ANSWERS, KEEPS, STATES
from bench.faults.runs import ALONE, PAIR, Ended, a_day, clean, one_answer, one_change
from demo.scene import HIDDEN

RATES = (0.01, 0.05, 0.1, 0.2, 0.3)


def problems(kind: str, ended: Ended, without: Ended) -> list[str]:
    """Return what is wrong with a run; a suspect that its owner or the Hub took away may end without a verdict."""
    found = [*ended.lost]
    if ended.leaks:
        found.append(f"{ended.leaks} requests brought the token to a foreign host")
    gone = kind in STATES and kind not in KEEPS and ended.verdicts.get(HIDDEN) in (("skipped",), ("failed",))
    return found if gone else found + ended.differs(without)


def _one(job: tuple[str, int]) -> tuple[str, int, Ended | str]:
    kind, number = job
    logging.disable(logging.CRITICAL)
    try:
        return kind, number, (one_answer if kind in ANSWERS else one_change)(kind, number)
    except Exception as error:  # noqa: BLE001  # one run that breaks is one line of the table
        return kind, number, f"{type(error).__name__}: {error}"


def _day(job: tuple[float, int, int]) -> tuple[float, Ended]:
    logging.disable(logging.CRITICAL)
    rate, seed, hours = job
    return rate, a_day(rate, seed, hours)


def jobs(every: int, pair: Ended, alone: Ended) -> Iterator[tuple[str, int]]:
    """Yield kinds and numbers of requests; `pair` and `alone` ended without faults."""
    for place, kind in enumerate([*ANSWERS, *STATES]):
        places = pair.places[kind] if kind in ANSWERS else alone.requests
        first = place % max(1, min(every, places))
        for number in range(first, places, every):
            if (kind, number) != ("private", 0):  # one that is private before anything is listed was never there
                yield kind, number


def note(row: list[int], kind: str, ended: Ended | str, without: Ended) -> list[str]:
    """Add a run to its kind's row, as it is printed, and return what is wrong; one that spoiled nothing is no run."""
    if isinstance(ended, str):  # it broke
        row[0] += 1
        row[2] += 1
        return [ended]
    wrong = problems(kind, ended, without)
    row[:] = row[0] + (ended.planted > 0), row[1] + ended.planted, row[2] + bool(wrong), max(row[3], ended.passes)
    return wrong


def idle(table: Mapping[str, Sequence[int]]) -> list[str]:
    """Return the kinds that nothing is known of, as they spoiled nothing."""
    return [kind for kind, (_, planted, *_) in table.items() if not planted]


def main() -> int:
    """Run all and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    pair, alone = clean(PAIR), clean(ALONE)
    print(
        f"without faults: {pair.requests} requests for a pass over two uploads, {alone.requests} over one", flush=True
    )
    bad = 0
    with ProcessPoolExecutor(args.workers) as crew:
        table: dict[str, list[int]] = {kind: [0, 0, 0, 0] for kind in [*ANSWERS, *STATES]}
        todo = list(jobs(args.every, pair, alone))
        for done, (kind, number, ended) in enumerate(crew.map(_one, todo, chunksize=4), start=1):
            for text in note(table[kind], kind, ended, pair if kind in ANSWERS else alone):
                print(f"  {kind}, at request {number}: {text}", flush=True)
            if done % 200 == 0:
                print(f"  {done:,} of {len(todo):,}: {kind}", file=sys.stderr, flush=True)
        print(f"{'at one request':32} {'runs':>6} {'spoiled':>8} {'otherwise':>10} {'most passes':>12}")
        for kind, (runs, planted, wrong_runs, passes) in table.items():
            print(f"{kind:32} {runs:6} {planted:8} {wrong_runs:10} {passes:12}")
            bad += wrong_runs
        for kind in idle(table):
            print(f"  {kind}: no run in which it spoiled anything")
            bad += 1
        days = list(crew.map(_day, [(rate, args.seed, args.hours) for rate in (0.0, *RATES)]))
    without = days[0][1]
    print(f"{'rate over a day':32} {'requests':>8} {'spoiled':>8} {'passes':>8} {'otherwise':>10}")
    for rate, ended in days:
        wrong = problems("", ended, without)
        print(f"{rate:<32.0%} {ended.requests:8} {ended.planted:8} {ended.passes:8} {len(wrong):10}")
        print("".join(f"  {text}\n" for text in wrong), end="", flush=True)
        bad += len(wrong)
    print(f"{bad} runs ended otherwise")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
