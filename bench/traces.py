"""What traces tell on a folder of real checkpoints: how often each stands in blends and copies, and in other models.

    python -m bench.traces [--zoo ../shared/zoo]

For each kind and meaning of trace: in how many blends and copies with an undeclared parent it stands, in how many that
declare all, in how many other models; the share of blends and copies among them (its precision), and Wilson's 95 %
interval of that share. The folder is laid out as for `bench.zoo`. How common blends are in it is far from what it is on
the Hub, and so is each precision.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from analyzers.identity.evidence import wilson
from bench.loopback import check, served

MEANINGS = ("strong", "suggestive", "weak")


def group(said: dict[str, Any]) -> int:
    """Return 0 for a blend or copy with an undeclared parent, 1 for one that declares all, 2 for any other model."""
    return 0 if said["alert"] else 1 if said["finding"] in ("blend", "copy") else 2


def counted(reports: list[dict[str, Any]], truth: dict[str, Any]) -> dict[tuple[str, str], list[set[str]]]:
    """Return {(meaning, kind): uploads of each group} that have such a trace."""
    found: dict[tuple[str, str], list[set[str]]] = defaultdict(lambda: [set(), set(), set()])
    for report in reports:
        name = report["suspect"]["repo_id"]
        for trace in report["traces"]:
            for kind in (trace["kind"], "any of them"):
                found[trace["meaning"], kind][group(truth[name])].add(name)
    return found


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zoo", type=Path, default=Path("../shared/zoo"))
    args = parser.parse_args()
    if not (args.zoo / "truth.json").exists():
        sys.exit(f"bench.traces: there is no zoo in {args.zoo}; name one with --zoo")
    truth = json.loads((args.zoo / "truth.json").read_text())
    with served(args.zoo) as settings:
        reports = [check(settings, repo_id) for repo_id in truth]
    sizes = [sum(group(t) == number for t in truth.values()) for number in range(3)]
    print("{} undeclared blends and copies, {} declared ones, {} other models".format(*sizes))
    print("| meaning | kind | undeclared | declared | others | precision | 95 % |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    order = sorted(counted(reports, truth).items(), key=lambda row: (MEANINGS.index(row[0][0]), row[0][1]))
    for (meaning, kind), groups in order:
        hidden, open_, others = map(len, groups)
        total = hidden + open_ + others
        low, high = wilson(hidden + open_, total)
        told = f"{(hidden + open_) / total:.2f} | {low:.2f} to {high:.2f}"
        print(f"| {meaning} | {kind} | {hidden} | {open_} | {others} | {told} |")


if __name__ == "__main__":
    main()
