"""A watchdog that cannot look at one thing looks at the others, and what it tells is sent."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot import build
from bot.config.settings import load_settings
from bot.health.canary import run_canary
from bot.health.watchdog import CANARY, Watchdog
from demo.hub.faults import Fault
from tests.bot.stage import stage
from tests.bot.watch.test_feeds import HOUR, repo, world


def test_a_canary_that_cannot_be_planted_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told as one that does not sing, and the next pass asks it again."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "full"))
    said = run_canary() or ""
    assert said.startswith("the planted blend could not be made or judged: FileNotFoundError: ")
    with world(tmp_path, min_free_bytes=1 << 60) as at:
        dog = Watchdog(at.store, at.news, at.settings, at.real)
        dog.look()
        assert sorted(at.told()) == [("canary", False), ("disk nearly full", False)]
        monkeypatch.setattr(tempfile, "tempdir", None)
        dog.look()
        assert [c.name for c in at.store.conditions()] == ["disk nearly full"]


def test_a_look_that_fails_hides_no_other(tmp_path: Path) -> None:
    """The disk cannot be asked; backlog and canary are looked at, and then the failure is raised."""
    with world(tmp_path, *[repo(f"o/{i}", HOUR) for i in range(3)], max_backlog=2) as at:
        at.poll()
        nowhere = at.settings.model_copy(update={"data": tmp_path / "nowhere"})
        with pytest.raises(FileNotFoundError):
            Watchdog(at.store, at.news, nowhere, at.real).look()
        assert at.told() == [("backlog", False)]
        assert at.store.cursor(CANARY) == at.now


def test_what_is_told_is_sent_although_the_watchdog_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pass counts as failed, and the operator knows why."""
    with stage(tmp_path, {}) as at:
        for name, value in at.env.items():
            monkeypatch.setenv(name, value)
        settings = load_settings()
        settings.data.mkdir(parents=True)
        with build.store(settings) as store, build.service(settings) as service:
            watch_pass = build.one_pass(service, store, build.sinks(settings), build.monitoring(service, store))
            nowhere = settings.model_copy(update={"data": tmp_path / "nowhere", "max_backlog": -1})
            broken = replace(watch_pass, watchdog=replace(watch_pass.watchdog, settings=nowhere))
            with pytest.raises(FileNotFoundError):
                asyncio.run(broken.run(lambda _: None))
        assert at.told == ["Operator: backlog"]


def test_a_feed_that_never_worked_is_stale(tmp_path: Path) -> None:
    """An hour after it was first asked for, and no more once it was read."""
    with world(tmp_path, repo("o/a", HOUR)) as at:
        at.hub.fault = lambda seen: Fault(status=400) if "sort=createdAt" in seen.query else None
        for _ in range(2):
            at.poll(timedelta(minutes=10))
        assert at.told() == []
        at.poll(HOUR)
        at.hub.fault = None
        at.poll(HOUR)
        assert at.told() == [("stale new repositories", False), ("stale new repositories", True)]
