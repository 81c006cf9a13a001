"""backup, restore and prune as commands: beside a running watch, and with what an operator may get wrong."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock
from typer.testing import CliRunner, Result

from bot.__main__ import app
from bot.cli.prune import USUAL
from state.backup.archive import verify
from state.database.engine import damage
from state.sketches.compaction import survey
from state.sketches.store import SketchStore
from state.store import Store
from tests import ROOT
from tests.bot.stage import Stage, stage
from tests.bot.watch.test_watcher import ALERTS, FEW
from tests.state.folders import files_in


def counts(data: Path) -> dict[str, int]:
    """How many uploads and alerts are in each state."""
    with Store.open(f"sqlite:///{data / 'blendwatch.sqlite'}") as store:
        return store.counts()


def test_a_backup_taken_while_the_watch_works_goes_on_where_it_stood(tmp_path: Path) -> None:
    """Each restores to sound data; a watch on it ends with every upload settled, and tells what was not told yet."""
    with stage(tmp_path, latency=0.02) as at:
        watch = subprocess.Popen([sys.executable, "-m", "bot", "watch"], env=at.env, stderr=subprocess.DEVNULL)
        try:
            end = time.monotonic() + 60
            while not list(tmp_path.glob("data/sketches/*.lines")) and time.monotonic() < end:
                time.sleep(0.02)
            made = [at.run("backup", str(tmp_path / f"b{number}.tar.gz")) for number in range(3)]
            assert [done.returncode for done in made] == [0, 0, 0], made[0].stderr
            assert watch.poll() is None
        finally:
            watch.kill()
            watch.wait()
        for number in (0, 2):
            archive, new = tmp_path / f"b{number}.tar.gz", tmp_path / f"new{number}"
            done = at.run("restore", str(archive), "--into", str(new))
            assert done.returncode == 0, done.stderr
            assert (damage(new / "blendwatch.sqlite"), survey(new / "sketches").damaged) == ("", 0)
            before = counts(new)
            at.discord.messages.clear()
            done = at.run("watch", "--once", "--data", str(new))
            assert done.returncode == 0, done.stderr
            after = counts(new)
            assert (after["uploads.found"], after["uploads.failed"], after["uploads.pending"]) == (6, 1, 0)
            assert after["alerts.sent"] + after["alerts.sending"] == len(ALERTS)  # leased until the sender is given up
            assert len(at.told) == len(set(at.told) & set(ALERTS)) == after["alerts.sent"] - before["alerts.sent"]


def call(at: Stage, *words: str) -> Result:
    """Run a command in this process, which saves the start of another."""
    return CliRunner().invoke(app, words, env=at.env)


@pytest.fixture(scope="module")
def done_stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A Hub that was watched once and is gone; its data folder stays."""
    folder = tmp_path_factory.mktemp("keep")
    with stage(folder, FEW) as at:
        done = at.run("watch", "--once")
        assert done.returncode == 0, done.stderr
    return at


def test_there_and_back_in_words(done_stage: Stage, tmp_path: Path) -> None:
    """What is told names counts and places; the folder in the way is moved aside; keep rotates."""
    at, data = done_stage, str(tmp_path / "data")
    older = tmp_path / "to" / "blendwatch-20200102T030405Z.tar.gz"
    older.parent.mkdir()
    older.touch()
    made = call(at, "backup", str(tmp_path / "to"), "--keep", "1")
    assert "uploads 4, alerts 1, sketches" in made.stdout
    assert f"removed {older}" in made.stdout
    (archive,) = (tmp_path / "to").iterdir()
    whole = call(at, "restore", str(archive), "--verify")
    assert (whole.exit_code, "is whole" in whole.stdout, (tmp_path / "data").exists()) == (0, True, False)
    assert "uploads 4" in call(at, "restore", str(archive), "--data", data).stdout
    assert call(at, "why", "oakridge/Taiga-1", "--data", data).exit_code == 0
    refused = call(at, "restore", str(archive), "--data", data)
    assert (refused.exit_code, "use --force" in refused.stderr) == (1, True)
    forced = call(at, "restore", str(archive), "--data", data, "--force")
    assert "what was there before is in" in forced.stdout
    assert len(list((tmp_path / "data").glob("before-restore-*/blendwatch.sqlite"))) == 1


