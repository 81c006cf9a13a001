"""One table over formats, layouts and disguises, at three sizes of the release's delta.

    python -m bench.eyes [--sizes 0.001 0.01 0.03] [--seeds 2] [--only WORD ...]

Of each, a blend of .6 release and .4 base, and three honest models: one that leans .9 on the release, a light fine-tune
of the base, and a model of the same shapes trained from nothing. All are checked as an operator does, over a loopback
Hub. Prints Markdown. Ends with status 1 where an honest model is alerted or named as made of what it is not.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bench.eyes.disguises import DISGUISES
from bot import build
from bot.check.on_demand import Checking
from bot.check.report import to_json
from bot.config.settings import Settings
from demo.gguf import gguf
from demo.hub.repository import BytesBlob, LoopbackRepo
from demo.hub.server import LoopbackHub
from demo.models import Delta, Weights, fresh, mixed, repo, trained
from demo.quantizers import FORMATS

BASE, RELEASE = "aurora/Base-1B", "tidepool/Release-1B"
SHARES = {RELEASE: 0.6, BASE: 0.4}
GGUF = ("BF16", "Q8_0", "Q6_K", "Q4_0")
HONEST = ("leaning", "light", "stranger")
BEFORE, LATER = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
CARD = "# A model\n\nIt answers questions.\n"


@dataclass(frozen=True, slots=True)
class Cell:
    """Reports on the blends and the honest models of one row and size."""

    blends: tuple[Mapping[str, Any], ...]
    honest: tuple[Mapping[str, Any], ...]

    def text(self) -> str:
        """Return how many blends were found with both parents, the worst coefficient, the most bytes and requests."""
        named = [
            r for r in self.blends if r["finding"] == "blend" and {p["repo_id"] for p in r["parents"]} == set(SHARES)
        ]
        kinds = sorted({r["finding"] for r in self.blends})
        errors = [error for r in named if (error := _error(r)) is not None]
        cost = max(r["cost"]["requests"] for r in self.blends), max(r["cost"]["bytes_read"] for r in self.blends)
        found = f"{len(named)}/{len(self.blends)}" + (f" ({', '.join(kinds)})" if len(named) < len(self.blends) else "")
        shown = f", {max(errors):.4f}" if errors else ", no coefficient" if named else ""
        return f"{found}{shown}; {cost[0]} requests, {cost[1] // 1000:,} kB; {self.wrong}/{len(self.honest)}"

    @property
    def wrong(self) -> int:
        """Count honest models that were alerted, or said to be a blend or a copy."""
        return sum(r["alert"] or r["finding"] in ("blend", "copy") for r in self.honest)


def _error(report: Mapping[str, Any]) -> float | None:
    shares = {p["repo_id"]: p["coefficient"] for p in report["parents"]}
    if None in shares.values():
        return None
    return float(max(abs(shares[name] - true) for name, true in SHARES.items()))


def uploads(base: Weights, delta: Delta, size: float, rng: np.random.Generator) -> dict[str, Weights]:
    """Return a blend and the honest models."""
    release, own = trained(base, delta), Delta.draw(rng, size)
    return {
        "blend": mixed([release, base], list(SHARES.values())),
        "leaning": trained(base, own.lean(delta, 0.9)),
        "light": trained(base, Delta.draw(rng, 0.001)),
        "stranger": fresh(rng),
    }


def forms(weights: Weights, rng: np.random.Generator) -> Iterator[tuple[str, Weights | bytes]]:
    """Yield every form of a model under its row's name; a GGUF file as its bytes."""
    for name, disguise in DISGUISES.items():
        yield name, disguise(weights, rng)
    for name, quantize in FORMATS.items():
        yield name, quantize(weights)
    for kind in GGUF:
        yield f"GGUF {kind}", gguf(weights, kind)


def shown(repo_id: str, made: Weights | bytes) -> LoopbackRepo:
    """Return the repository of one upload."""
    if not isinstance(made, bytes):
        # the library writes the memory of a view, not its elements in order
        return repo(repo_id, {name: np.ascontiguousarray(w) for name, w in made.items()}, CARD, LATER)
    files = {"model.gguf": BytesBlob(made), "README.md": BytesBlob(CARD.encode())}
    return LoopbackRepo(repo_id=repo_id, files=files, created_at=LATER, weights_at=LATER)


def world(size: float, seed: int, only: Sequence[str]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield (row, who, report) of every upload of one draw."""
    rng = np.random.default_rng([seed, int(size * 1e6)])
    base, delta = fresh(rng), Delta.draw(rng, size)
    known = [repo(BASE, base, CARD, BEFORE), repo(RELEASE, trained(base, delta), CARD, BEFORE)]
    made = {
        (row, who): shown(f"{who}/{i}", form)
        for who, weights in uploads(base, delta, size, rng).items()
        for i, (row, form) in enumerate(forms(weights, rng))
        if not only or any(word in row for word in only)
    }
    with tempfile.TemporaryDirectory() as folder, LoopbackHub([*known, *made.values()]) as hub:
        registry = Path(folder) / "registry.yaml"
        registry.write_text(f"models:\n- {{repo_id: {BASE}, role: base}}\n- {{repo_id: {RELEASE}, role: release}}\n")
        os.environ |= {"HF_ENDPOINT": hub.url, "HF_TOKEN": ""}
        settings = Settings(data=Path(folder) / "data", registry=str(registry))
        with build.service(settings) as service:
            checking = Checking(service.hub, service.checker)
            for (row, who), one in made.items():
                yield row, who, to_json(checking.repo(one.repo_id, lambda _: None), build.utc_now())


def main() -> None:
    """Run the benchmark; see the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=float, nargs="+", default=[0.001, 0.01, 0.03])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=[], help="rows whose name has one of these words")
    args = parser.parse_args()
    found: dict[str, dict[float, list[tuple[str, Mapping[str, Any]]]]] = {}
    for size in args.sizes:
        for seed in range(args.seeds):
            for row, who, report in world(size, seed, args.only):
                found.setdefault(row, {}).setdefault(size, []).append((who, report))
                if who in HONEST and (report["alert"] or report["finding"] in ("blend", "copy")):
                    print(f"{row}, delta {size}, {who}: {report['finding']}: {report['why']}", file=sys.stderr)
    print("| | " + " | ".join(f"delta {size:g}" for size in args.sizes) + " |")
    print("| --- " * (1 + len(args.sizes)) + "|")
    wrong = 0
    for row, sizes in found.items():
        cells = [
            Cell(tuple(r for w, r in each if w == "blend"), tuple(r for w, r in each if w != "blend"))
            for each in sizes.values()
        ]
        wrong += sum(cell.wrong for cell in cells)
        print(f"| {row} | " + " | ".join(cell.text() for cell in cells) + " |")
    print(f"\nhonest models alerted, or said to be a blend or a copy: {wrong}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
