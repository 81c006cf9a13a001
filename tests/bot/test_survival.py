"""One upload that kills the process, or that cannot be stored, never ends the watch."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.watch import DEATHS, RETRIES
from demo.scene import BASE, HIDDEN, RELEASE
from state.store import Store
from tests.bot.stage import REPOS, stage
from tests.bot.test_memory import FOUND
from tests.bot.test_watch import Killed, one_pass

OTHER = "oakridge/Taiga-1"
FEW = {name: REPOS[name] for name in (BASE, RELEASE, HIDDEN, OTHER)}


class Picky(Store):
    """A store that takes no report on the hidden blend."""

    def settle(self, upload_id: int, settlement: Any, *args: Any, **kwargs: Any) -> bool:
        """See Store."""
        if settlement.report and settlement.report["suspect"]["repo_id"] == HIDDEN:
            raise ValueError("Out of range float values are not JSON compliant")
        return super().settle(upload_id, settlement, *args, **kwargs)


def dies(text: str) -> None:
    """Kill the process where the hidden blend is read."""
    if text.startswith(f"reading {HIDDEN}@"):
        raise Killed


@pytest.mark.parametrize("deaths", [DEATHS - 1, DEATHS])
def test_an_upload_that_kills_the_process_is_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deaths: int
) -> None:
    """The third death sets it aside, the operator gets its name once, the others are judged; later it is, too."""
    (tmp_path / "data").mkdir()
    with stage(tmp_path, FEW) as at, Store.open(f"sqlite:///{tmp_path / 'data' / 'blendwatch.sqlite'}") as store:
        for _ in range(deaths):
            with pytest.raises(Killed):
                one_pass(at, store, monkeypatch, progress=dies)
        if deaths < DEATHS:
            one_pass(at, store, monkeypatch)
            assert at.told == [FOUND]
            return
        one_pass(at, store, monkeypatch, progress=dies)
        assert at.told == [f"Operator: {HIDDEN}: set aside"]
        upload = at.upload(HIDDEN)
        assert (upload.state, upload.reason) == ("failed", f"the process ended {DEATHS} times while it was judged")
        assert at.upload(OTHER).state == "found"
        one_pass(at, store, monkeypatch, RETRIES[0] + timedelta(minutes=1))
        assert at.told == [f"Operator: {HIDDEN}: set aside", FOUND]
        assert store.marks.first("mark: judging", 9) == []


def test_a_report_that_cannot_be_stored_costs_its_upload_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried again later with that reason; the others are settled."""
    (tmp_path / "data").mkdir()
    with stage(tmp_path, FEW) as at, Picky.open(f"sqlite:///{tmp_path / 'data' / 'blendwatch.sqlite'}") as store:
        one_pass(at, store, monkeypatch)
        upload = at.upload(HIDDEN)
        assert (upload.state, at.told) == ("failed", [])
        assert upload.reason.startswith("its report could not be stored: ValueError")
        assert upload.retry_at is not None
        assert at.upload(OTHER).state == "found"
