"""Since when weights are public: nobody is accused because that was taken from the wrong place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.faults.runs import CAST, NOW, REPOS
from bench.simulated import POLL, Moved, World, world
from bot.health.watchdog import CANARY
from bot.sources.first_look import FIRST_LOOK_REQUESTS
from demo.hub.repository import BytesBlob, LoopbackRepo
from demo.hub.server import LoopbackHub
from demo.models import Delta, Weights, card, files, fresh, trained
from demo.scene import BASE, HIDDEN, RELEASE

REVIEWED = "a finding that a person must see first"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
COPY, OLD, NEW = "basalt/Coder-Copy", "elsewhere/Old", "honest/New"
BASE_ALONE = f"models:\n- {{repo_id: {BASE}, role: base}}\n"
UNDATED = f"{BASE_ALONE}- {{repo_id: {RELEASE}, role: release}}\n"

Made = Callable[[datetime], LoopbackRepo]


@contextmanager
def watched(folder: Path, registry: str, *repos: LoopbackRepo) -> Iterator[World]:
    """Open a watch of a Hub that has these repositories, after its first pass."""
    moved = Moved(NOW)
    with LoopbackHub(repos, clock=moved.seconds) as hub, world(folder, hub, moved, registry) as at:
        at.store.record(CANARY, [], NOW + 10 * 365 * DAY, NOW)  # it is no part of this
        passes(at)
        yield at


def passes(at: World, count: int = 1, after: timedelta = timedelta(0)) -> None:
    """Run some passes."""
    at.moved.sleep(after.total_seconds())
    for _ in range(count):
        assert at.one_pass()
        at.moved.sleep(POLL.total_seconds())


def told(at: World) -> list[str]:
    """Return whom alerts were about."""
    return [name for name, _ in at.told.alerts]


def dated(repo: LoopbackRepo, when: datetime, **values: Any) -> LoopbackRepo:
    """Return a repository that was made at a time, with its weights."""
    return replace(repo, created_at=when, weights_at=when, hub_id="", revision="", **values)


def committed(repo: LoopbackRepo, when: datetime, **values: Any) -> LoopbackRepo:
    """Return a repository after a commit of its weights."""
    return replace(repo, weights_at=when, last_modified=when, revision="c" * 40, earlier=repo, **values)


def uploaded(name: str, weights: Weights, parents: list[str], when: datetime, **values: Any) -> LoopbackRepo:
    """Return a repository of weights whose card names parents."""
    content = dict(files(weights, card(name.rpartition("/")[2], "Ours.", parents), **values))
    return LoopbackRepo(repo_id=name, files=content, created_at=when, weights_at=when)


def coder() -> Weights:
    """Return the weights of the release of the scene."""
    rng = np.random.default_rng(7)
    base = fresh(rng)
    return trained(base, Delta.draw(rng, 0.03))


def other() -> Weights:
    """Return weights that somebody trained from the base."""
    return trained(fresh(np.random.default_rng(7)), Delta.draw(np.random.default_rng(8), 0.02))


def sharded_anew(when: datetime, release: LoopbackRepo = REPOS[RELEASE]) -> LoopbackRepo:
    """Return the release with its weights in other files."""
    content = dict(files(coder(), card("Meridian Coder", "For code.", [BASE]), shards=3))
    return committed(release, when, files=content)


def squashed(when: datetime) -> LoopbackRepo:
    """Return the release after its history became one commit."""
    return committed(REPOS[RELEASE], when, committed={})


def hidden_blend(when: datetime) -> LoopbackRepo:
    """Return a blend of the release that does not name it."""
    return dated(REPOS[HIDDEN], when)


def honest_copy(when: datetime) -> LoopbackRepo:
    """Return a copy of the release that names it."""
    return uploaded(COPY, coder(), [RELEASE], when)


@pytest.mark.parametrize("registry", [UNDATED, CAST.registry], ids=["undated", "dated"])
@pytest.mark.parametrize(("again", "made_of_it"), [(sharded_anew, honest_copy), (squashed, hidden_blend)])
def test_a_release_that_is_committed_anew_is_not_made_of_what_was_made_of_it(
    tmp_path: Path, registry: str, again: Made, made_of_it: Made
) -> None:
    """The commit is new, the weights are not."""
    with watched(tmp_path, registry, REPOS[BASE], REPOS[RELEASE]) as at:
        at.hub.add(made_of_it(at.moved.now() + DAY))
        passes(at, 2, after=DAY)
        before = told(at)
        at.hub.add(again(at.moved.now() + DAY))
        passes(at, 3, after=DAY)
        assert told(at) == before
        assert at.store.history(RELEASE)[0].state == "found"


@pytest.mark.parametrize("renamed", [False, True])
def test_an_upload_that_was_read_before_is_dated_by_what_was_read(tmp_path: Path, *, renamed: bool) -> None:
    """In no registry, and known by the Hub's id under whatever name."""
    release = replace(dated(REPOS[RELEASE], NOW - 5 * HOUR), hub_id="6a" * 12)
    with watched(tmp_path, BASE_ALONE, REPOS[BASE], release) as at:
        at.hub.add(honest_copy(at.moved.now() + DAY))
        passes(at, 2, after=DAY)
        assert told(at) == []
        again = sharded_anew(at.moved.now() + DAY, release)
        if renamed:
            del at.hub.repos[RELEASE]
            again = replace(again, repo_id="elsewhere/Coder-One")
        at.hub.add(again)
        passes(at, 3, after=DAY)
        assert told(at) == []
        assert at.store.history(again.repo_id)[0].state == "found"


