"""Broken headers, configs, cards, registry files, weights and answers of the Hub: a value or one named error each.

    OMP_NUM_THREADS=1 python -m bench.fuzz --count 10000 --seed 0 [--only header] [--at 17]

Prints how the inputs of each target ended, and one line that repeats it for each that ended otherwise: with an
exception that is none of our own, after more than SECONDS of processor time, or with more than MEGABYTES in use on top
of what was in use before it.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from analyzers.errors import BlendwatchError
from bench.fuzz.memory import PER_INPUT, begun, highest
from bench.fuzz.small import template, traces, webhook
from bench.fuzz.targets import card, config, header, index, online, registry, weights

SECONDS = 5.0  # of processor time for one input
MEGABYTES = 256
# one input in so many: these take longer
SHARES = {"upload": 100, "answers": 5, "headers": 5, "weights": 2, "template": 2, "traces": 2}


@dataclass(slots=True)
class Outcomes:
    """How the inputs of one target ended."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest: float = 0.0  # seconds of processor time


def one(name: str, target: Callable[[np.random.Generator], object], seed: int, at: int, told: Outcomes) -> None:
    """Feed one input, which follows from the target's name, the seed and its number alone."""
    rng = np.random.default_rng([seed, at, *name.encode()])
    before, began = begun(), time.process_time()
    wrong = ""
    try:
        outcome = str(target(rng) or "a value")
    except BlendwatchError as error:
        outcome = type(error).__name__
        wrong = "its error has no text" if not str(error) else ""
    except Exception as error:  # noqa: BLE001  # what is looked for
        outcome = "CRASH"
        frame = traceback.extract_tb(error.__traceback__)[-1]
        wrong = f"{type(error).__name__}: {str(error)[:200]!r} in {frame.filename.rpartition('/')[2]}:{frame.lineno}"
    took = time.process_time() - began
    grown = highest() - before
    if took > SECONDS or grown > MEGABYTES:
        outcome, wrong = "TOO MUCH", f"{took:.1f} s, {grown:.0f} MB more"
    told.counts[outcome] += 1
    told.slowest = max(told.slowest, took)
    if wrong:
        told.failures.append(f"{wrong}   python -m bench.fuzz --seed {seed} --only {name} --at {at}")


def run(count: int, seed: int, only: str = "", at: int | None = None) -> Mapping[str, Outcomes]:
    """Feed `count` inputs to each target, fewer to the slow ones."""
    logging.disable(logging.CRITICAL)
    found: dict[str, Outcomes] = {}
    with online() as net:
        targets: dict[str, Callable[[np.random.Generator], object]] = {
            "header": header,
            "index": index,
            "config": config,
            "card": card,
            "registry": registry,
            "weights": weights,
            "template": template,
            "traces": traces,
            "webhook": webhook,
            "answers": net.answers,
            "headers": net.headers,
            "upload": net.upload,
        }
        for name, target in targets.items():
            if only and name != only:
                continue
            told = found[name] = Outcomes()
            numbers = range(-(-count // SHARES.get(name, 1))) if at is None else [at]
            for number in numbers:
                one(name, target, seed, number, told)
    logging.disable(logging.NOTSET)
    return found


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--at", type=int, default=None)
    args = parser.parse_args()
    if not PER_INPUT:
        print("memory: this system tells only the process's highest point, so that a second large input shows nothing")
    failed = 0
    for name, told in run(args.count, args.seed, args.only, args.at).items():
        counts = ", ".join(f"{number:,} {outcome}" for outcome, number in told.counts.most_common())
        print(f"{name:10} slowest {told.slowest:5.2f} s   {counts}")
        for text in told.failures[:20]:
            print(f"  {text}")
        failed += len(told.failures)
    print(f"{failed} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
