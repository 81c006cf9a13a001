"""Broken input: a small part of what `python -m bench.fuzz` feeds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analyzers.errors import Unreadable
from bench.fuzz.__main__ import MEGABYTES, Outcomes, one, run
from bench.fuzz.memory import PER_INPUT
from bench.fuzz.targets import LATER, online
from bench.simulated import FAR
from bot.known.models import Progress
from bot.watch.feeds import Feeds


def test_broken_input_ends_as_a_value_or_a_named_error() -> None:
    """Every target is fed, no input crashes anything, and not all of them are refused."""
    found = run(100, seed=3)
    assert [text for told in found.values() for text in told.failures] == []
    assert len(found) == 12
    assert all(sum(told.counts.values()) > 0 for told in found.values())
    assert found["header"].counts["a value"] > 0 < found["header"].counts["MalformedWeights"]


@pytest.mark.parametrize(
    ("error", "failed"), [(KeyError("x"), True), (Unreadable("no"), False), (Unreadable(""), True)]
)
def test_a_crash_is_noticed_and_can_be_repeated(error: Exception, failed: bool) -> None:
    """An exception that is none of our own is a failure, with the line that repeats it; so is an error without text."""
    told = Outcomes()

    def target(_: np.random.Generator) -> None:
        raise error

    one("header", target, 5, 17, told)
    assert bool(told.failures) is failed
    assert all("--seed 5 --only header --at 17" in text for text in told.failures)


@pytest.mark.skipif(not PER_INPUT, reason="this system does not tell what one input takes")
def test_memory_is_counted_anew_for_each_input() -> None:
    """An input that takes too much is noticed after another that took as much; a small one after both is not."""
    told = Outcomes()

    def target(_: np.random.Generator) -> None:
        megabytes = 1 if told.counts["TOO MUCH"] == 2 else MEGABYTES + 40
        assert len(b"x" * (megabytes << 20))

    for at in range(3):
        one("header", target, 5, at, told)
    assert told.counts == {"TOO MUCH": 2, "a value": 1}


class _Lossy(Feeds):
    """Breaks where something was stored."""

    def poll(self, progress: Progress) -> int:
        """See Feeds."""
        new = super().poll(progress)
        if self.store.due(LATER + FAR, 1):
            raise KeyError("stored")
        return new


def test_what_a_broken_listing_shows_is_stored() -> None:
    """A watch that breaks over what it stored is noticed."""
    told = Outcomes()
    with online() as net:
        feeds = _Lossy(net.hub, net.feeds.store, net.feeds.settings, net.feeds.clock, net.feeds.news)
        for at in range(12):
            one("answers", replace(net, feeds=feeds).answers, 5, at, told)
    assert told.counts["CRASH"] == len([text for text in told.failures if "stored" in text]) > 0
