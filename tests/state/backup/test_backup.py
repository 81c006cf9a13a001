"""A backup holds all that must outlive the process, whole or not at all."""

from __future__ import annotations

import os
import tarfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from analyzers.records import RepoRef
from state.backup.archive import verify
from state.backup.backup import back_up
from state.backup.restore import restore
from state.data_folder import lock_sketches
from state.database.engine import damage
from state.errors import StateError
from state.evidence.blobs import Blobs
from state.sketches.compaction import survey
from state.sketches.store import SketchStore
from state.store import Store
from tests.state.dying import on_a_full_disk
from tests.state.events import event
from tests.state.folders import filled, held
from tests.state.sketches.test_store import plain, stored, titles

AT = datetime(2026, 4, 5, 6, 7, 8, tzinfo=UTC)


@pytest.mark.parametrize("name", ["one.tar", "one.tar.gz", "folder"])
def test_what_was_backed_up_is_what_is_restored(tmp_path: Path, name: str) -> None:
    """Rows, sketches, absences and files of others come back equal; locks and temporary files are left out."""
    data = filled(tmp_path / "data")
    (data / "half.part").write_text("x")
    made = back_up(data, tmp_path / name, AT)
    assert made.path == (tmp_path / name if "." in name else tmp_path / name / "blendwatch-20260405T060708Z.tar.gz")
    assert (made.manifest.rows["uploads"], made.manifest.rows["outbox"], made.manifest.sketches) == (3, 1, 4)
    assert (made.path.stat().st_mode & 0o777, made.path.stat().st_size) == (0o600, made.bytes)
    done = restore(made.path, tmp_path / "new", AT)
    assert held(tmp_path / "new") == held(data)
    assert (done.manifest, done.aside, done.damaged) == (made.manifest, None, 0)
    assert not {"half.part", "watch.lock"} & made.manifest.files.keys()


def test_evidence_is_in_a_backup_and_can_be_read_after_the_restore(tmp_path: Path) -> None:
    """Each piece that a row names, byte for byte; what was still being written is left out."""
    data = filled(tmp_path / "data")
    pieces = [path for path in (data / "evidence").rglob("*") if path.is_file()]
    pieces[0].with_name(f"{pieces[0].name}.0123abcd.part").write_bytes(b"half")
    made = back_up(data, tmp_path / "b.tar", AT)
    names = {name for name in made.manifest.files if name.startswith("evidence/")}
    assert names == {f"evidence/{path.name[:2]}/{path.name}" for path in pieces}
    restore(made.path, tmp_path / "new", AT)
    with Store.open(f"sqlite:///{tmp_path / 'new' / 'blendwatch.sqlite'}") as store:
        kept = {file.kind: Blobs(tmp_path / "new" / "evidence").get(file.digest) for file in store.cases.files(1)}
    assert kept == {"card": b"# a card", "config": b"{}", "verdict": b"\x00bits"}


def test_other_tools_can_read_the_archive(tmp_path: Path) -> None:
    """It is a plain tar whose last member is the manifest."""
    made = back_up(filled(tmp_path / "data"), tmp_path / "b.tar", AT)
    with tarfile.open(made.path) as tar:
        assert [m.name for m in tar][-1] == "manifest.json"
        assert {m.name for m in tar if m.name != "manifest.json"} == {f"data/{name}" for name in made.manifest.files}


def test_a_backup_amid_writing_is_consistent(tmp_path: Path) -> None:
    """While uploads and sketches are being added: each backup is sound and holds a sketch for each upload it names."""
    data = filled(tmp_path / "data", 1)
    stop = threading.Event()

    def write() -> None:
        sketches = SketchStore(data / "sketches")
        with Store.open(f"sqlite:///{data / 'blendwatch.sqlite'}") as store:
            for number in range(4, 2000):
                if stop.is_set():
                    break
                sketches.put(stored(plain() + number, ref=RepoRef(f"org/m{number}", "c" * 40)))
                store.record("feed", [event(f"org/m{number}")], AT, AT)
        sketches.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = [back_up(data, tmp_path / "to", AT + timedelta(seconds=i)) for i in range(8)]
    finally:
        stop.set()
        writer.join()
    assert len({m.manifest.rows["uploads"] for m in made}) > 1  # it was written to meanwhile
    for number, one in enumerate(made):
        new = tmp_path / f"new{number}"
        assert restore(one.path, new, AT).damaged == 0
        assert damage(new / "blendwatch.sqlite") == ""
        sketched = {entry.repo_id for pack in survey(new / "sketches").packs for entry in pack.entries if entry}
        with Store.open(f"sqlite:///{new / 'blendwatch.sqlite'}") as store:
            named = {upload.repo_id for upload in store.due(AT, 10_000)}
        assert named <= sketched
        assert len(named) + 1 == one.manifest.rows["uploads"]  # the first one is settled


def test_keep_rotates_its_own_archives_alone(tmp_path: Path) -> None:
    """The newest stay; files of other names stay too."""
    data, to = filled(tmp_path / "data"), tmp_path / "to"
    to.mkdir()
    (to / "blendwatch-mine.tar.gz").touch()
    for day in range(4):
        made = back_up(data, to, AT + timedelta(days=day), 2)
    assert sorted(p.name for p in to.iterdir()) == [
        "blendwatch-20260407T060708Z.tar.gz",
        "blendwatch-20260408T060708Z.tar.gz",
        "blendwatch-mine.tar.gz",
    ]
    assert [p.name for p in made.removed] == ["blendwatch-20260406T060708Z.tar.gz"]


