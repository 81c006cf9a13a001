"""Check a blend of the founding case's size, and its honest siblings, from a loopback Hub that answers after 50 ms.

    python -m bench.rio397 [--layout FILE] [--sharding largest-first|in-order] [--latency SECONDS] [--by-range]
    python -m bench.rio397 --fp8
    python -m bench.rio397 --disguises [KIND ...]
    python -m bench.rio397 --pairs

The layout names every tensor of the 397B model. Base, release, suspect (.565 release + .435 base, in float32, rounded
once) and three honest siblings have all of its 806,795,875,168 bytes, computed on demand; each is checked by
`blendwatch check` in a process of its own, once both known models are sketched. `--fp8` stores suspect and a sibling in
FP8. `--disguises` does the same with a dense model of 70 billion parameters under disguises. `--pairs` prints the
published estimates of the founding case against those that one coefficient predicts. Ends with status 1 where a limit
is broken.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

from bench.rio397 import limits, pairs, served
from bench.rio397.cast import BASE, RELEASE, cast, disguises, in_fp8
from bench.rio397.check import check, sketch_known
from bench.rio397.disguised import DISGUISES
from bench.rio397.shards import Tensor, in_order, largest_first, named, read_layout
from demo.hub.repository import LoopbackRepo
from demo.hub.server import LoopbackHub

DIVISIONS = {"largest-first": largest_first, "in-order": in_order}


def layout(path: Path) -> list[Tensor]:
    """Read the layout; ends with a sentence if there is none."""
    try:
        return read_layout(path)
    except FileNotFoundError:
        sys.exit(f"bench.rio397: there is no layout {path}; name one with --layout")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        sys.exit(f"bench.rio397: {path} is no layout of tensors: {error!r}")


def run(models: list[LoopbackRepo], latency: float, *, by_range: bool) -> list[str]:
    """Check every model of a cast; returns the limits that were broken."""
    broken: list[str] = []
    with (
        tempfile.TemporaryDirectory() as name,
        LoopbackHub(models, latency=latency, offers_headers=not by_range) as hub,
    ):
        folder = Path(name)
        sketched = sketch_known(hub.url, folder, [(BASE, "base"), (RELEASE, "release")])
        print(f"both known models sketched: {len(hub.log)} requests, {sketched:.1f} s\n")
        for repo_id in (m.repo_id for m in models if m.repo_id not in (BASE, RELEASE)):
            done = check(hub.url, folder, repo_id)
            print("\n".join(limits.described(done)), flush=True)
            wrong = limits.wrong(done, repo_id)
            broken += [f"{repo_id}: {w}" for w in wrong]
    return broken


def main() -> None:
    """Run the benchmark; see the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layout", type=Path, default=Path("../shared/facts/qwen35_397b_layout.json"))
    parser.add_argument("--sharding", choices=sorted(DIVISIONS), help="how tensors are divided; both without it")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds added to each answer")
    parser.add_argument("--by-range", action="store_true", help="a Hub without the answer that holds all headers")
    parser.add_argument("--disguises", nargs="*", choices=sorted(DISGUISES), help="a dense model under these, or all")
    parser.add_argument("--fp8", action="store_true", help="the blend and a sibling in FP8 of blocks")
    parser.add_argument("--pairs", action="store_true", help="only the published estimates against the predicted")
    args = parser.parse_args()
    if args.disguises is not None:
        end(run(disguises(args.disguises or DISGUISES), args.latency, by_range=args.by_range))
    tensors = [] if args.pairs else layout(args.layout)
    if args.fp8:
        end(run(in_fp8(tensors), args.latency, by_range=args.by_range))
    kept = pairs.report(limits.PAIRS_RMS)
    broken = [] if kept else [f"the published pairs are predicted to {pairs.rms(pairs.SHARE):.4f} rms only"]
    if not args.pairs:
        served.show(tensors)
        for division in [args.sharding] if args.sharding else sorted(DIVISIONS, reverse=True):
            shards = named(DIVISIONS[division](tensors))
            size = sum(t.nbytes for t in tensors)
            print(f"\n== {len(tensors):,} tensors, {size:,} bytes in {len(shards)} shards, {division}")
            broken += [f"{division}, {b}" for b in run(cast(shards), args.latency, by_range=args.by_range)]
    end(broken)


def end(broken: list[str]) -> NoReturn:
    """Print the limits that were broken, and exit."""
    print("\nlimits broken: " + ("\n  ".join(["", *broken]) if broken else "none"))
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
