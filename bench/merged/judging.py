"""Check merges as in production, and say what could be found where the parents are given."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analyzers.case import case_of
from analyzers.records import Disclosure, Reference, SampleSpec
from analyzers.sparse import sort_by
from bench.loopback import check, served
from bench.merged.recipes import FAMILIES
from bot.local import LocalSource
from bot.look import FIRST_LOOK_REQUESTS, first_look


def judge(folder: Path, only: str) -> None:
    """Check every merge as `blendwatch check` does; print a line each, and a table by method."""
    truth = {r: t for r, t in json.loads((folder / "truth.json").read_text()).items() if only in r}
    rows: dict[str, list[tuple[bool, bool, bool, bool]]] = defaultdict(list)
    told = Told(folder)
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
                f"{'parents' if named == parents else '':8} told {told.beyond(repo_id, true):.2f}"
                f" {time.monotonic() - began:5.1f} s {wrong}",
                flush=True,
            )
    print(f"{'method':18}{'of':>4}{'blend':>7}{'alert':>7}{'parents':>9}{'family':>8}")
    total = [row for found in rows.values() for row in found]
    for method, found in [*rows.items(), ("all", total)]:
        counts = [sum(column) for column in zip(*found, strict=True)]
        print(f"{method:18}{len(found):4}{counts[0]:7}{counts[1]:7}{counts[2]:9}{counts[3]:8}")


class Told:
    """Sorts the weights of merges by the parents that they really have. Sketches are read once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.references: dict[str, Reference] = {}

    def _reference(self, repo_id: str, role: str) -> Reference:
        if repo_id not in self.references:
            source = LocalSource(self.folder / "repos" / repo_id)
            sketch = first_look(source, SampleSpec(), FIRST_LOOK_REQUESTS).sketch
            self.references[repo_id] = Reference(sketch, "base" if role == "base" else "release", None, role)
        return self.references[repo_id]

    def beyond(self, repo_id: str, true: Mapping[str, Any]) -> float:
        """Return how far beyond chance the kinds go; 0 for merges that are not sparse."""
        if true["method"] not in FAMILIES["sparse"]:
            return 0.0
        references = [self._reference(p, "base" if i == 0 else "release") for i, p in enumerate(true["parents"])]
        case = case_of(self._reference(repo_id, "suspect").sketch, references, Disclosure(""), None)
        if case.aligned is None or len(case.aligned.references) < len(references):
            return 0.0
        rows = [r.repo_id for r in case.aligned.references]
        base, *parents = (rows.index(p) for p in true["parents"])
        found = sort_by(case.aligned, base, tuple(parents))
        return found.beyond if found else 0.0