def test_a_copy_on_the_hub_of_a_known_model_is_as_old_as_the_registry_says(tmp_path: Path) -> None:
    """What was made of the model meanwhile is found, and the model is not held against it."""
    with watched(tmp_path, CAST.registry, REPOS[BASE], dated(REPOS[RELEASE], NOW + 2 * HOUR)) as at:
        at.hub.add(hidden_blend(at.moved.now()))
        passes(at, 3, after=3 * HOUR)
        assert told(at) == [HIDDEN]


@pytest.mark.parametrize("days", [4.5, -400], ids=["since the watch began", "before"])
@pytest.mark.parametrize("seen", [True, False], ids=["seen empty", "never seen"])
def test_nobody_is_framed_by_a_commit_that_is_dated_back(tmp_path: Path, days: float, *, seen: bool) -> None:
    """An old repository gets somebody's weights the day after, and its commit says that it was first."""
    empty = LoopbackRepo(repo_id=OLD, files={"README.md": BytesBlob(b"hello")}, created_at=NOW - 500 * DAY)
    with watched(tmp_path, BASE_ALONE, REPOS[BASE], *([empty] if seen else [])) as at:
        at.hub.add(uploaded(NEW, other(), [BASE], NOW + 5 * DAY))
        passes(at, 2, after=5 * DAY)
        at.moved.sleep(DAY.total_seconds())
        back = uploaded(OLD, other(), [BASE], NOW - 500 * DAY)
        at.hub.add(replace(back, weights_at=NOW + days * DAY, last_modified=at.moved.now(), counted=10**9))
        passes(at)
        if days < 0:  # no upload of the watch's time, but it may be read as a relative of one
            assert at.watch_pass.watcher.checker.known.learn(OLD, FIRST_LOOK_REQUESTS) == ""
        passes(at, 2)
        assert told(at) == []
        reviewed = {name for name in (OLD, NEW) if f"{name}: {REVIEWED}" in at.told.news}
        assert reviewed == ({NEW} if days < 0 else {OLD} if seen else {OLD, NEW})  # a date against what was seen
        assert at.watch_pass.watcher.checker.known.has(OLD)


def test_a_model_whose_first_weights_were_copied_is_not_made_of_the_copy(tmp_path: Path) -> None:
    """Its second weights are a blend of the first ones, which the watch read, and not of a copy of them."""
    with watched(tmp_path, BASE_ALONE, REPOS[BASE]) as at:
        first = uploaded(OLD, coder(), [BASE], NOW + DAY)
        at.hub.add(first)
        passes(at, 2, after=DAY)
        at.hub.add(uploaded(NEW, coder(), [BASE], at.moved.now()))
        passes(at, 2, after=HOUR)
        content = {p: b for p, b in REPOS[HIDDEN].files.items() if p != "README.md"}
        at.hub.add(committed(first, at.moved.now(), files={**content, "README.md": first.files["README.md"]}))
        passes(at, 2, after=HOUR)
        for _ in range(2):
            assert told(at) == [NEW]
            (newest,) = [u for u in at.store.history(OLD) if u.listed_revision == "c" * 40]
            assert "older than honest/New, and what it had before explains as much" in newest.reason
            assert at.store.requeue(newest.id, "explained again", at.moved.now())
            passes(at, 2)


def test_a_parent_that_is_read_late_is_for_reviewers(tmp_path: Path) -> None:
    """It was there before the watch by its own date alone: the watch saw it after the blend."""
    with watched(tmp_path, BASE_ALONE, REPOS[BASE], REPOS[RELEASE], hidden_blend(NOW - HOUR)) as at:
        assert told(at) == []
        assert at.watch_pass.watcher.checker.known.learn(RELEASE, FIRST_LOOK_REQUESTS) == ""
        passes(at, 2, after=HOUR)
        assert told(at) == []
        assert f"{HIDDEN}: {REVIEWED}" in at.told.news


@pytest.mark.parametrize("registry", [UNDATED, BASE_ALONE], ids=["in the registry", "read before"])
def test_what_is_made_of_a_models_first_weights_is_found_after_it_got_others(tmp_path: Path, registry: str) -> None:
    """All its weights stay known, each with its own time."""
    release = dated(REPOS[RELEASE], NOW - 5 * HOUR)
    with watched(tmp_path, registry, REPOS[BASE], release) as at:
        newer = trained(coder(), Delta.draw(np.random.default_rng(9), 0.01))
        content = dict(files(newer, card("Meridian Coder", "For code.", [BASE])))
        at.hub.add(committed(release, at.moved.now() + DAY, files=content))
        passes(at, 2, after=DAY)
        assert told(at) == []
        at.hub.add(hidden_blend(at.moved.now() + DAY))
        passes(at, 2, after=DAY)
        assert told(at) == [HIDDEN]


def test_a_clock_that_is_ahead_dates_nothing_after_it_was_seen(tmp_path: Path) -> None:
    """Or what is made of it would seem to have come first."""
    with watched(tmp_path, BASE_ALONE, REPOS[BASE]) as at:
        ahead = dated(REPOS[RELEASE], at.moved.now())
        at.hub.add(replace(ahead, weights_at=at.moved.now() + 3 * DAY, last_modified=at.moved.now()))
        passes(at)
        at.hub.add(hidden_blend(at.moved.now() + DAY))
        passes(at, 2, after=DAY)
        assert told(at) == [HIDDEN]