def test_prune_tells_and_then_does(done_stage: Stage, tmp_path: Path) -> None:
    """The preview names what would go; days are the operator's; a watch or a check in the way is named."""
    data = tmp_path / "data"
    call(done_stage, "backup", str(tmp_path / "b.tar"))
    call(done_stage, "restore", str(tmp_path / "b.tar"), "--into", str(data))
    before = files_in(data)
    shown = call(done_stage, "prune", "--data", str(data))
    assert (shown.exit_code, shown.stderr, files_in(data)) == (0, "", before)
    assert shown.stdout.splitlines()[-1].endswith("would be freed; --apply does it")
    with FileLock(data / "watch.lock"):
        refused = call(done_stage, "prune", "--apply", "--data", str(data))
        assert (refused.exit_code, "stop it first" in refused.stderr) == (1, True)
    sketches = SketchStore(data / "sketches")
    refused = call(done_stage, "prune", "--apply", "--data", str(data))
    assert (refused.exit_code, "another process uses the sketches" in refused.stderr) == (1, True)
    sketches.close()
    pruned = call(done_stage, "prune", "--apply", "--data", str(data))
    assert (pruned.exit_code, pruned.stdout.splitlines()[-1].endswith("freed")) == (0, True)
    assert counts(data) == counts(done_stage.folder / "data")


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (("backup", "{data}/inside"), 1, "lies in the data folder"),
        (("backup", "{tmp}/x.tar", "--keep", "2"), 1, "give a folder"),
        (("backup", "{tmp}/x", "--keep", "0"), 2, "--keep"),
        (("backup", "{tmp}/x", "--data", "{tmp}/none"), 2, "there is no data folder"),
        (("prune", "--data", "{tmp}/none"), 2, "there is no data folder"),
        (("prune", "--report-days", "0"), 2, "--report-days"),
        (("restore", "{tmp}/none.tar"), 2, "there is no file"),
        (("restore", "{data}/blendwatch.sqlite", "--into", "{tmp}/new"), 1, "is not a backup of Blendwatch"),
    ],
)
def test_mistakes_are_one_sentence(
    done_stage: Stage, tmp_path: Path, words: tuple[str, ...], status: int, sentence: str
) -> None:
    """Nothing is printed or written."""
    data = done_stage.folder / "data"
    before = files_in(data)
    done = call(done_stage, *(word.format(data=data, tmp=tmp_path) for word in words))
    assert (done.exit_code, sentence in done.stderr, done.stdout) == (status, True, "")
    assert (files_in(data), list(tmp_path.iterdir())) == (before, [])


def test_nothing_opens_a_folder_whose_restore_was_cut_short(done_stage: Stage, tmp_path: Path) -> None:
    """The watch and every other command say what to do, which then helps."""
    archive, data = tmp_path / "b.tar", tmp_path / "data"
    call(done_stage, "backup", str(archive))
    call(done_stage, "restore", str(archive), "--into", str(data))
    step = data / ".restore-moving"
    (step / "data").mkdir(parents=True)
    (step / "aside").write_text("before-restore-x")
    (step / "manifest.json").write_text(verify(archive).model_dump_json())
    (data / "sketches").rename(step / "data" / "sketches")
    watch = done_stage.run("watch", "--once", "--data", str(data))
    assert (watch.returncode, "run the same blendwatch restore again" in watch.stderr) == (1, True)
    for words in (("check", "a/b"), ("why", "a/b"), ("backup", str(tmp_path / "x")), ("prune",)):
        done = call(done_stage, *words, "--data", str(data))
        assert (done.exit_code, "run the same blendwatch restore again" in done.stderr) == (1, True), words
    done = call(done_stage, "restore", str(archive), "--into", str(data))
    assert (done.exit_code, "ended the restore that was cut short" in done.stdout) == (0, True)
    assert list(data.glob("sketches/*.lines"))
    assert call(done_stage, "why", "oakridge/Taiga-1", "--data", str(data)).exit_code == 0


def test_the_operating_guide_tells_how_long_things_are_kept() -> None:
    """The days in docs/backup.md are those in the code."""
    guide = (ROOT / "docs" / "backup.md").read_text(encoding="utf-8")
    for option, days in (
        ("report", USUAL.report_days),
        ("message", USUAL.message_days),
        ("sketch", USUAL.sketch_days),
    ):
        assert f"`--{option}-days` ({days})" in guide
