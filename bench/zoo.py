"""Check every suspect of a folder of real checkpoints against its known models, from a loopback Hub.

    python -m bench.zoo [--zoo ../shared/zoo] [--out results/zoo] [--cold]

The folder holds repos/ORG/NAME, repos/hub.json (times), known.json (the registry), truth.json and score.py. Writes one
JSON report a suspect, prints score.py's table and what the checks cost. `--cold` starts each suspect without any sketch
but the registry's, so that declared parents are read within the check.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.loopback import check, served
from bot.config.settings import Settings


def backwards(settings: Settings, zoo: Path, truth: dict[str, Any]) -> None:
    """Check every known model with all blends among the known: a blend never makes its parents suspects."""
    known = [{"repo_id": k["repo_id"], "role": k["role"]} for k in json.loads((zoo / "known.json").read_text())]
    blends = [{"repo_id": r, "role": "release"} for r, t in truth.items() if t["finding"] == "blend"]
    registry = settings.data.parent / "backwards.json"
    registry.write_text(json.dumps({"models": known + blends}))
    found = [check(settings.model_copy(update={"registry": str(registry)}), k["repo_id"]) for k in known]
    wrong = [r["suspect"]["repo_id"] for r in found if r["alert"] or r["finding"] in ("blend", "copy")]
    print(f"backwards: of {len(found)} known models, with {len(blends)} blends known, accused: {wrong or 'none'}")


def main() -> None:
    """Run the benchmark; see the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zoo", type=Path, default=Path("../shared/zoo"))
    parser.add_argument("--out", type=Path, default=Path("results/zoo"))
    parser.add_argument("--cold", action="store_true")
    args = parser.parse_args()
    if not (args.zoo / "known.json").exists():
        sys.exit(f"bench.zoo: there is no zoo in {args.zoo}; name one with --zoo")
    shutil.rmtree(args.out, ignore_errors=True)
    args.out.mkdir(parents=True)
    truth = json.loads((args.zoo / "truth.json").read_text())
    reports = []
    with served(args.zoo) as warm:
        for number, repo_id in enumerate(truth):
            data = warm.data
            if args.cold:
                data = warm.data.parent / str(number)
                shutil.copytree(warm.data, data)
            reports.append(check(warm.model_copy(update={"data": data}), repo_id))
            (args.out / f"{repo_id.replace('/', '__')}.json").write_text(json.dumps(reports[-1], indent=1))
        backwards(warm, args.zoo, truth)
    subprocess.run([sys.executable, args.zoo / "score.py", args.out], check=True)
    for key, unit in (("requests", ""), ("bytes_read", " bytes"), ("seconds", " s")):
        values = [r["cost"][key] for r in reports]
        print(f"{key}: median {statistics.median(values):,}{unit}, largest {max(values):,}{unit}")


if __name__ == "__main__":
    main()
