"""A repository that is older than what it looks made of: what it had before is read, and nobody accuses an original."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from bench.faults.runs import NOW, REPOS
from bot.sources.first_look import FIRST_LOOK_REQUESTS
from demo.hub.repository import Blob, BytesBlob, LoopbackRepo
from demo.models import Weights, card, files, mixed
from demo.scene import BASE, RELEASE
from tests.bot.known.test_dating import (
    BASE_ALONE,
    DAY,
    HOUR,
    NEW,
    OLD,
    REVIEWED,
    coder,
    other,
    passes,
    told,
    uploaded,
    watched,
)

MADE = NOW - 500 * DAY
DOUBT = "the repository is older than"


def later(repo: LoopbackRepo, when: datetime, content: Mapping[str, Blob]) -> LoopbackRepo:
    """Return a repository after one more commit, which leaves it with these files."""
    revision = f"{int(when.timestamp()):040x}"
    return replace(repo, files=content, weights_at=when, last_modified=when, revision=revision, earlier=repo)


def only(name: str) -> Mapping[str, Blob]:
    """Return files that are no weights we can read, or none at all."""
    return {name: BytesBlob(b"weights in another form"), "README.md": BytesBlob(b"hello")}


def histories(made: LoopbackRepo, now: datetime) -> Mapping[str, LoopbackRepo]:
    """Return what the old repository may have been before it got `other` weights in these days, by name."""
    mine, others = made.files, dict(files(coder(), card("Old", "Ours.", [BASE])))
    bare = replace(made, files=only("notes.txt"))
    emptied = later(made, NOW - 9 * DAY, only("notes.txt"))
    replaced = later(made, NOW - 9 * DAY, others)
    return {
        "the same": later(made, now, mine),
        "squashed": replace(later(made, now, mine), earlier=None, squashed=True),
        "in another form": later(replace(made, files=only("pytorch_model.bin")), now, mine),
        "the same, then none": later(emptied, now, mine),
        "the same, then others": later(replaced, now, mine),
        "none": later(bare, now, mine),
        "others": later(replace(made, files=others), now, mine),
    }


@pytest.mark.parametrize(
    ("history", "doubted"),
    [
        ("the same", True),
        ("squashed", True),
        ("in another form", True),
        ("the same, then none", True),
        ("the same, then others", True),
        ("none", False),
        ("others", False),
    ],
)
def test_an_original_that_nobody_read_is_no_copy_of_its_copy(tmp_path: Path, history: str, *, doubted: bool) -> None:
    """It gets its weights anew after somebody else has uploaded them. A person gets it once, with what is in doubt."""
    with watched(tmp_path, BASE_ALONE, REPOS[BASE]) as at:
        at.hub.add(uploaded(NEW, other(), [BASE], NOW + DAY))
        passes(at, 2, after=DAY)
        made = uploaded(OLD, other(), [BASE], MADE)
        at.hub.add(replace(histories(made, at.moved.now())[history], counted=10**9))
        passes(at, 2)
        assert told(at) == []
        (upload,) = at.store.history(OLD)
        assert (DOUBT in upload.reason) == doubted
        assert (upload.report or {})["order_known"] is False
        assert [t for t in at.told.news if t.startswith(OLD)] == [f"{OLD}: {REVIEWED}"]


@pytest.mark.parametrize("share", [0.2, 0.4])
def test_a_blend_of_own_earlier_weights_is_none_of_what_others_made_of_them(tmp_path: Path, share: float) -> None:
    """A stranger blended them with a release, and declared both; then their owner does, and declares the release."""
    with watched(tmp_path, BASE_ALONE, REPOS[BASE], REPOS[RELEASE]) as at:
        assert at.watch_pass.watcher.checker.known.learn(RELEASE, FIRST_LOOK_REQUESTS) == ""
        at.hub.add(uploaded(NEW, mixed([other(), coder()], [0.7, 0.3]), [RELEASE, BASE], NOW + DAY))
        passes(at, 2, after=DAY)
        blend = dict(files(mixed([other(), coder()], [share, 1 - share]), card("Old", "Merged.", [RELEASE])))
        at.hub.add(replace(later(uploaded(OLD, other(), [BASE], MADE), at.moved.now(), blend), counted=10**9))
        passes(at, 2)
        assert told(at) == []
        assert DOUBT in at.store.history(OLD)[0].reason


@pytest.mark.parametrize("began_with", [coder(), None], ids=["one of the parents", "nothing"])
def test_a_hidden_blend_in_a_repository_that_is_older_than_one_parent_is_for_reviewers(
    tmp_path: Path, began_with: Weights | None
) -> None:
    """That it had the other one before, which is older than itself, makes it no original."""
    first, second = "tide/First", "tide/Second"
    with watched(tmp_path, BASE_ALONE, REPOS[BASE], uploaded(first, coder(), [BASE], NOW - 30 * DAY)) as at:
        assert at.watch_pass.watcher.checker.known.learn(first, FIRST_LOOK_REQUESTS) == ""
        made = uploaded(OLD, coder(), [first], NOW + HOUR)
        made = made if began_with else replace(made, files=only("notes.txt"))
        at.hub.add(made)
        passes(at, 2, after=2 * HOUR)
        at.hub.add(uploaded(second, other(), [BASE], NOW + DAY))
        passes(at, 2, after=DAY)
        blend = dict(files(mixed([coder(), other()], [0.6, 0.4]), card("Old", "Our own.", [BASE])))
        at.hub.add(replace(later(made, at.moved.now() + DAY, blend), counted=10**9))
        passes(at, 3, after=DAY)
        assert told(at) == []  # the watch did not see it without them after the second parent came
        assert f"{OLD}: {REVIEWED}" in at.told.news
        (upload, *_) = at.store.history(OLD)
        assert DOUBT not in upload.reason
        assert (upload.report or {})["order_known"] is False  # by the watch's own sights
