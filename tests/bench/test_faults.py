"""Faults of the Hub and the network: a small part of what `python -m bench.faults` runs through."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.faults.__main__ import idle, jobs, note, problems
from bench.faults.kinds import ANSWERS, STATES
from bench.faults.runs import ALONE, CAST, NOW, PAIR, REPOS, STITCH, Ended, a_day, clean, judged, one_answer, one_change
from bench.simulated import Moved, world
from demo.hub.faults import Fault, always
from demo.hub.server import LoopbackHub
from demo.scene import BASE, HIDDEN

AT = 130  # a request in the middle of it all


@pytest.fixture(scope="module")
def without() -> Ended:
    """Return how it ends without faults."""
    return clean(PAIR)


@pytest.mark.parametrize(
    "kind", ["429, RateLimit, 280 s", "Content-Range of other bytes", "slow drip", "redirect to a foreign host"]
)
def test_one_spoiled_answer_changes_no_verdict(kind: str, without: Ended) -> None:
    """The fault was planted, and everything ends as if it had not been."""
    ended = one_answer(kind, AT)
    assert ended.planted == 1
    assert problems(kind, ended, without) == []


def test_a_spoiled_listing_is_read_again(without: Ended) -> None:
    """Its next page is at a foreign host: nobody goes there with the token, and the uploads are found all the same."""
    ended = one_answer("next page at a foreign host", 0)
    assert (ended.planted, problems("", ended, without)) == (1, [])


@pytest.mark.parametrize("every", [1, 16, 1000])
def test_each_kind_is_planted_only_where_it_spoils_something_and_once_at_least(every: int, without: Ended) -> None:
    """The listings are few and the ranges many; a fault that spoils any answer is planted at any request."""
    found = [(kind, number) for kind, number in jobs(every, without, without)]
    assert {kind for kind, _ in found} == {*ANSWERS, *STATES}
    assert all(number < without.places[kind] for kind, number in found if kind in ANSWERS)
    assert 0 < without.places["next page at a foreign name"] < 16
    assert without.places["next page at a foreign name"] < without.places["200 for a range"] < without.requests
    assert without.places["500"] == without.requests


def test_a_fault_that_can_spoil_nothing_is_not_counted(without: Ended) -> None:
    """A run without its fault is no run, and a kind with nothing but such runs is named."""
    table = {"500": [0, 0, 0, 0], "200 for a range": [0, 0, 0, 0]}
    assert note(table["200 for a range"], "200 for a range", without, without) == []
    assert note(table["500"], "500", replace(without, planted=1, passes=3), without) == []
    assert table == {"500": [1, 1, 0, 3], "200 for a range": [0, 0, 0, without.passes]}
    assert idle(table) == ["200 for a range"]


def test_a_repository_that_is_renamed_while_it_is_read_keeps_its_verdict() -> None:
    """Its alert is told once, under the one name or the other."""
    ended = one_change("renamed", AT)
    assert problems("renamed", ended, clean(ALONE)) == []
    assert ended.alerts == (HIDDEN,)


def test_the_proof_notices_a_lost_verdict(without: Ended) -> None:
    """A run over fewer uploads does not pass for the same."""
    assert problems("", clean(ALONE), without)


def test_a_bad_hour_loses_nothing() -> None:
    """Uploads come while every fifth answer is spoiled."""
    ended = a_day(0.2, seed=1, hours=1)
    assert ended.planted
    assert problems("", ended, a_day(0.0, seed=1, hours=1)) == []


@pytest.mark.parametrize("kept_from", [BASE, HIDDEN])
def test_nobody_is_judged_while_a_model_that_counts_is_out_of_reach(tmp_path: Path, kept_from: str) -> None:
    """A known model (the base) or a declared parent: the honest fine-tune waits, and is judged when it can be read."""
    moved = Moved(NOW)
    with (
        LoopbackHub([REPOS[n] for n in PAIR], clock=moved.seconds) as hub,
        world(tmp_path, hub, moved, CAST.registry) as at,
    ):
        hub.fault = always(Fault(status=503), f"/{kept_from}")
        at.one_pass()
        (waits,) = at.store.history(STITCH)
        assert (waits.state, waits.retry_at is None) == ("failed", False)
        assert kept_from in waits.reason
        hub.fault = None
        at.settle()
        verdicts = {n: at.store.history(n)[0].report for n in judged(PAIR)}
    assert [(r or {})["finding"] for r in verdicts.values()] == ["blend", "derivative"]
    assert [name for name, _ in at.told.alerts] == [HIDDEN]


def test_a_model_that_stays_out_of_reach_holds_nobody_up_for_ever(tmp_path: Path) -> None:
    """After a day and two waits the upload is judged without it, and the report says so."""
    moved = Moved(NOW)
    with (
        LoopbackHub([REPOS[n] for n in PAIR], clock=moved.seconds) as hub,
        world(tmp_path, hub, moved, CAST.registry) as at,
    ):
        hub.fault = always(Fault(status=503), f"/{BASE}")
        at.one_pass()
        moved.sleep(23 * 3600)
        at.one_pass()
        assert at.store.history(STITCH)[0].attempts == 0
        for _ in range(3):
            moved.sleep(3700)
            at.one_pass()
        (judged_now,) = at.store.history(STITCH)
    assert judged_now.state == "found"
    assert any(BASE in p for p in (judged_now.report or {})["problems"])
