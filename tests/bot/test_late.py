"""A blend found late whose weights are gone meanwhile: told where first sight is enough, and never lost in silence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from demo.loopback_faults import Fault, always
from demo.loopback_repo import BytesBlob, LoopbackRepo
from demo.models import Weights, card, files, fresh
from demo.scene import BASE, HIDDEN, RELEASE
from tests.bot.stage import REPOS, Stage, changed, stage
from tests.bot.test_memory import FOUND, SIZE, counted, registry

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


def test_what_is_exact_at_first_sight_is_told_after_the_repository_is_gone(tmp_path: Path) -> None:
    """Once, in plain words, with evidence from which the same verdict comes out again."""
    with quiet(tmp_path) as at:
        del at.hub.repos[HIDDEN]
        for _ in range(2):
            watch(at)
            assert at.told == [FOUND]
        report = at.upload(HIDDEN).report
        assert report is not None
        replayed = at.run("case", "replay", report["case"])
    assert (report["finding"], report["strength"], report["alert"]) == ("blend", "exact", True)
    assert report["looks"]["second"] is None
    assert ALONE in report["why"]
    assert "it cannot be read any more" in report["why"]
    assert "the verdict holds" in replayed.stdout


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


@pytest.mark.parametrize(("named", "told"), [((BASE,), [FOUND]), ((BASE, RELEASE), [])])
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
