"""A blend whose weights are gone, found late or before it was judged: never lost in silence.

Where first sight is exact, reviewers get it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from analyzers.verdict.replay import replay
from demo.hub.faults import Fault, always
from demo.hub.repository import BytesBlob, LoopbackRepo
from demo.models import Weights, card, files, fresh
from demo.scene import BASE, HIDDEN, RELEASE
from state.evidence.blobs import Blobs, from_bytes
from state.store import Store
from tests.bot.stage import REPOS, Stage, changed, stage
from tests.bot.watch.test_learning import FOUND, REVIEWED, SIZE, counted, registry
from tests.bot.watch.test_watcher import Killed, one_pass

ALONE = "this rests on the evidence of first sight alone"
NOISE = 0.4  # of a unit in the last place, standard deviation
OPERATOR = f"Operator: {HIDDEN}: found late, and its weights are gone"


@contextmanager
def quiet(tmp_path: Path, hidden: LoopbackRepo = REPOS[HIDDEN]) -> Iterator[Stage]:
    """Open a stage on which the hidden blend was read while its parent was not known."""
    repos = counted(BASE) | {RELEASE: REPOS[RELEASE], HIDDEN: replace(hidden, counted=SIZE)}
    with stage(tmp_path, repos) as at:
        registry(at, BASE)
        watch(at)
        assert at.upload(HIDDEN).state == "found"
        assert at.told == []
        registry(at, BASE, RELEASE)
        yield at


def watch(at: Stage) -> None:
    """Run one pass."""
    done = at.run("watch", "--once")
    assert done.returncode == 0, done.stderr


def noisy(repo: LoopbackRepo) -> LoopbackRepo:
    """Return a repository with a touch of noise on its weights: a blend still, and exact no more."""
    rng, found = np.random.default_rng(5), {}
    for path, blob in repo.files.items():
        data = blob.read(0, blob.size)
        if path.endswith(".safetensors"):
            begin = 8 + int.from_bytes(data[:8], "little")
            bits = np.frombuffer(data[begin:], np.uint16)
            moved = bits.astype(np.int32) + np.rint(rng.normal(0, NOISE, bits.size)).astype(np.int32)
            data = data[:begin] + np.clip(moved, 0, 0xFFFF).astype(np.uint16).tobytes()
        found[path] = BytesBlob(data)
    return replace(repo, files=found)


def weights() -> Weights:
    """Return weights that nobody knows."""
    return fresh(np.random.default_rng(99))


def without_weights(repo: LoopbackRepo, readme: str) -> LoopbackRepo:
    """Return the repository after its weights were taken away, its history too."""
    gone = dict.fromkeys(p for p in repo.files if p.endswith((".safetensors", ".json")))
    return replace(changed(repo, {**gone, "README.md": readme.encode()}), hub_id=repo.hub_id)


def test_what_is_exact_at_first_sight_goes_to_reviewers_after_the_repository_is_gone(tmp_path: Path) -> None:
    """Once, in plain words, with evidence from which the same verdict comes out again."""
    with quiet(tmp_path) as at:
        del at.hub.repos[HIDDEN]
        for _ in range(2):
            watch(at)
            assert at.told == [REVIEWED]
        upload = at.upload(HIDDEN)
        with at.store() as store:
            kept = [f.digest for f in store.cases.files(upload.id) if f.kind == "verdict"]
        replayed = replay(from_bytes(Blobs(at.folder / "data" / "evidence").get(kept[-1])))
    report = upload.report
    assert report is not None
    assert (report["finding"], report["strength"]) == ("blend", "exact")
    assert (report["alert"], report["audience"]) == (False, "reviewers")
    assert report["looks"]["second"] is None
    assert ALONE in report["why"]
    assert "it cannot be read any more" in report["why"]
    assert (replayed.finding.kind, replayed.audience) == ("blend", "reviewers")


def test_what_only_a_second_look_could_bear_out_goes_to_the_operator_once(tmp_path: Path) -> None:
    """Nobody is accused, and nothing vanishes: the upload ends as inconclusive."""
    with quiet(tmp_path, noisy(REPOS[HIDDEN])) as at:
        del at.hub.repos[HIDDEN]
        for _ in range(2):
            watch(at)
            assert at.told == [OPERATOR]
        upload = at.upload(HIDDEN)
    assert upload.report is not None
    assert (upload.state, upload.report["finding"], upload.report["alert"]) == ("found", "inconclusive", False)
    assert ALONE in upload.reason


def test_the_same_is_told_while_its_weights_are_there(tmp_path: Path) -> None:
    """The noise alone would not keep it from being told."""
    with quiet(tmp_path, noisy(REPOS[HIDDEN])) as at:
        watch(at)
        assert at.told == [FOUND]
        report = at.upload(HIDDEN).report
    assert report is not None
    assert report["strength"] == "strong"


@pytest.mark.parametrize(("named", "told"), [((BASE,), [REVIEWED]), ((BASE, RELEASE), [])])
def test_a_card_that_names_the_parents_by_now_counts(tmp_path: Path, named: tuple[str, ...], told: list[str]) -> None:
    """The weights and the history are gone, the card is there: what it declares is declared."""
    with quiet(tmp_path) as at:
        at.hub.add(without_weights(at.hub.repos[HIDDEN], card("Guanabara 1", "Gone.", named)))
        watch(at)
        assert at.told == told
        with at.store() as store:
            first = store.history(HIDDEN)[-1]
    assert ALONE in first.reason


def test_weights_that_were_replaced_are_read_at_the_revision_that_was_judged(tmp_path: Path) -> None:
    """The history still has them, so they get their second look; the new ones are another upload."""
    with quiet(tmp_path) as at:
        first = at.hub.repos[HIDDEN]
        new = {p: b.content for p, b in files(weights(), card("Guanabara 1", "Ours.", [BASE])).items()}
        at.hub.add(replace(changed(first, new), hub_id=first.hub_id, revision="e" * 40, earlier=first))
        watch(at)
        assert at.told == [FOUND]
        with at.store() as store:
            report = next(u.report for u in store.history(HIDDEN) if u.revision == first.revision)
    assert report is not None
    assert report["alert"] is True
    assert report["looks"]["second"] is not None
    assert ALONE not in report["why"]


def test_a_hub_that_does_not_answer_just_then_takes_nothing_away(tmp_path: Path) -> None:
    """What was judged before is remembered until the upload is settled again."""
    with quiet(tmp_path) as at:
        at.hub.fault = always(Fault(status=400), f"/api/models/{HIDDEN}")
        watch(at)
        upload = at.upload(HIDDEN)
        assert (upload.state, upload.retry_at is None, at.told) == ("failed", False, [])
        assert upload.report is not None


RETRY = timedelta(minutes=15)  # later than the first time that a failed upload is tried again


@contextmanager
def waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hidden: LoopbackRepo = REPOS[HIDDEN]
) -> Iterator[tuple[Stage, Store]]:
    """Open a stage on which the hidden blend was read and not judged: its parent was out of reach just then."""
    (tmp_path / "data").mkdir()
    url = f"sqlite:///{tmp_path / 'data' / 'blendwatch.sqlite'}"
    with stage(tmp_path, {BASE: REPOS[BASE], RELEASE: REPOS[RELEASE], HIDDEN: hidden}) as at, Store.open(url) as store:
        at.hub.fault = always(Fault(status=503), RELEASE)
        one_pass(at, store, monkeypatch)
        assert (at.upload(HIDDEN).state, at.told) == ("failed", [])
        at.hub.fault = None
        yield at, store


def within_reach(at: Stage) -> None:
    """Let the known model be asked for again at once."""
    (at.folder / "data" / "absences.json").unlink(missing_ok=True)


def kept(at: Stage, store: Store, upload_id: int) -> list[tuple[str, bytes]]:
    """Return kind and content of the evidence of an upload, the oldest first."""
    blobs = Blobs(at.folder / "data" / "evidence")
    return [(f.kind, blobs.get(f.digest)) for f in store.cases.files(upload_id)]


def test_what_was_read_is_kept_once_although_the_check_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second failure keeps nothing twice; a card that is edited before the verdict stays known as it was first."""
    with waiting(tmp_path, monkeypatch) as (at, store):
        first, upload = at.hub.repos[HIDDEN], at.upload(HIDDEN)
        before = kept(at, store, upload.id)
        sizes = {p: p.stat().st_size for p in (tmp_path / "data" / "sketches").iterdir()}
        assert sorted(kind for kind, _ in before) == ["card", "config", "files", "samples"]
        one_pass(at, store, monkeypatch, RETRY)
        assert at.upload(HIDDEN).attempts == 0  # it waits for a known model
        assert kept(at, store, upload.id) == before
        assert {p: p.stat().st_size for p in sizes} == sizes
        within_reach(at)
        edited = changed(first, {"README.md": card("Guanabara 1", "Quietly edited.", [BASE]).encode()})
        at.hub.add(replace(edited, hub_id=first.hub_id))
        one_pass(at, store, monkeypatch, timedelta(hours=2))
        (case,) = store.cases.all()
        cards = [content.decode() for kind, content in kept(at, store, case.upload_id) if kind == "card"]
    assert at.told == [FOUND]
    assert len(cards) == 2
    assert "Post-trained by our own team." in cards[0]
    assert "Quietly edited." in cards[1]


