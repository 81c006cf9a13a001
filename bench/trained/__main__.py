"""The three commands; see the package's text."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import bench.trained
from bench.trained.worlds import WORLDS


def main() -> None:
    """Run one command."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.trained",
        description=bench.trained.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make", help="train the models (needs PyTorch)")
    making.add_argument("--out", type=Path, required=True)
    making.add_argument("--world", choices=[w.name for w in WORLDS], default=WORLDS[0].name)
    for name, text in (("judge", "check them as in production"), ("measure", "mix and explained departure of each")):
        commands.add_parser(name, help=text).add_argument("--models", type=Path, required=True)
    measured = commands.choices["measure"]
    measured.add_argument("--references", default="base,A,B,C", help="keys of the catalogue, the base first")
    judged = commands.choices["judge"]
    judged.add_argument(
        "--known", default="", help="keys of the catalogue that are known (base,A,B,C); all if left out"
    )
    args = parser.parse_args()
    if args.command != "make" and not (args.models / "truth.json").is_file():
        sys.exit(f"bench.trained: there are no models in {args.models}; python -m bench.trained make --out DIR first")
    if args.command == "make":
        try:
            from bench.trained.make import make  # noqa: PLC0415 - the only part that needs torch
        except ModuleNotFoundError as error:
            if error.name != "torch":
                raise
            sys.exit("bench.trained: make needs PyTorch, for this benchmark only: pip install torch==2.13.0")
        make(args.out, next(w for w in WORLDS if w.name == args.world))
    elif args.command == "judge":
        from bench.trained.judging import judge  # noqa: PLC0415 - needs what make can do without

        judge(args.models, [k for k in args.known.split(",") if k])
    else:
        from bench.trained.departure import measure  # noqa: PLC0415

        measure(args.models, args.references.split(","))


if __name__ == "__main__":
    main()
