"""Broken input: a small part of what `python -m bench.fuzz` feeds."""

from __future__ import annotations

import numpy as np
import pytest

from analyzers.errors import Unreadable
from bench.fuzz.__main__ import Outcomes, one, run


def test_broken_input_ends_as_a_value_or_a_named_error() -> None:
    """Every target is fed, no input crashes anything, and not all of them are refused."""
    found = run(100, seed=3)
    assert [text for told in found.values() for text in told.failures] == []
    assert len(found) == 9
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
