"""The two commands; see the package's text."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import bench.merged


def main() -> None:
    """Run one command."""
    parser = argparse.ArgumentParser(
        description=bench.merged.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make", help="merge (needs PyTorch and mergekit)")
    making.add_argument("--zoo", type=Path, default=Path("../shared/zoo"))
    making.add_argument("--out", type=Path, required=True)
    judging = commands.add_parser("judge", help="check the merges as in production")
    judging.add_argument("--models", type=Path, required=True)
    judging.add_argument("--only", default="", help="a part of the names of the merges to judge")
    args = parser.parse_args()
    if args.command == "judge":
        from bench.merged.judging import judge  # noqa: PLC0415 - needs what make can do without

        judge(args.models, args.only)
        return
    if not (args.zoo / "known.json").is_file():
        sys.exit(f"bench.merged: there are no checkpoints in {args.zoo}; name a folder with --zoo")
    try:
        from bench.merged.making import make  # noqa: PLC0415 - the only part that needs mergekit
    except ModuleNotFoundError as error:
        if error.name not in ("mergekit", "torch"):
            raise
        sys.exit("bench.merged: make needs mergekit, for this benchmark only: pip install mergekit==0.1.5")
    make(args.zoo, args.out)


if __name__ == "__main__":
    main()
