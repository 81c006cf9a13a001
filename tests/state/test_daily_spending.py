"""Daily budget."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from state.daily_spending import Spending
from state.errors import StateError

TODAY, LATER = date(2026, 6, 14), date(2026, 6, 15)


def test_spending_is_of_one_day_and_fails_closed(tmp_path: Path) -> None:
    """A broken book allows nothing, and says so; a new day begins at nothing."""
    book = Spending(tmp_path / "spending.json")
    assert book.reserve(TODAY, {"calls": 2}, {"calls": 3}) == ""
    assert book.reserve(TODAY, {"calls": 2}, {"calls": 3}) == "calls"
    assert book.sums(TODAY) == {"calls": 2}
    assert book.sums(LATER) == {}
    assert book.reserve(LATER, {"calls": 2}, {"calls": 3}) == ""
    (tmp_path / "spending.json").write_text("{")
    with pytest.raises(StateError, match="today's spending is unknown"):
        book.reserve(TODAY, {"calls": 1}, {"calls": 3})
    with pytest.raises(StateError, match="today's spending is unknown"):
        book.refund(TODAY, {"calls": 1})


def test_many_at_once_never_pass_a_limit(tmp_path: Path) -> None:
    """Two books on one file, as two processes have them, and eight threads."""
    books = [Spending(tmp_path / "spending.json") for _ in range(2)]
    with ThreadPoolExecutor(8) as crew:
        told = list(crew.map(lambda i: books[i % 2].reserve(TODAY, {"calls": 1}, {"calls": 30}), range(60)))
    assert told.count("") == 30
    assert told.count("calls") == 30
    assert books[0].sums(TODAY) == {"calls": 30}


def test_what_was_not_needed_is_given_back(tmp_path: Path) -> None:
    """Or taken beyond, where it was more."""
    book = Spending(tmp_path / "deep" / "spending.json")
    book.reserve(TODAY, {"tokens": 10, "calls": 1}, {"tokens": 10})
    book.refund(TODAY, {"tokens": 4})
    assert book.sums(TODAY) == {"calls": 1, "tokens": 6}
    book.refund(TODAY, {"tokens": -3})
    assert book.sums(TODAY)["tokens"] == 9
