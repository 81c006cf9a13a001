"""Uploads that something happens to before they are judged: none is lost for that, whoever makes it happen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from analyzers.records import HubEvent
from bench.faults.runs import ALONE, CAST, NOW, REPOS
from bench.simulated import POLL, Moved, World, world
from bot.health.watchdog import CANARY
from bot.known.models import DECLARED, KNOWN
from bot.sources.weight_files import INDEX
from bot.watch.watcher import PATIENT, RETRIES, _patient
from demo.hub.faults import Fault, LoggedRequest
from demo.hub.repository import BytesBlob, LoopbackRepo
from demo.hub.server import LoopbackHub
from demo.scene import BASE, HIDDEN
from state.store import Store, Upload
from state.uploads.sights import NO_WEIGHTS

HOUR = timedelta(hours=1)
MOST_BYTES = 1_000_000
NEW_NAME = "cidade-azul/Guanabara-1b"


@contextmanager
def stage(folder: Path, registry: str = CAST.registry, **values: Any) -> Iterator[World]:
    """Open a watch that knows both parents and has made its first pass, unless there is something to `seed_since`."""
    moved = Moved(NOW)
    known = [REPOS[name] for name in ALONE if name != HIDDEN]
    with (
        LoopbackHub(known, clock=moved.seconds) as hub,
        world(folder, hub, moved, registry, automatic_references=False, **values) as at,
    ):
        at.store.record(CANARY, [], NOW + timedelta(days=3650), NOW)  # it has its own tests
        if "seed_since" not in values:
            after(at, timedelta(0))
        yield at


def upload(name: str, when: datetime, repo_id: str = HIDDEN, **values: Any) -> LoopbackRepo:
    """Return a repository of the scene as it was made at this time."""
    fresh: dict[str, Any] = {"created_at": when, "weights_at": when, "hub_id": "", "revision": ""}
    return replace(REPOS[name], repo_id=repo_id, **(fresh | values))


def after(at: World, wait: timedelta) -> list[str]:
    """Let time pass and make one pass; return whom alerts were about so far."""
    at.moved.sleep(wait.total_seconds())
    assert at.one_pass()
    return [name for name, _ in at.told.alerts]


def before_it_is_read(at: World, *now: LoopbackRepo) -> None:
    """Let repositories be these from the first request on that is about the hidden blend."""

    def change(seen: LoggedRequest) -> None:
        if seen.path.startswith(f"/api/models/{HIDDEN}"):
            at.hub.repos.update({repo.repo_id: repo for repo in now})
            at.hub.fault = None

    at.hub.fault = change


def rows(at: World) -> list[Upload]:
    """Return the uploads of the hidden blend's repository, the oldest first."""
    return at.store.history(HIDDEN)[::-1]


def test_a_repository_whose_old_name_another_one_took_is_judged_under_its_own(tmp_path: Path) -> None:
    """Moved and squatted before it was read: the squatter's weights are not taken for its own."""
    with stage(tmp_path) as at:
        mine = upload(HIDDEN, at.moved.now())
        moved = replace(mine, repo_id=NEW_NAME)
        squatter = upload("oakridge/Taiga-1", at.moved.now(), hub_id="f" * 24)
        at.hub.add(mine)
        before_it_is_read(at, moved, squatter)
        assert after(at, timedelta(0)) == []
        first = rows(at)[0]
        assert (first.state, first.reason) == ("failed", f"another repository has the name {HIDDEN} now")
        after(at, POLL)
        assert after(at, HOUR) == [NEW_NAME]
        states = {u.hub_id: u.state for u in rows(at)}
    assert states == {mine.hub_id: "found", "f" * 24: "found"}


def test_a_seed_that_gets_other_weights_before_it_is_judged_is_told_of(tmp_path: Path) -> None:
    """What was there before the watch stays silent; what took its place is new, whichever row it is judged as."""
    with stage(tmp_path, seed_since=NOW - 20 * 24 * HOUR) as at:
        old = upload("oakridge/Taiga-1", NOW - 5 * 24 * HOUR)
        new = upload(HIDDEN, NOW - 5 * 24 * HOUR, weights_at=NOW, last_modified=NOW, hub_id=old.hub_id)
        still = upload(HIDDEN, NOW - 5 * 24 * HOUR, repo_id="murk/Still")
        edited = replace(still, repo_id="murk/Edited", hub_id="", revision="")
        at.hub.add(old)
        at.hub.add(still)
        at.hub.add(edited)
        before_it_is_read(at, new, replace(edited, revision="e" * 40, last_modified=NOW))
        assert after(at, timedelta(0)) == [HIDDEN]
        assert after(at, HOUR) == [HIDDEN]
        (seed, newer) = rows(at)
    assert (seed.silent, seed.state, newer.state) == (True, "found", "skipped")


