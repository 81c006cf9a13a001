"""A stage with two cases, a linear blend and a stack, and their archives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import ml_dtypes
import numpy as np
from numpy.typing import NDArray
from safetensors import deserialize

from demo.hub.repository import LoopbackRepo
from demo.models import Weights, card, repo
from demo.scene import BASE, HIDDEN, RELEASE
from tests.bot.stage import NOW, REPOS, Stage, stage

STACK = "rehbein/Stapel-1"


def weights_of(model: LoopbackRepo) -> Weights:
    """Return a model's weights from its files."""
    found: dict[str, NDArray[np.generic]] = {}
    for path, blob in model.files.items():
        if path.endswith(".safetensors"):
            for name, about in deserialize(blob.read(0, blob.size)):  # type: ignore[no-untyped-call]
                found[name] = np.frombuffer(about["data"], ml_dtypes.bfloat16).reshape(about["shape"])
    return found


def stacked() -> LoopbackRepo:
    """Return an upload whose even layers are the base's, and everything else the release's."""
    base, release = weights_of(REPOS[BASE]), weights_of(REPOS[RELEASE])
    even = {n for n in release if n.startswith("model.layers.") and not int(n.split(".")[2]) % 2}
    readme = card("Stapel 1", "Our own model. Trained with care.", [BASE])
    return repo(STACK, {n: base[n] if n in even else w for n, w in release.items()}, readme, NOW - timedelta(hours=1))


@contextmanager
def watched(folder: Path, **env: str) -> Iterator[Stage]:
    """Open a stage on which both cases were opened."""
    repos = {name: REPOS[name] for name in (BASE, RELEASE, HIDDEN)} | {STACK: stacked()}
    with stage(folder, repos) as at:
        done = at.run("watch", "--once", **env)
        assert done.returncode == 0, done.stderr
        yield at


def exported(at: Stage, repo_id: str, *words: str, **env: str) -> Path:
    """Export the case of an upload; return the archive."""
    done = at.run("case", "list", "--json", "--repo", repo_id)
    assert done.stdout, done.stderr
    listed = json.loads(done.stdout)
    (row,) = listed["cases"]
    archive = at.folder / f"{row['case']}.zip"
    done = at.run("case", "export", row["case"], "-o", str(archive), *words, **env)
    assert done.returncode == 0, done.stderr
    return archive
