"""Check every suspect of a folder of real checkpoints against its known models, from a loopback Hub.

    python -m bench.zoo [--zoo ../shared/zoo] [--out results/zoo] [--cold]

The folder holds repos/ORG/NAME, repos/hub.json (times), known.json (the registry), truth.json and score.py. Writes one
JSON report a suspect, prints score.py's table and what the checks cost. `--cold` starts each suspect without any sketch
but the registry's, so that declared parents are read within the check.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from bot import build
from bot.report import to_json
from bot.settings import Settings
from demo.loopback_hub import LoopbackHub
from demo.loopback_repo import LoopbackRepo


def repos(zoo: Path) -> Iterator[LoopbackRepo]:
    """Yield every checkpoint with its times."""
    for repo_id, times in json.loads((zoo / "repos" / "hub.json").read_text()).items():
        moments = {k: datetime.fromisoformat(v) for k, v in times.items()}
        yield LoopbackRepo.from_folder(
            zoo / "repos" / repo_id, repo_id, created_at=moments["created_at"], weights_at=moments["weights_at"]
        )


def check(settings: Settings, repo_id: str) -> dict[str, Any]:
    """Check one suspect as `blendwatch check` does."""
    with build.service(settings) as service:
        result = service.checker.check(service.hub.repo(repo_id))
    return to_json(result, build.utc_now())


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
    with tempfile.TemporaryDirectory() as folder, LoopbackHub(repos(args.zoo)) as hub:
        os.environ["HF_ENDPOINT"] = hub.url
        warm = Settings(data=Path(folder) / "warm", registry=str(args.zoo / "known.json"))
        with build.service(warm) as service:
            service.checker.known.refresh(None, lambda _: None)  # known models are read once
        for number, repo_id in enumerate(truth):
            data = warm.data
            if args.cold:
                data = Path(folder) / str(number)
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
