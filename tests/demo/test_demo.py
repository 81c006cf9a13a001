"""The demo is the first thing a newcomer runs: it must show what it promises."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from demo.founding import PLANTED
from demo.scene import BASE, HIDDEN, RELEASE, scene


@pytest.mark.timeout(400)  # two passes and a replay, on a machine that may be busy
def test_the_demo_shows_every_upload_and_exactly_two_alerts() -> None:
    """The hidden blend and the renamed copy are alerts, all else is quiet, and a second pass sends nothing."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("BLENDWATCH_", "HF_"))}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "bot", "demo"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=380,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    table, _, rest = done.stdout.partition("\n\n" + HIDDEN)
    decided = dict(re.findall(r"^(\S+/\S+) .*?  (\w+(?:, [\w-]+: (?:ALERT|quiet))?)  ", table, re.MULTILINE))
    assert decided == {
        HIDDEN: "blend, partial: ALERT",
        "basalt/Duet": "blend, disclosed: quiet",
        "finch/Meridian-Py": "derivative, disclosed: quiet",
        "oakridge/Taiga-1": "unrelated, none-needed: quiet",
        "rebrand/Phoenix": "copy, undisclosed: ALERT",
        "quiltworks/Guanabara-Stitch": "derivative, disclosed: quiet",
        "murk/Broken-7B": "failed",
    }
    text = " ".join(rest.split())
    why, _, rest = text.partition("The case that this began with, in small: ")
    founding, _, alerts = rest.partition("the alert, as Discord shows it")
    assert f"0.565 {RELEASE} + 0.435 {BASE}" in why
    assert "2 alerts. Second pass" in why
    assert "0 more alerts" in why
    for part in ("ALERT", "disclosure partial", "Nereid in 95 of 120", PLANTED, "declared since", "1 case, 4 messages"):
        assert part in founding
    assert "[mix.png: A chart of " in alerts
    assert alerts.count("[evidence.txt: everything else]") == 2


def test_the_scene_is_the_same_for_the_same_seed() -> None:
    """The models come from a seed alone, so that the demo can be repeated."""
    now = datetime(2026, 7, 1, tzinfo=UTC)
    first, second = scene(now), scene(now)
    for a, b in zip(first.repos, second.repos, strict=True):
        assert {p: f.read(0, f.size) for p, f in a.files.items()} == {p: f.read(0, f.size) for p, f in b.files.items()}
