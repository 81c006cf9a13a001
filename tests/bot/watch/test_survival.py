"""One upload that kills the process, or that cannot be stored, never ends the watch."""

from __future__ import annotations

import errno
import shutil
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.__main__ import app
from bot.watch.watcher import DEATHS, RETRIES
from demo.hub.faults import Fault, always
from demo.scene import BASE, HIDDEN, RELEASE
from state.store import Store
from tests.bot.stage import REPOS, stage
from tests.bot.watch.test_learning import FOUND
from tests.bot.watch.test_watcher import Killed, one_pass

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
        assert store.key_values.first("mark: judging", 9) == []


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


def test_known_models_out_of_reach_use_up_no_attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No verdict is given without them; once they answer, it is what it would have been."""
    (tmp_path / "data").mkdir()
    with stage(tmp_path, FEW) as at, Store.open(f"sqlite:///{tmp_path / 'data' / 'blendwatch.sqlite'}") as store:
        at.hub.fault = always(Fault(status=503), RELEASE)
        for turn in range(5):
            one_pass(at, store, monkeypatch, turn * RETRIES[0])
            upload = at.upload(HIDDEN)
            assert (upload.state, upload.attempts, at.told) == ("failed", 0, [])
            assert upload.reason.startswith(f"the known model {RELEASE} is not read yet")
        at.hub.fault = None
        (tmp_path / "data" / "absences.json").unlink()  # the time to ask again has come
        one_pass(at, store, monkeypatch, timedelta(hours=2))
        assert at.told == [FOUND]


def test_an_empty_database_beside_evidence_is_refused(tmp_path: Path) -> None:
    """Everything would be told anew: a watch says what to do, and begins nothing."""
    with stage(tmp_path, FEW) as at:
        assert at.run("watch", "--once").returncode == 0
        for file in (tmp_path / "data").glob("blendwatch.sqlite*"):
            file.unlink()
        done = at.run("watch", "--once")
        assert done.returncode != 0
        assert "holds evidence of an earlier watch" in " ".join(done.stderr.split())
        assert at.told == [FOUND]
        shutil.rmtree(tmp_path / "data" / "evidence")
        assert at.run("watch", "--once").returncode == 0


def test_data_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    """Cards of gated repositories and addresses of webhooks are among them."""
    with stage(tmp_path, FEW) as at:
        assert at.run("watch", "--once").returncode == 0
    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert files
    assert {path.name: oct(path.stat().st_mode & 0o077) for path in files if path.stat().st_mode & 0o077} == {}


def test_a_read_only_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the volume cannot be written, the setting is named and nothing else happens."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(tmp_path / "watch.lock"))

    monkeypatch.setattr(import_module("bot.cli.watch"), "FileLock", refuse)
    monkeypatch.setenv("BLENDWATCH_DATA", str(tmp_path))
    done = CliRunner().invoke(app, ["watch", "--once"])
    assert done.exit_code == 2
    said = " ".join(done.output.split())
    assert "BLENDWATCH_DATA" in said
    assert "cannot be used: Read-only file system" in said


@pytest.mark.parametrize(("hours", "says"), [(-30, "30 h ahead of"), (30, "30 h behind"), (1, "")])
def test_a_clock_a_day_off_is_told(tmp_path: Path, hours: int, says: str) -> None:
    """By the time that the Hub's answers bear."""
    told = formatdate((datetime.now(UTC) + timedelta(hours=hours)).timestamp(), usegmt=True)
    with stage(tmp_path, FEW) as at:
        at.hub.fault = always(Fault(headers={"Date": told}))
        assert at.run("watch", "--once").returncode == 0
        with at.store() as store:
            conditions = {c.name: c.text for c in store.conditions()}
    assert ("clocks differ" in conditions) == bool(says)
    assert says in conditions.get("clocks differ", "")
