"""A small Hub, its registry and the service on it, for the tests of the whole line."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from demo.discord.server import LoopbackDiscord
from demo.hub.repository import Blob, BytesBlob, LoopbackRepo
from demo.hub.server import LoopbackHub
from demo.scene import Scene, scene
from state.store import Store, Upload
from tests.bot import forks

NOW = datetime.now(UTC).replace(microsecond=0)
CAST = scene(NOW)
REPOS = {r.repo_id: r for r in CAST.repos}


@dataclass(frozen=True)
class Stage:
    """A Hub, a Discord, and the environment of the commands."""

    hub: LoopbackHub
    discord: LoopbackDiscord
    folder: Path
    cast: Scene

    @property
    def env(self) -> dict[str, str]:
        """What an operator would set, and nothing of this machine's own."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("BLENDWATCH_", "HF_"))}
        return kept | {
            "BLENDWATCH_CONFIG": os.devnull,
            "HF_ENDPOINT": self.hub.url,
            "HF_HOME": str(self.folder / "home"),  # where nobody has logged in
            "BLENDWATCH_DATA": str(self.folder / "data"),
            "BLENDWATCH_REGISTRY": str(self.folder / "registry.yaml"),
            "BLENDWATCH_DISCORD_WEBHOOK": self.discord.webhook_url,
            "BLENDWATCH_DISCORD_API_BASE": self.discord.api_base,
            "BLENDWATCH_MIN_PARAMETERS": "0",
            "BLENDWATCH_MIN_BYTES": "0",
            "BLENDWATCH_SETTLE_MINUTES": "0",  # no alert waits for a card, but in tests/bot/watch/test_waiting.py
            "BLENDWATCH_SHADOW_DAYS": "0",  # no trial, but in tests/bot/config/test_trial.py
            "PYTHONWARNINGS": "ignore",
        }

    def run(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run one command of the command line to its end."""
        return forks.run(words, self.env | env)

    def report(self, suspect: str, *words: str, **env: str) -> dict[str, Any]:
        """Return the JSON report of one check."""
        done = self.run("check", suspect, "--json", *words, **env)
        assert done.stdout, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        if done.returncode == 1:  # nothing could be read, and one line says why
            assert (found["finding"], found["audience"]) == ("inconclusive", "none")
            assert done.stderr.startswith("blendwatch: ")
        else:
            assert done.returncode == {"public": 3, "reviewers": 4, "none": 0}[found["audience"]]
        return found

    def upload(self, repo_id: str) -> Upload:
        """Return the one stored outcome of a repository."""
        with self.store() as store:
            (found,) = store.history(repo_id)
        return found

    @contextmanager
    def store(self) -> Iterator[Store]:
        """Open the database of the watch."""
        with Store.open(f"sqlite:///{self.folder / 'data' / 'blendwatch.sqlite'}") as opened:
            yield opened

    @property
    def told(self) -> list[str]:
        """Titles of the alerts that Discord got."""
        return [str(embed["title"]) for message in self.discord.messages for embed in message["embeds"]]


@contextmanager
def stage(folder: Path, repos: Mapping[str, LoopbackRepo] = REPOS, **hub: Any) -> Iterator[Stage]:
    """Set everything up on loopback."""
    (folder / "registry.yaml").write_text(CAST.registry)
    with LoopbackHub(repos.values(), **hub) as served, LoopbackDiscord() as discord:
        yield Stage(served, discord, folder, CAST)


def saved(folder: Path, repo_id: str) -> Path:
    """Write a repository of the scene into a folder of its name, and return that."""
    target = folder / repo_id
    target.mkdir(parents=True)
    for path, blob in REPOS[repo_id].files.items():
        (target / path).write_bytes(blob.read(0, blob.size))
    return target


def changed(repo: LoopbackRepo, files: Mapping[str, bytes | None], **values: Any) -> LoopbackRepo:
    """Return a repository with files replaced, or taken away where None is given."""
    kept: dict[str, Blob] = {p: b for p, b in repo.files.items() if p not in files}
    kept |= {p: BytesBlob(data) for p, data in files.items() if data is not None}
    return replace(repo, files=kept, hub_id="", revision="", **values)
