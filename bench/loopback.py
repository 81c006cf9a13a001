"""A folder of checkpoints served by a loopback Hub and checked as in production; what every such benchmark needs.

The folder holds repos/ORG/NAME, hub.json or repos/hub.json (created_at and weights_at of each), known.json (the
registry) and truth.json.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from bot import build
from bot.check.report import to_json
from bot.config.settings import Settings
from demo.hub.repository import LoopbackRepo
from demo.hub.server import LoopbackHub


def repos(folder: Path) -> Iterator[LoopbackRepo]:
    """Yield every checkpoint with its times."""
    listing = next(p for p in (folder / "hub.json", folder / "repos" / "hub.json") if p.exists())
    for repo_id, said in json.loads(listing.read_text()).items():
        created, weights = (datetime.fromisoformat(said[k]) for k in ("created_at", "weights_at"))
        yield LoopbackRepo.from_folder(folder / "repos" / repo_id, repo_id, created_at=created, weights_at=weights)


def check(settings: Settings, repo_id: str) -> dict[str, Any]:
    """Check one suspect as `blendwatch check` does, and return its report."""
    with build.service(settings) as service:
        result = service.checker.check(service.hub.repo(repo_id))
    return to_json(result, build.utc_now())


@contextmanager
def served(folder: Path, known: Collection[str] = ()) -> Iterator[Settings]:
    """Serve the folder; yield settings whose known models are read already, with a data folder that goes afterwards.

    `known`: repo ids, where not all of the folder's known models are to be known.
    """
    with tempfile.TemporaryDirectory() as data, LoopbackHub(repos(folder)) as hub:
        os.environ["HF_ENDPOINT"] = hub.url
        models = [m for m in json.loads((folder / "known.json").read_text()) if not known or m["repo_id"] in known]
        registry = Path(data) / "known.json"
        registry.write_text(json.dumps(models))
        settings = Settings(data=Path(data) / "warm", registry=str(registry))
        with build.service(settings) as service:
            service.checker.known.refresh(None, lambda _: None)
        yield settings
