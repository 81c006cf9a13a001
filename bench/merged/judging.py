"""Check merges as in production."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from pathlib import Path

from bench.loopback import check, served
from bench.merged.recipes import FAMILIES


def judge(folder: Path, only: str) -> None:
    """Check every merge as `blendwatch check` does; print a line each, and a table by method."""
    truth = {r: t for r, t in json.loads((folder / "truth.json").read_text()).items() if only in r}
    rows: dict[str, list[tuple[bool, bool, bool, bool]]] = defaultdict(list)
    with served(folder) as settings:
        for repo_id, true in truth.items():
            began = time.monotonic()
            report = check(settings, repo_id)
            named, parents = {p["repo_id"] for p in report["parents"]}, set(true["parents"])
            right = report["family"] in [f for f, methods in FAMILIES.items() if true["method"] in methods]
            rows[true["method"]].append((report["finding"] == "blend", report["alert"], named == parents, right))
            innocent = sorted(named - parents) if report["finding"] in ("blend", "copy") else []
            wrong = f"innocent: {', '.join(innocent)}" if innocent else ""
            print(
                f"{repo_id.partition('/')[2]:26} {report['finding']:12} {report['family'] or '':10}"
                f" {report['strength'] or '':7} {'alert' if report['alert'] else '':6}"
                f"{'parents' if named == parents else '':8}"
                f" {time.monotonic() - began:5.1f} s {wrong}",
                flush=True,
            )
    print(f"{'method':18}{'of':>4}{'blend':>7}{'alert':>7}{'parents':>9}{'family':>8}")
    total = [row for found in rows.values() for row in found]
    for method, found in [*rows.items(), ("all", total)]:
        counts = [sum(column) for column in zip(*found, strict=True)]
        print(f"{method:18}{len(found):4}{counts[0]:7}{counts[1]:7}{counts[2]:9}{counts[3]:8}")
