"""Merge by mergekit, in an environment that holds it. Nothing of the project is needed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Final

from mergekit.config import MergeConfiguration
from mergekit.merge import MergeOptions, run_merge

from bench.merged.recipes import family, merges

SUSPECTS: Final = "suspects"  # the organisation of all merges
LATER: Final = "2027-01-01T00:00:00Z"  # when they were uploaded: after every parent


def make(zoo: Path, out: Path) -> None:
    """Merge, and lay the merges out beside the known models, as of bench.zoo."""
    known = json.loads((zoo / "known.json").read_text())
    truth, times = {}, json.loads((zoo / "repos" / "hub.json").read_text())
    times = {m["repo_id"]: times[m["repo_id"]] for m in known}
    for model in known:
        shutil.copytree(zoo / "repos" / model["repo_id"], out / "repos" / model["repo_id"], dirs_exist_ok=True)
    base, releases = family(out, known)
    for merge in merges(base, releases):
        folder = out / "repos" / SUSPECTS / merge.name
        config = _located(merge.config, out / "repos")
        options = MergeOptions(random_seed=7, write_model_card=False, quiet=True, allow_crimes=True)
        run_merge(MergeConfiguration.model_validate(config), str(folder), options)
        (folder / "mergekit_config.yml").unlink(missing_ok=True)
        truth[f"{SUSPECTS}/{merge.name}"] = {"method": merge.method, "parents": merge.parents}
        times[f"{SUSPECTS}/{merge.name}"] = {"created_at": LATER, "weights_at": LATER}
    for name, content in (("known.json", known), ("truth.json", truth), ("repos/hub.json", times)):
        (out / name).write_text(json.dumps(content, indent=1))


def _located(config: dict[str, Any], repos: Path) -> dict[str, Any]:
    """Return a configuration whose models are folders."""
    models = [{**m, "model": str(repos / m["model"])} for m in config["models"]]
    base = {"base_model": str(repos / config["base_model"])} if "base_model" in config else {}
    return {**config, **base, "models": models}
