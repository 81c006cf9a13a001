"""Run the benchmark; see the package's text."""

from __future__ import annotations

import argparse
import json
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import bench.oracle
from analyzers import explain
from analyzers.compare.aligned import align
from analyzers.compare.case import case_of
from analyzers.records import Disclosure, Reference, Role, SampleSpec, Sketch
from bench.merged.recipes import Merge, family, merges
from bench.oracle.score import DECIDED, Score, score
from bench.oracle.values import VALUES, Told
from bot.sources.first_look import FIRST_LOOK_REQUESTS, first_look
from bot.sources.folder import LocalSource

HONEST = ("derivative",)  # findings of bench.zoo's truth that no recipe explains


def main() -> None:
    """Score every merge, and print a line each and a table by method."""
    parser = argparse.ArgumentParser(
        description=bench.oracle.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--honest", type=Path, help="a folder as of bench.zoo")
    parser.add_argument("--only", default="", help="a part of the names of the merges to score")
    args = parser.parse_args()
    known = json.loads((args.models / "known.json").read_text())
    references = [_reference(args.models, m) for m in known]
    honest = [*_honest(args.honest)] if args.honest else []
    base, releases = family(args.models, known)
    rows: dict[str, list[tuple[Score, bool, float]]] = defaultdict(list)
    for merge in merges(base, releases):
        if args.only in merge.name and merge.method in VALUES:
            sketch = _sketch(args.models, f"suspects/{merge.name}")
            found = _scored(merge, sketch, references)
            named = _named(sketch, references, merge.parents)
            highest = max((_scored(merge, other, references).beyond for other in honest), default=0.0)
            rows[merge.method].append((found, named, highest))
            print(
                f"{merge.name:26}{found.decisive:7}{found.allowed:8.4f}{found.chance:8.4f}{found.beyond:7.3f}"
                f" {'named' if named else '-':6} {found.weakest} {f'honest {highest:.3f}' if honest else ''}",
                flush=True,
            )
    _table(rows)


def _table(rows: Mapping[str, Sequence[tuple[Score, bool, float]]]) -> None:
    print("| method | merges | decisive | allowed | chance | beyond | honest | bits decide | named | ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for method, each in [*rows.items(), ("all", [row for some in rows.values() for row in some])]:
        scores = [found for found, _, _ in each]
        decided = sum(found.beyond >= DECIDED for found in scores)
        named = sum(ok for _, ok, _ in each)
        ratio = f"{named / decided:.2f}" if decided else "-"
        cells = (
            method,
            len(each),
            round(statistics.median(found.decisive for found in scores)),
            f"{min(found.allowed for found in scores):.3f}",
            f"{max(found.chance for found in scores):.3f}",
            f"{min(found.beyond for found in scores):.3f}",
            f"{max(highest for _, _, highest in each):.3f}",
            decided,
            named,
            ratio,
        )
        print("|", " | ".join(map(str, cells)), "|")


def _scored(merge: Merge, sketch: Sketch, references: Sequence[Reference]) -> Score:
    """Score a sketch against a recipe; releases that are no parents of it are decoys."""
    parents = [next(r for r in references if r.repo_id == name) for name in merge.parents]
    shape = {(k, s.rows, s.cols) for k, s in parents[0].sketch.samples.items()}
    others = [
        r
        for r in references
        if r.role != "base"
        and r.repo_id not in merge.parents
        and shape == {(k, s.rows, s.cols) for k, s in r.sketch.samples.items()}
    ]
    aligned = align(sketch, [*parents, *others])
    return score(Told.of(merge.config), aligned, len(parents)) if aligned else Score(0, 0.0, 0.0, "")


def _named(sketch: Sketch, references: Sequence[Reference], parents: Sequence[str]) -> bool:
    """Tell whether the first look calls a merge a blend of exactly its parents."""
    finding = explain(case_of(sketch, references, Disclosure(sketch.ref.revision), None, len(references)))
    return finding.kind == "blend" and {p.ref.repo_id for p in finding.parents} == set(parents)


def _reference(folder: Path, model: Mapping[str, str]) -> Reference:
    role: Role = "base" if model["role"] == "base" else "release"
    sketch = _sketch(folder, model["repo_id"])
    return Reference(sketch, role, None, sketch.ref.organisation)


def _honest(zoo: Path) -> list[Sketch]:
    truth = json.loads((zoo / "truth.json").read_text())
    return [_sketch(zoo, repo_id) for repo_id, true in truth.items() if true["finding"] in HONEST]


def _sketch(folder: Path, repo_id: str) -> Sketch:
    return first_look(LocalSource(folder / "repos" / repo_id), SampleSpec(), FIRST_LOOK_REQUESTS).sketch


if __name__ == "__main__":
    main()
