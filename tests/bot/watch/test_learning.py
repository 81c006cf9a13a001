"""What the watch learns: uploads become known models, relatives are read, and what was judged is explained again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from demo.hub.repository import LoopbackRepo
from demo.scene import BASE, HIDDEN, RELEASE
from tests.bot.stage import REPOS, Stage, stage

REVIEWED = f"Operator: {HIDDEN}: a finding that a person must see first"
FOUND = f"Partly declared blend: {HIDDEN}"
AUTOMATIC = "known only as uploads that were read before"
SIZE = 1_000_000


def registry(at: Stage, *known: str) -> None:
    """Let only these be in the registry."""
    lines = ["models:", *(f"- {{repo_id: {name}, role: {'base' if name == BASE else 'release'}}}" for name in known)]
    (at.folder / "registry.yaml").write_text("\n".join(lines) + "\n")


def counted(*names: str) -> dict[str, LoopbackRepo]:
    """Return these repositories, their parameters counted by the Hub, without which no listing by size shows them."""
    return {n: replace(REPOS[n], counted=SIZE) for n in names}


def test_a_relative_that_nobody_knew_is_found_on_a_cold_start(tmp_path: Path) -> None:
    """The registry has the base alone; the Hub's models of that base are read, and the parent is a week old."""
    with stage(tmp_path, counted(BASE, RELEASE, HIDDEN)) as at:
        registry(at, BASE)
        done = at.run("watch", "--once")
        assert done.returncode == 0, done.stderr
        assert at.told == [REVIEWED]  # the watch has seen neither before the other
        report = at.upload(HIDDEN).report
        assert report is not None
        assert {p["repo_id"]: p["automatic"] for p in report["parents"]} == {RELEASE: True, BASE: False}
        assert at.run("watch", "--once").returncode == 0
        assert at.told == [REVIEWED]
        assert len([s for s in at.hub.log if "base_model%3Afinetune" in s.query]) == 1  # once a day for a base


def test_what_comes_into_the_registry_explains_what_was_judged_before(tmp_path: Path) -> None:
    """A blend found late is told as such; nothing of it was read to find it, and it is told once."""
    with stage(tmp_path, counted(BASE, HIDDEN) | {RELEASE: REPOS[RELEASE]}) as at:
        registry(at, BASE)
        assert at.run("watch", "--once").returncode == 0
        assert at.told == []
        assert at.upload(HIDDEN).state == "found"
        registry(at, BASE, RELEASE)
        for _ in range(2):
            done = at.run("watch", "--once")
            assert done.returncode == 0, done.stderr
            assert at.told == [FOUND]


def test_an_upload_that_was_read_is_known_from_then_on(tmp_path: Path) -> None:
    """A release comes as an upload; what is made of it the next day is told, and rests on what was read."""
    fresh = replace(REPOS[RELEASE], created_at=REPOS[HIDDEN].created_at, weights_at=None, last_modified=None, hub_id="")
    later = {BASE: replace(REPOS[BASE], counted=SIZE), RELEASE: replace(fresh, counted=SIZE)}
    with stage(tmp_path, later) as at:
        registry(at, BASE)
        assert at.run("watch", "--once").returncode == 0
        now = datetime.now(UTC)
        at.hub.add(replace(REPOS["rebrand/Phoenix"], counted=SIZE, created_at=now, weights_at=now, hub_id=""))
        assert at.run("watch", "--once").returncode == 0
        assert at.told == ["Undeclared copy: rebrand/Phoenix"]
        report = at.upload("rebrand/Phoenix").report
    assert report is not None
    assert AUTOMATIC in report["why"]


def test_only_the_registry_counts_where_it_is_said_so(tmp_path: Path) -> None:
    """The setting turns the memory off."""
    fresh = replace(REPOS[RELEASE], created_at=REPOS[HIDDEN].created_at, weights_at=None, last_modified=None, hub_id="")
    with stage(tmp_path, {BASE: REPOS[BASE], RELEASE: fresh, "rebrand/Phoenix": REPOS["rebrand/Phoenix"]}) as at:
        registry(at, BASE)
        assert at.run("watch", "--once", BLENDWATCH_AUTOMATIC_REFERENCES="false").returncode == 0
        assert at.told == []