@pytest.mark.parametrize("wait", [HOUR, 12 * 24 * HOUR])
@pytest.mark.parametrize(("closed", "said"), [({"gated": "auto"}, "gated"), ({"private": True}, "private")])
def test_what_was_closed_when_it_was_read_is_judged_once_it_is_open(
    tmp_path: Path, closed: dict[str, Any], said: str, wait: timedelta
) -> None:
    """At once, and however long after it was given up."""
    with stage(tmp_path) as at:
        mine = upload(HIDDEN, at.moved.now())
        at.hub.add(mine)
        before_it_is_read(at, replace(mine, **closed))
        assert after(at, timedelta(0)) == []
        for day in RETRIES:
            after(at, day)
            if at.moved.now() - NOW > wait:
                break
        (waiting,) = rows(at)
        assert (waiting.state, said in waiting.reason) == ("failed", True)
        assert (waiting.retry_at is None) == (wait > HOUR)
        at.hub.add(replace(mine, last_modified=at.moved.now()))
        assert after(at, timedelta(minutes=1)) == [HIDDEN]
        assert after(at, HOUR) == [HIDDEN]


def test_what_the_hub_disabled_and_restored_is_judged(tmp_path: Path) -> None:
    """It is asked again like everything that is out of reach, though no listing says that it is back."""
    with stage(tmp_path) as at:
        mine = upload(HIDDEN, at.moved.now())
        at.hub.add(mine)
        before_it_is_read(at, replace(mine, disabled=True))
        assert after(at, timedelta(0)) == []
        assert ["disabled" in u.reason for u in rows(at)] == [True]
        at.hub.add(mine)
        assert after(at, RETRIES[0]) == [HIDDEN]


@pytest.mark.parametrize(
    ("edited", "changed_at", "state"),
    [
        (None, None, "skipped"),
        (NOW, None, "skipped"),
        (None, NOW, "found"),
        (NOW - timedelta(minutes=2), NOW, "found"),
    ],
    ids=["untouched", "card edited", "opened", "card edited, then opened"],
)
def test_old_weights_that_nobody_could_see_before_are_new(
    tmp_path: Path, edited: datetime | None, changed_at: datetime | None, state: str
) -> None:
    """A private repository from before the watch that is made public is told of; an old one with a new card is not."""
    with stage(tmp_path) as at:
        old = upload(HIDDEN, NOW - 5 * 24 * HOUR)
        at.moved.sleep(HOUR.total_seconds())
        at.hub.add(replace(old, last_modified=edited and edited + HOUR, settings_at=changed_at and changed_at + HOUR))
        alerts = after(at, POLL)
        states = [u.state for u in rows(at)]
    assert states == [state]
    assert alerts == ([HIDDEN] if state == "found" else [])


def test_a_mirror_that_shows_no_commits_is_asked_for_them_once(tmp_path: Path) -> None:
    """An old repository with a new card is skipped, as it would be without that question."""
    with stage(tmp_path) as at:
        old = upload(HIDDEN, NOW - 5 * 24 * HOUR)
        at.moved.sleep(HOUR.total_seconds())
        at.hub.fault = lambda seen: Fault(status=404) if "/commits/" in seen.path else None
        at.hub.add(replace(old, last_modified=NOW + HOUR))
        assert after(at, POLL) == after(at, HOUR) == []
        assert [u.state for u in rows(at)] == ["skipped"]
        assert [h.kind for h in at.store.repo_events(HIDDEN)] == ["changed"]


def in_commits(index_last: bool) -> list[LoopbackRepo]:
    """Return the hidden blend as it is after each of the commits that bring one shard each."""
    whole = upload(HIDDEN, NOW)
    shards = sorted(p for p in whole.files if p.endswith(".safetensors"))
    lacking = [set(shards[i + 1 :]) | ({INDEX} if index_last else set()) for i in range(len(shards) - 1)]
    states = [{p: b for p, b in whole.files.items() if p not in gone} for gone in lacking]
    return [replace(whole, files=files, revision=f"{i}" * 40) for i, files in enumerate([*states, whole.files])]


@pytest.mark.parametrize("index_last", [False, True])
def test_an_upload_in_several_commits_is_judged_once_it_is_whole(tmp_path: Path, index_last: bool) -> None:
    """Shards that are named and not there are waited for, and there is one alert."""
    with stage(tmp_path) as at:
        first, whole = in_commits(index_last)
        at.hub.add(first)
        for wait in (timedelta(0), POLL):
            assert after(at, wait) == []
        assert {u.reason for u in rows(at)} == {"its weights are not all there yet"}
        at.hub.add(replace(whole, last_modified=at.moved.now()))
        for wait in (POLL, HOUR, HOUR):
            assert after(at, wait) == [HIDDEN]
        assert sorted(u.state for u in rows(at)) == ["found", "skipped"]


