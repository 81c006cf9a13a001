"""One check as an operator runs it, in a process of its own, with what it cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from bench.rio397.limits import Checked
from bot import build
from bot.config.settings import Settings

MEASURED = Path(__file__).with_name("measured.py")


def sketch_known(url: str, folder: Path, known: list[tuple[str, str]]) -> float:
    """Write the registry of (repo id, role) and read its models once; returns the seconds that took."""
    registry = folder / "registry.json"
    registry.write_text(json.dumps({"models": [{"repo_id": r, "role": role} for r, role in known]}))
    os.environ |= {"HF_ENDPOINT": url, "HF_TOKEN": ""}
    began = time.monotonic()
    with build.service(Settings(data=folder / "data", registry=str(registry))) as service:
        problems = service.checker.known.refresh(None, lambda _: None)
    if problems:
        sys.exit(f"bench.rio397: a known model could not be sketched: {'; '.join(problems)}")
    return time.monotonic() - began


def check(url: str, folder: Path, repo_id: str) -> Checked:
    """Run `check REPO --json`; ends the benchmark where no report comes."""
    cost = folder / "cost.json"
    environment = os.environ | {
        "HF_ENDPOINT": url,
        "HF_TOKEN": "",
        "BLENDWATCH_DATA": str(folder / "data"),
        "BLENDWATCH_REGISTRY": str(folder / "registry.json"),
        "PYTHONWARNINGS": "ignore",
    }
    command = [sys.executable, "-m", "bot", "check", repo_id, "--json"]
    done = subprocess.run(
        [sys.executable, "-S", MEASURED, cost, *command], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 3, 4):
        sys.exit(f"the check of {repo_id} ended with status {done.returncode}:\n{done.stderr}")
    return Checked(report=json.loads(done.stdout), **json.loads(cost.read_text()))
