"""The demo is the first thing a newcomer runs: it must show what it promises."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime

from demo.founding import PLANTED
from demo.scene import BASE, HIDDEN, RELEASE, scene


def test_the_demo_shows_every_upload_and_exactly_two_alerts() -> None:
    """The hidden blend and the renamed copy are alerts, all else is quiet, and a second pass sends nothing."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("BLENDWATCH_", "HF_"))}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "demo"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    text, _, founding = " ".join(done.stdout.split()).partition("The case that this began with, in small: ")
    decided = dict(re.findall(r"(\S+/\S+) - in truth: .*? (?=(blend|copy|derivative|unrelated|failed))", text))
    assert decided == {
        HIDDEN: "blend",
        "basalt/Duet": "blend",
        "finch/Meridian-Py": "derivative",
        "oakridge/Taiga-1": "unrelated",
        "rebrand/Phoenix": "copy",
        "quiltworks/Guanabara-Stitch": "derivative",
        "murk/Broken-7B": "failed",
    }
    assert text.count("ALERT") == 2
    assert f"0.565 {RELEASE} + 0.435 {BASE}" in text
    assert "[mix.png: A chart of " in text
    assert "[evidence.txt: everything else]" in text
    assert "2 alerts. Second pass" in text
    assert "0 more alerts" in text
    for part in ("ALERT", "disclosure partial", "Nereid in 95 of 120", PLANTED, "declared since", "1 case, 4 messages"):
        assert part in founding


def test_the_scene_is_the_same_for_the_same_seed() -> None:
    """The models come from a seed alone, so that the demo can be repeated."""
    now = datetime(2026, 7, 1, tzinfo=UTC)
    first, second = scene(now), scene(now)
    for a, b in zip(first.repos, second.repos, strict=True):
        assert {p: f.read(0, f.size) for p, f in a.files.items()} == {p: f.read(0, f.size) for p, f in b.files.items()}
