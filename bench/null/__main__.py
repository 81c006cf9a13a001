"""Judge simulated honest models by the decision that runs in production, both looks, and bound the rate of alarms.

    OMP_NUM_THREADS=1 python -m bench.null [--draws 100000] [--pipeline 2000] [--workers 2] [--seed 1] [--minutes M]
    python -m bench.null --only 4711 [--seed 1]

Part 1 builds sketches directly: a base, three to eight releases and one honest suspect of twelve kinds (draws.py says
which), at the coordinates of real layouts; what asks for a second look gets one at fresh coordinates, without a lot.
Part 2 sends suspects through bot.check.checker.Checker, read from memory, with selection among 10,000 stored
references. An interrupt or SIGTERM ends a part early and prints what was counted so far. `--only` repeats one draw in
full.
"""

from __future__ import annotations

import argparse
import multiprocessing
import signal
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from bench.null.judging import Judged, attempted
from bench.null.pipeline import Trial
from bench.null.table import LEGEND, Tally, report

SHOWN = 40  # errors printed in full; alerts and wrong names all are
EVERY = 2000  # draws between two lines of progress


def _quiet() -> None:
    """Leave interrupts to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def run(
    judge: Callable[[int], Judged], numbers: Iterable[int], workers: int, until: float, every: int = EVERY
) -> tuple[Tally, float]:
    """Judge all `numbers`; return the counts, and how long it took in seconds. Ends at `until` or when interrupted."""
    tally, started, defects = Tally(), time.monotonic(), 0
    context = multiprocessing.get_context("fork")
    with context.Pool(workers, _quiet) as pool:
        try:
            for one in pool.imap_unordered(judge, numbers, chunksize=4):
                tally.add(one)
                if one.is_defect:
                    defects += 1
                    if defects <= SHOWN or one.alert or one.wrong:
                        print(one.text, flush=True)
                elif one.alert_first or one.wrong_first:
                    print(f"cleared by the second look: draw {one.number}, {one.kind}", flush=True)
                if tally.total("draws") % every == 0:
                    print(f"{time.monotonic() - started:6.0f} s: {tally.line()}", flush=True)
                if time.monotonic() > until:
                    print("the time is up", flush=True)
                    break
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        pool.terminate()
    return tally, time.monotonic() - started


def main() -> None:
    """Run both parts; see the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first draw")
    parser.add_argument("--pipeline", type=int, default=2_000, help="suspects of part 2")
    parser.add_argument("--references", type=int, default=10_000, help="known models of part 2")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="for both parts together")
    parser.add_argument("--every", type=int, default=EVERY, help="draws between two lines of progress")
    parser.add_argument("--only", type=int, help="repeat one draw of part 1 and print all of it")
    args = parser.parse_args()
    if args.only is not None:
        print(attempted(args.seed, args.only).text)
        return
    signal.signal(signal.SIGTERM, _interrupt)
    until = time.monotonic() + 60 * args.minutes
    print(LEGEND, flush=True)
    if args.draws:
        numbers = range(args.first, args.first + args.draws)
        tally, took = run(partial(attempted, args.seed), numbers, args.workers, until, args.every)
        print(report(tally, "Part 1: the decision, on simulated suspects", took), flush=True)
    if args.pipeline:
        _pipeline(args, until)


def _pipeline(args: argparse.Namespace, until: float) -> None:
    """Run part 2."""
    with tempfile.TemporaryDirectory(prefix="null-") as folder:
        trial = Trial(Path(folder), args.references, args.seed)
        started = time.monotonic()
        trial.fill()
        print(f"\n{args.references:,} references stored in {time.monotonic() - started:.0f} s", flush=True)
        tally, took = run(trial.judged, range(args.pipeline), args.workers, until, max(args.every // 10, 1))
    title = f"Part 2: the whole pipeline, among {args.references:,} references; measures where something is found"
    print(report(tally, title, took), flush=True)


if __name__ == "__main__":
    main()