def test_the_backup_just_made_is_never_the_one_to_go(tmp_path: Path) -> None:
    """This holds after the clock was set back, when older archives have later names."""
    data, to = filled(tmp_path / "data"), tmp_path / "to"
    back_up(data, to, AT)
    back_up(data, to, AT + timedelta(days=1))
    made = back_up(data, to, AT - timedelta(days=1), 1)
    assert list(to.iterdir()) == [made.path]


@pytest.mark.parametrize("name", [b"a\\b", b"not \xff utf-8", b"two\nlines"])
def test_a_name_that_no_restore_would_take_is_reported(tmp_path: Path, name: bytes) -> None:
    """The backup reports it, before a restore is needed."""
    data = filled(tmp_path / "data")
    (data / os.fsdecode(name)).touch()
    with pytest.raises(StateError, match="cannot be restored: rename or move it") as caught:
        back_up(data, tmp_path / "to", AT)
    assert str(caught.value).isprintable()
    assert list((tmp_path / "to").iterdir()) == []


def test_sketches_alone_make_a_backup(tmp_path: Path) -> None:
    """Where checks were made and no watch ever ran."""
    SketchStore(tmp_path / "data" / "sketches").put(stored(plain()))
    made = back_up(tmp_path / "data", tmp_path / "b.tar", AT)
    assert (made.manifest.schema_revision, made.manifest.rows, made.manifest.sketches) == (None, {}, 1)
    restore(made.path, tmp_path / "new", AT)
    assert titles(tmp_path / "new" / "sketches") == titles(tmp_path / "data" / "sketches")


def test_refusals(tmp_path: Path) -> None:
    """Each names what is wrong, and writes nothing."""
    data = filled(tmp_path / "data")
    (tmp_path / "there.tar").touch()
    (tmp_path / "link").symlink_to(data / "notes")
    (tmp_path / "empty").mkdir()
    cases = {
        (data, data / "backups"): "lies in the data folder",
        (data, data): "lies in the data folder",
        (data, tmp_path / "link" / "x.tar"): "lies in the data folder",
        (data, tmp_path / "there.tar"): "is there already",
        (data, tmp_path / "there.tar" / "x.tar"): "no backup was written",
        (tmp_path / "empty", tmp_path / "to"): "nothing in",
    }
    for (source, to), sentence in cases.items():
        with pytest.raises(StateError, match=sentence):
            back_up(source, to, AT)
    with pytest.raises(StateError, match="give a folder"):
        back_up(data, tmp_path / "x.tar", AT, 3)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "empty", "link", "there.tar", "to"]
    assert list((tmp_path / "to").iterdir()) == []
    assert not (data / "backups").exists()


def test_a_damaged_database_is_not_backed_up(tmp_path: Path) -> None:
    """It is named, and the backups from before stay."""
    data, to = filled(tmp_path / "data", 2000), tmp_path / "to"
    back_up(data, to, AT, 1)
    with (data / "blendwatch.sqlite").open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xff" * 3 * 4096)
    with pytest.raises(StateError, match=r"blendwatch\.sqlite.*no backup was written"):
        back_up(data, to, AT + timedelta(days=1), 1)
    assert [p.name for p in to.iterdir()] == ["blendwatch-20260405T060708Z.tar.gz"]


@pytest.mark.parametrize("limit", [10_000, 100_000])
def test_a_disk_that_is_full_leaves_nothing(tmp_path: Path, limit: int) -> None:
    """Where the database's copy or the archive itself no longer fits: one sentence, and no file, half or whole."""
    data, to = filled(tmp_path / "data"), tmp_path / "to"
    (data / "notes" / "large").write_bytes(os.urandom(200_000))
    told = on_a_full_disk(limit, "state.backup.backup:back_up", data, to)
    assert told.endswith("no backup was written")
    assert list(to.iterdir()) == []


def test_what_a_killed_backup_left_is_removed_a_day_later(tmp_path: Path) -> None:
    """Not before: it might be that of a backup under way."""
    data, to = filled(tmp_path / "data"), tmp_path / "to"
    left = to / ".blendwatch-backup-abc"
    left.mkdir(parents=True)
    (left / ".part").touch()
    now = datetime.now(UTC)
    back_up(data, to, now)
    assert left.exists()
    back_up(data, to, now + timedelta(days=2))
    assert not left.exists()


def test_links_are_followed_and_what_cannot_be_read_to_its_end_is_left_out(tmp_path: Path) -> None:
    """Sketches on another disk are part of the backup; loops, pipes and dead links end nothing."""
    data = filled(tmp_path / "data")
    (data / "sketches").rename(tmp_path / "elsewhere")
    (data / "sketches").symlink_to(tmp_path / "elsewhere")
    (data / "notes" / "loop").symlink_to(data)
    (data / "dead").symlink_to(tmp_path / "nowhere")
    os.mkfifo(data / "pipe")
    made = back_up(data, tmp_path / "x.tar", AT)
    assert (made.manifest.sketches, len(made.manifest.files)) == (4, 8)
    restore(made.path, tmp_path / "new", AT)
    assert held(tmp_path / "new") == held(data)


def test_compaction_and_backup_wait_for_each_other(tmp_path: Path) -> None:
    """While sketches are rewritten a backup is refused, with the reason."""
    data = filled(tmp_path / "data")
    with lock_sketches(data / "sketches"), pytest.raises(StateError, match="another process uses the sketches"):
        back_up(data, tmp_path / "to", AT)
    assert verify(back_up(data, tmp_path / "to", AT).path).sketches == 4
