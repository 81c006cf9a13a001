"""A restore puts back all or nothing, and removes nothing, whatever it is given and whatever it is killed by."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from filelock import FileLock

from state.backup.archive import verify
from state.backup.backup import back_up
from state.backup.restore import _refuse_to_move, restore
from state.data_folder import refuse_unfinished_restore
from state.errors import StateError
from state.sketches.store import SketchStore
from state.store import Store
from tests.state.dying import DIED, ENDED, deaths, on_a_full_disk
from tests.state.events import NOW, event
from tests.state.folders import files_in, filled, held

AT = datetime(2026, 4, 5, 6, 7, 8, tzinfo=UTC)
Members = dict[str, bytes]


def backed_up(folder: Path, name: str = "b.tar.gz") -> Path:
    """Return a backup of a filled folder."""
    return back_up(filled(folder / "source"), folder / name, AT).path


def members(archive: Path) -> Members:
    """Return the members of an archive."""
    found: Members = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            content = tar.extractfile(member)
            assert content is not None
            found[member.name] = content.read()
    return found


def rewritten(archive: Path, change: Callable[[Members], object]) -> Path:
    """Write an archive with other members."""
    held = members(archive)
    change(held)
    path = archive.with_name("changed.tar")
    with tarfile.open(path, "w") as tar:
        for name, content in held.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def claimed(**values: object) -> Callable[[Members], object]:
    """Return a manifest with other claims."""

    def change(held: Members) -> None:
        held["manifest.json"] = json.dumps(json.loads(held["manifest.json"]) | values).encode()

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda m: m.pop("manifest.json"), "it has no manifest"),
        (lambda m: m.pop("data/absences.json"), "absences.json is not what the manifest says"),
        (lambda m: m.update({"data/absences.json": b"{}"}), "absences.json is not what the manifest says"),
        (lambda m: m.update({"after": b""}), "'after' does not belong in one"),
        (lambda m: m.update({"manifest.json": b"{}"}), "its manifest"),
        (claimed(backup_format=2, blendwatch="9.9"), r"made by a newer version, 9\.9"),
        (claimed(schema_revision="9999"), r"its database has revision 9999\): update the program"),
    ],
)
def test_an_archive_that_is_not_what_it_says_changes_nothing(
    tmp_path: Path, change: Callable[[Members], object], sentence: str
) -> None:
    """Missing, changed and added files, and what a newer version wrote, are named before anything is touched."""
    archive = rewritten(backed_up(tmp_path), change)
    with pytest.raises(StateError, match=sentence):
        restore(archive, tmp_path / "new", AT, force=True)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "name",
    ["../evil", "data/../../evil", "/evil", "data//evil", "data/./evil", "data/a\\b", "data/", "data/watch.lock",
     "data/.restore-ready/x", "data/before-restore-x/y"],
)  # fmt: skip
def test_no_path_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    """A path that backups never write is refused by name, though the manifest lists it."""
    archive = rewritten(backed_up(tmp_path), lambda m: m.update({name: b"", "manifest.json": m.pop("manifest.json")}))
    with pytest.raises(StateError, match="does not belong in one"):
        restore(archive, tmp_path / "new", AT)
    assert not (tmp_path / "new").exists()
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_have_no_place(tmp_path: Path, kind: bytes) -> None:
    """Only plain files are taken."""
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo("data/absences.json")
        info.type, info.linkname = kind, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(StateError, match=r"'data/absences\.json' does not belong in one"):
        restore(path, tmp_path / "new", AT)


@pytest.mark.parametrize("name", ["b.tar", "b.tar.gz"])
@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.8])
def test_a_truncated_archive_is_refused(tmp_path: Path, name: str, part: float) -> None:
    """Cut off anywhere, also where a member ends: the manifest is the last thing written."""
    archive = backed_up(tmp_path, name)
    content = archive.read_bytes()
    archive.write_bytes(content[: int(len(content) * part) // 512 * 512])
    with pytest.raises(StateError, match=r"b\.tar.* is not a backup of Blendwatch"):
        restore(archive, tmp_path / "new", AT)
    assert not (tmp_path / "new").exists()


def test_one_wrong_bit_is_seen(tmp_path: Path) -> None:
    """In a gzipped archive and in a plain one, wherever it is."""
    plain = backed_up(tmp_path, "b.tar")
    packed = tmp_path / "b.tar.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert verify(packed) == verify(plain)
    for path in (plain, packed):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 16
        path.write_bytes(content)
        with pytest.raises(StateError, match=str(path)):
            verify(path)


def test_no_archive_at_all(tmp_path: Path) -> None:
    """Text, another tar, a folder and nothing: one sentence each."""
    (tmp_path / "text").write_text("no archive")
    with tarfile.open(tmp_path / "other.tar", "w") as tar:
        tar.add(__file__, "x.py")
    for name in ("text", "other.tar", ".", "missing"):
        with pytest.raises(StateError):
            restore(tmp_path / name, tmp_path / "new", AT)
    assert not (tmp_path / "new").exists()


def test_a_folder_that_holds_something_is_refused_and_with_force_moved_aside(tmp_path: Path) -> None:
    """Nothing is removed: what was there lies in a folder of its own, and the next backup leaves that out."""
    archive = backed_up(tmp_path)
    there = filled(tmp_path / "there", 7)
    before = files_in(there)
    with pytest.raises(StateError, match=r"is not empty \(it holds absences\.json\): use --force"):
        restore(archive, there, AT)
    assert files_in(there) == before
    done = restore(archive, there, AT, force=True)
    assert done.aside == there / "before-restore-20260405T060708Z"
    assert files_in(done.aside) == before
    assert held(there) == held(tmp_path / "source")
    later = back_up(there, tmp_path / "later.tar", AT + timedelta(days=1))
    assert later.manifest.files.keys() == verify(archive).files.keys()


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    """By a watch, or by a check that reads sketches."""
    archive, there = backed_up(tmp_path), filled(tmp_path / "there")
    before = files_in(there)
    with FileLock(there / "watch.lock"), pytest.raises(StateError, match="a watch is running on"):
        restore(archive, there, AT, force=True)
    sketches = SketchStore(there / "sketches")
    with pytest.raises(StateError, match="another process uses the sketches"):
        restore(archive, there, AT, force=True)
    sketches.close()
    assert files_in(there) == before
    restore(archive, there, AT, force=True)


def test_what_is_mounted_below_cannot_be_moved_aside() -> None:
    """It is found before anything is moved. The root of any system has such folders; they are but looked at."""
    with pytest.raises(StateError, match="is a disk of its own and cannot be moved aside"):
        _refuse_to_move(Path("/"), force=True)


def test_an_archive_in_the_folder_itself_is_refused(tmp_path: Path) -> None:
    """It would be moved aside, and a restore that was cut short could not be ended with it."""
    archive = backed_up(tmp_path)
    with pytest.raises(StateError, match="move it first"):
        restore(archive, tmp_path, AT, force=True)


def test_a_damaged_database_is_not_put_back(tmp_path: Path) -> None:
    """The archive is whole; the old data stays."""
    archive = backed_up(tmp_path, "b.tar")
    source = tmp_path / "source"
    whole = members(archive)["data/blendwatch.sqlite"]
    bad = whole[:8192] + b"\xff" * 8192 + whole[16384:]

    def damage(held: Members) -> None:
        held["data/blendwatch.sqlite"] = bad
        files = json.loads(held["manifest.json"])["files"]
        files["blendwatch.sqlite"]["sha256"] = hashlib.sha256(bad).hexdigest()
        claimed(files=files)(held)

    before = files_in(source)
    with pytest.raises(StateError, match=r"the database in .*changed\.tar is damaged"):
        restore(rewritten(archive, damage), source, AT, force=True)
    assert files_in(source) == before


def test_a_disk_that_is_full_changes_nothing(tmp_path: Path) -> None:
    """One sentence that names the folder; no half of the new data stays."""
    archive = backed_up(tmp_path)
    told = on_a_full_disk(10_000, "state.backup.restore:restore", archive, tmp_path / "new")
    assert told == f"{tmp_path / 'new'}: File too large"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["watch.lock"]
    restore(archive, tmp_path / "new", AT)


def restore_over(there: Path) -> None:
    """Restore the backup that lies beside a folder into it."""
    restore(there.parent / "b.tar.gz", there, AT, force=True)


def test_killed_at_any_call_the_old_or_the_new_is_whole(tmp_path: Path) -> None:
    """Either nothing has changed, or nothing opens the folder until the same command has ended the restore."""
    archive = backed_up(tmp_path)
    new = held(tmp_path / "source")
    there_before = filled(tmp_path / "before", 7)
    old, before = held(there_before), files_in(there_before)
    folders = [shutil.copytree(there_before, tmp_path / str(call)) for call in range(1, 71)]
    codes = deaths("tests.state.backup.test_restore:restore_over", folders)
    held_back = 0
    for there in folders:
        try:
            refuse_unfinished_restore(there)
        except StateError:
            held_back += 1
            done = restore(archive, there, AT + timedelta(hours=1))
            assert done.ended
            assert done.aside is not None
            assert held(there) == new
            assert files_in(done.aside) == before
        else:
            assert held(there) in (old, new)
    assert (codes.count(DIED) >= 15, codes[-1], held_back >= 8) == (True, ENDED, True)


def test_an_earlier_restore_is_ended_before_another_backup_is_taken(tmp_path: Path) -> None:
    """The other archive is not used, and the sentence says so."""
    archive, there = backed_up(tmp_path), tmp_path / "there"
    other = back_up(filled(tmp_path / "other", 5), tmp_path / "other.tar", AT).path
    restore(archive, there, AT)
    (there / ".restore-ready" / "data").mkdir(parents=True)
    (there / ".restore-ready" / "aside").write_text("before-restore-x")
    (there / ".restore-ready" / "manifest.json").write_bytes(members(archive)["manifest.json"])
    with pytest.raises(StateError, match=r"is ended now; .*other\.tar is another"):
        restore(other, there, AT, force=True)
    refuse_unfinished_restore(there)
    assert held(there / "before-restore-x") == held(tmp_path / "source")


def test_a_restored_store_goes_on(tmp_path: Path) -> None:
    """New uploads are recorded, the cursor does not go back, and no alert is sent again."""
    archive = backed_up(tmp_path)
    restore(archive, tmp_path / "new", AT)
    with Store.open(f"sqlite:///{tmp_path / 'new' / 'blendwatch.sqlite'}") as store:
        assert store.cursor("feed") == NOW
        assert store.record("feed", [event("org/m0"), event("org/fresh")], NOW, NOW) == 1
        assert len(store.claim(NOW, 60, 10)) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """In one sentence."""
    archive = backed_up(tmp_path)
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(StateError, match=r"closed.*Permission denied"):
        restore(archive, tmp_path / "closed" / "new", AT)