@pytest.mark.parametrize("exact", [True, False])
def test_an_upload_that_is_gone_before_it_was_judged_is_judged_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exact: bool
) -> None:
    """What is exact at first sight is for reviewers; the operator is notified of anything weaker."""
    with waiting(tmp_path, monkeypatch, REPOS[HIDDEN] if exact else noisy(REPOS[HIDDEN])) as (at, store):
        del at.hub.repos[HIDDEN]
        one_pass(at, store, monkeypatch, RETRY)  # its parent is out of reach still
        assert (at.upload(HIDDEN).state, at.told) == ("failed", [])
        within_reach(at)
        for hours in (2, 24):
            one_pass(at, store, monkeypatch, timedelta(hours=hours))
        upload = at.upload(HIDDEN)
    assert at.told == [REVIEWED if exact else f"Operator: {HIDDEN}: gone before it was judged"]
    assert upload.report is not None
    assert (upload.state, upload.report["audience"]) == ("found", "reviewers" if exact else "none")
    assert ALONE in upload.reason
    assert upload.revision == REPOS[HIDDEN].revision


def test_a_process_that_is_killed_before_the_verdict_has_kept_what_it_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The upload is gone when the next process begins."""

    def dies(text: str) -> None:
        if text.startswith("reading known model"):
            raise Killed

    (tmp_path / "data").mkdir()
    few = {name: REPOS[name] for name in (BASE, RELEASE, HIDDEN)}
    with (
        stage(tmp_path, few) as at,
        Store.open(f"sqlite:///{tmp_path / 'data' / 'blendwatch.sqlite'}") as store,
    ):
        with pytest.raises(Killed):
            one_pass(at, store, monkeypatch, progress=dies)
        assert at.upload(HIDDEN).state == "pending"
        del at.hub.repos[HIDDEN]
        one_pass(at, store, monkeypatch)
    assert at.told == [REVIEWED]


def test_weights_that_were_replaced_before_they_were_judged_are_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the revision of first sight, which the history still has; the new ones are another upload."""
    with waiting(tmp_path, monkeypatch) as (at, store):
        first = at.hub.repos[HIDDEN]
        new = {p: b.content for p, b in files(weights(), card("Guanabara 1", "Ours.", [BASE])).items()}
        at.hub.add(replace(changed(first, new), hub_id=first.hub_id, revision="e" * 40, earlier=first))
        within_reach(at)
        one_pass(at, store, monkeypatch, RETRY)
        reports = {u.revision: u.report for u in store.history(HIDDEN)}
    assert at.told == [FOUND]
    report = reports[first.revision]
    assert report is not None
    assert report["looks"]["second"] is not None
    assert ALONE not in report["why"]


def test_weights_that_were_judged_as_another_upload_are_not_told_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A card-only commit brings the same weights once more; they are judged as that, and then all is gone."""
    with waiting(tmp_path, monkeypatch) as (at, store):
        first = at.hub.repos[HIDDEN]
        edited = changed(first, {"README.md": card("Guanabara 1", "Edited.", [BASE]).encode()})
        at.hub.add(replace(edited, hub_id=first.hub_id, last_modified=None))
        within_reach(at)
        one_pass(at, store, monkeypatch)  # too early for the first upload to be tried again
        assert at.told == [FOUND]
        del at.hub.repos[HIDDEN]
        one_pass(at, store, monkeypatch, RETRY)
    assert at.told == [FOUND]
