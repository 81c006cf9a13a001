"""The public pages of a watch on a small Hub: what python -m demo.pictures draws of them, and bench.site copies."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np

from bot import build
from bot.config.settings import Settings
from bot.site.pages import Site
from demo.discord.server import LoopbackDiscord
from demo.hub.server import LoopbackHub
from demo.models import card, fresh, repo
from demo.scene import scene

OWN: Final = "driftwood/Zephyr-1"  # drawn apart from every known model
SECONDS: Final = 120.0  # for one command


def played(folder: Path) -> Settings:
    """Watch a small Hub once and clear one upload, in an empty folder. Return the settings of its data."""
    now = datetime.now(UTC)
    cast = scene(now)
    own = repo(
        OWN, fresh(np.random.default_rng(23)), card("Zephyr 1", "Trained from scratch."), now - timedelta(hours=1)
    )
    (folder / "registry.yaml").write_text(cast.registry, encoding="utf-8")
    with LoopbackHub([*cast.repos, own]) as hub, LoopbackDiscord() as discord:
        ours = {
            "BLENDWATCH_CONFIG": os.devnull,
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(folder / "home"),
            "BLENDWATCH_DATA": str(folder / "data"),
            "BLENDWATCH_REGISTRY": str(folder / "registry.yaml"),
            "BLENDWATCH_DISCORD_WEBHOOK": discord.webhook_url,
            "BLENDWATCH_DISCORD_API_BASE": discord.api_base,
            "BLENDWATCH_MIN_PARAMETERS": "0",
            "BLENDWATCH_MIN_BYTES": "0",
            "BLENDWATCH_MIN_FREE_BYTES": "0",
            "BLENDWATCH_SETTLE_MINUTES": "0",
            "BLENDWATCH_SHADOW_DAYS": "0",
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("BLENDWATCH_", "HF_"))}
        for words in (("watch", "--once"), ("check", OWN, "--publish-clearance")):
            command = [sys.executable, "-m", "bot", *words]
            subprocess.run(command, env=kept | ours, check=True, capture_output=True, timeout=SECONDS)
    return Settings(data=folder / "data", registry=str(folder / "registry.yaml"), shadow_days=0)


def pages_of(settings: Settings) -> Mapping[str, bytes]:
    """Return every public page."""
    with build.store(settings) as store:
        return dict(Site(build.blobs(settings)).pages(*build.public(settings, store)))


def shown(pages: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the pages that the docs show: of a case with most in it, a clearance and the list."""
    cases = [path for path in pages if path.startswith("cases/") and path.endswith(".html")]
    cleared = next(path for path in pages if path.startswith("clearances/") and path.endswith(".html"))
    fullest = max(cases, key=lambda path: (b"Inside a cell" in pages[path], len(pages[path])))
    return {"site-case": pages[fullest], "site-clearance": pages[cleared], "site-index": pages["index.html"]}
