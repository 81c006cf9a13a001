"""blendwatch site and check --publish-clearance, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from demo.models import card, fresh, repo
from demo.scene import RELEASE
from tests.bot.stage import REPOS, stage

OWN = "driftwood/Own-1"


def test_a_watch_and_a_clearance_become_a_site(tmp_path: Path) -> None:
    """Published alerts have pages; a blend is not cleared; a folder on disk is not, either."""
    first = next(iter(REPOS.values()))
    own = repo(OWN, fresh(np.random.default_rng(23)), card("Own 1", "Trained from scratch."), first.created_at)
    with stage(tmp_path, REPOS | {OWN: own}) as here:
        assert here.run("watch", "--once").returncode == 0
        done = here.run("check", OWN, "--publish-clearance")
        assert done.returncode == 0, done.stderr
        assert "is public" in done.stderr
        suspect = next(name for name in REPOS if any(name in title for title in here.told))
        assert "only an unrelated upload is cleared" in here.run("check", suspect, "--publish-clearance").stderr
        assert here.run("check", str(tmp_path), "--publish-clearance").returncode == 2
        written = json.loads(here.run("site", str(tmp_path / "site"), "--json").stdout)
        assert (written["cases"], written["clearances"]) == (len(here.told), 1)
        pages = {p.name: p.read_text() for p in (tmp_path / "site" / "cases").glob("*.html")}
        assert any("One weight inside its rounding cell" in page for page in pages.values())
        assert any(RELEASE in page for page in pages.values())
        feed = (tmp_path / "site" / "feeds" / "all.atom").read_text()
        assert feed.count("<entry>") == len(here.told)
        assert (tmp_path / "site" / "api" / "v1" / "cases.json").exists()
        again = json.loads(here.run("site", str(tmp_path / "site"), "--json").stdout)
        assert (again["changed"], again["removed"]) == (0, 0)
