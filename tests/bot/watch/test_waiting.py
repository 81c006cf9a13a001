"""An alert waits for the card: weights may come minutes before words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from demo.hub.repository import LoopbackRepo
from demo.models import card
from demo.scene import BASE, HIDDEN, RELEASE
from state.store import Store
from tests.bot.stage import REPOS, Stage, changed, stage
from tests.bot.watch.test_learning import FOUND
from tests.bot.watch.test_watcher import one_pass

STUB = (
    "---\nlibrary_name: transformers\ntags: []\n---\n# Model Card for Model ID\n"
    "- **Developed by:** [More Information Needed]\n"
)
BOTH = f"Undeclared blend: {HIDDEN}"
SOON, LATE = timedelta(minutes=20), timedelta(minutes=61)

Pass = Callable[[timedelta], None]


@contextmanager
def waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str = STUB, settle_minutes: float = 60.0
) -> Iterator[tuple[Stage, Store, Pass]]:
    """Open a stage on which the hidden blend was read once, with this card."""
    (tmp_path / "data").mkdir()
    url = f"sqlite:///{tmp_path / 'data' / 'blendwatch.sqlite'}"
    hidden = changed(REPOS[HIDDEN], {"README.md": text.encode()})
    few = {BASE: REPOS[BASE], RELEASE: REPOS[RELEASE], HIDDEN: replace(hidden, hub_id="h1")}
    with stage(tmp_path, few) as at, Store.open(url) as store:
        look = partial(one_pass, at, store, monkeypatch, settle_minutes=settle_minutes)
        look(timedelta(0))
        yield at, store, look


def with_card(repo: LoopbackRepo, text: str) -> LoopbackRepo:
    """Return a repository after a commit to its card."""
    return replace(changed(repo, {"README.md": text.encode()}), hub_id=repo.hub_id, earlier=repo, last_modified=None)


def test_a_card_of_a_tool_is_waited_for_and_then_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing for an hour from first sight, no attempt is used up, and then the alert."""
    with waiting(tmp_path, monkeypatch) as (at, _, look):
        upload = at.upload(HIDDEN)
        assert (upload.state, upload.attempts, at.told) == ("failed", 0, [])
        assert upload.retry_at == upload.first_seen + timedelta(minutes=60)
        assert "is waited for until" in upload.reason
        look(SOON)
        assert at.told == []
        look(LATE)
        assert at.told == [BOTH]


def test_the_authors_words_and_a_setting_end_the_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A finished card is not waited for, and 0 minutes wait for none."""
    ours = card("Guanabara 1", "Post-trained by our own team.", [BASE])
    for text, minutes, told in ((ours, 60.0, FOUND), (STUB, 0.0, BOTH)):
        folder = tmp_path / str(minutes)
        folder.mkdir()
        with waiting(folder, monkeypatch, text, minutes) as (at, _, _):
            assert at.told == [told]


def test_parents_that_the_late_card_declares_are_declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The honest one who pushes the card twenty minutes later is never alerted about."""
    with waiting(tmp_path, monkeypatch) as (at, store, look):
        honest = card("Guanabara 1", "A merge.", [BASE, RELEASE])
        at.hub.add(with_card(at.hub.repos[HIDDEN], honest))
        look(SOON)
        look(LATE)
        assert at.told == []
        assert {u.state for u in store.history(HIDDEN)} <= {"found", "skipped"}


def test_commits_every_few_minutes_postpone_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each commit to a card that stays a template brings no hour of its own."""
    with waiting(tmp_path, monkeypatch) as (at, _, look):
        for number in range(1, 6):
            at.hub.add(with_card(at.hub.repos[HIDDEN], f"{STUB}\n- {number}\n"))
            look(timedelta(minutes=11 * number))
            assert at.told == []
        look(LATE)
        assert at.told == [BOTH]
        look(2 * LATE)
        assert at.told == [BOTH]


def test_deletion_meanwhile_clears_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second look was made at first sight: the alert goes out, and says that the weights are gone."""
    with waiting(tmp_path, monkeypatch) as (at, store, look):
        del at.hub.repos[HIDDEN]
        look(LATE)
        assert at.told == [BOTH]
        (upload,) = store.history(HIDDEN)
    assert upload.report is not None
    assert upload.report["alert"] is True
    assert "this rests on what was read before" in upload.reason
