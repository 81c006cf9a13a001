"""Judge honest uploads in real shapes by the whole watch, and count its false alarms shape by shape.

    OMP_NUM_THREADS=1 python -m bench.hub_null [--uploads 4000] [--seed 0] [--only SHAPE]

Every upload is honest: its card names what its weights are made of, or they are its maker's own. They come to a
loopback Hub, which a watch in this process reads over sockets, pass by pass, on a clock that is moved by hand. Uploads
that were read become known models, as in production. So every unattended alert is a false alarm. Ends with status 1
where there is one, and where an upload did not end as found, skipped or failed. `--only` repeats one shape: the same
uploads as in a run of all, beside no others.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from pathlib import Path

from bench.hub_null.running import FAMILIES, Day, Plan, run
from bench.hub_null.shapes import SHAPES
from bench.hub_null.table import alarms, has_failed, problems, reviewed, table

EVERY = 10  # passes between two lines of progress


def plan_of(uploads: int, seed: int, only: str = "", families: int = FAMILIES) -> Plan:
    """Return a plan of so many uploads, as many of each shape; `only` leaves the others out."""
    each = -(-uploads // len(SHAPES))
    shapes = {shape: made for shape, made in SHAPES.items() if only in ("", shape)}
    return Plan(shapes, dict.fromkeys(SHAPES, each), seed, families)


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uploads", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", choices=["", *SHAPES], metavar="SHAPE")
    parser.add_argument("--families", type=int, default=FAMILIES, help="known bases, each with two releases")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="after which nothing more comes")
    parser.add_argument("--reviewers", action="store_true", help="print the findings for reviewers, too")
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    began = time.monotonic()

    def told(passes: int, uploads: int) -> None:
        if passes % EVERY == 0:
            print(
                f"  {passes} passes, {uploads} uploads, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True
            )

    with tempfile.TemporaryDirectory(prefix="hub-null-") as folder:
        day = run(
            plan_of(args.uploads, args.seed, args.only, args.families), Path(folder), told, began + 60 * args.minutes
        )
    took = time.monotonic() - began
    print(_text(day, took, reviewers=args.reviewers))
    return 1 if has_failed(day) else 0


def _text(day: Day, took: float, *, reviewers: bool) -> str:
    """Return all that is printed."""
    wrong = problems(day)
    head = f"{len(day.uploads):,} honest uploads, {day.passes} passes, {day.alerts_sent} alerts sent, {took:.0f} s"
    parts = [head, table(day), alarms(day), reviewed(day) if reviewers else "", *wrong, f"{len(wrong)} other failures"]
    return "\n".join(part for part in parts if part)


if __name__ == "__main__":
    sys.exit(main())