def test_shards_that_never_come_hide_nothing_and_what_comes_after_the_alert_is_a_note_on_it(tmp_path: Path) -> None:
    """After a day what is there is judged, whatever is committed meanwhile; the same of more weights is told once."""
    with stage(tmp_path) as at:
        first, whole = in_commits(index_last=True)
        at.hub.add(first)
        after(at, timedelta(0))
        for third in range(1, 4):
            assert after(at, 8 * HOUR) == ([] if third < 3 else [HIDDEN])
            at.hub.add(replace(first, revision=f"{third}c" * 20, last_modified=at.moved.now()))
        at.hub.add(replace(whole, last_modified=at.moved.now()))
        for _ in range(4):
            assert after(at, HOUR) == [HIDDEN]
        (case,) = at.store.cases.all()
        newest = next(u for u in rows(at) if u.revision == whole.revision)
        notes = [n for n in at.store.cases.notes(case.case_id) if n.kind == "judged"]
    assert case.case_id in newest.reason
    assert newest.report is not None
    assert newest.report["alert"]
    assert len(notes) == 1


def test_an_index_that_names_what_is_there_alone_is_believed(tmp_path: Path) -> None:
    """A model that can be loaded is whole, whatever its shards are called; one whose index names more is not."""
    with stage(tmp_path) as at:
        whole = upload(HIDDEN, NOW)
        renamed = {p.replace("-of-00002", "-of-00009"): b for p, b in whole.files.items()}
        text = renamed[INDEX].read(0, renamed[INDEX].size).replace(b"-of-00002", b"-of-00009")
        at.hub.add(replace(whole, files=renamed | {INDEX: BytesBlob(text)}))
        one = text.replace(b"model-00001-of-00009", b"one").replace(b"model-00002-of-00009", b"two")
        files = {"one.safetensors": renamed["model-00001-of-00009.safetensors"], INDEX: BytesBlob(one)}
        at.hub.add(replace(whole, repo_id="murk/Half", files=files, hub_id=""))
        assert after(at, timedelta(0)) == [HIDDEN]
        (half,) = at.store.history("murk/Half")
    assert half.reason == "its weights are not all there yet"


def dear(at: World, name: str) -> LoopbackRepo:
    """Return an upload that costs more than a pass may, and comes to nothing: its header is long and no JSON."""
    size = 2 * MOST_BYTES
    header = BytesBlob(size.to_bytes(8, "little") + b"{" + b" " * (size - 1) + bytes(64))
    return upload(HIDDEN, at.moved.now(), repo_id=name, files={"model.safetensors": header})


def test_what_comes_to_nothing_counts_towards_what_a_pass_may_cost(tmp_path: Path) -> None:
    """Each pass reads one such upload and leaves the others to the next one; none is left out in the end."""
    with stage(tmp_path, bytes_per_pass=MOST_BYTES) as at:
        at.moved.sleep(HOUR.total_seconds())
        for number in range(3):
            at.hub.add(dear(at, f"murk/Dear-{number}"))
        for left in (2, 1, 0):
            after(at, timedelta(minutes=1))
            assert at.store.counts()["uploads.pending"] == left
        assert at.store.counts()["uploads.failed"] == 3


def test_what_is_explained_again_has_no_budget_of_its_own(tmp_path: Path) -> None:
    """What a pass has spent before counts; the alert comes with the next one."""
    with stage(tmp_path, f"models:\n- {{repo_id: {BASE}, role: base}}\n", bytes_per_pass=MOST_BYTES) as at:
        at.hub.add(upload(HIDDEN, at.moved.now()))
        assert after(at, HOUR) == []
        (tmp_path / "registry.yaml").write_text(CAST.registry)
        at.hub.add(dear(at, "murk/Dear"))
        assert after(at, POLL) == []
        assert rows(at)[0].state == "failed"  # due again
        assert after(at, POLL) == [HIDDEN]


@pytest.mark.parametrize(
    ("attempts", "reason", "waits"),
    [
        (0, "", True),
        (PATIENT - 1, f"{KNOWN}org/base is not read yet: 503", True),
        (PATIENT, f"{KNOWN}org/base is not read yet: 503", False),
        (PATIENT, f"{DECLARED}org/parent could not be read: 503", False),
        (PATIENT + 3, NO_WEIGHTS, True),
        (PATIENT + 3, "The Hub answered 429 when asked for README.md of org/model.", True),
        (len(RETRIES), "The Hub answered 429 when asked for README.md of org/model.", False),
    ],
)
def test_what_else_it_waited_for_uses_up_no_patience(tmp_path: Path, attempts: int, reason: str, waits: bool) -> None:
    """A declared parent that is out of reach when the weights come holds the upload up all the same."""
    event = HubEvent("org/model", None, "a" * 40, NOW)
    with Store.open(f"sqlite:///{tmp_path / 'db'}") as store:
        store.record("feed", [event], None, NOW)
        (one,) = store.history("org/model")
    assert _patient(replace(one, attempts=attempts, reason=reason)) is waits
