"""Compaction removes unreachable records, and nothing else, even if it is killed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from analyzers.records import RepoRef
from state.data_folder import disk_errors, lock_sketches
from state.errors import StateError
from state.sketches.compaction import compact, leftovers, survey
from state.sketches.store import SketchStore, StoredSketch
from tests.state.dying import DIED, ENDED, deaths, on_a_full_disk
from tests.state.sketches.test_store import READ_AT, SPEC, files, plain, several, stored, titles


def history(folder: Path) -> None:
    """Five models; one read three times over in two classes, one at two revisions, one damaged."""
    store = SketchStore(folder)
    store.put_all(several(5))
    first = several(1)[0]
    for days, values in ((1, plain() + 7), (2, (plain() + 8).astype(np.float16))):
        store.put(replace(stored(values, ref=first.sketch.ref, title="m0"), read_at=READ_AT + timedelta(days=days)))
    store.put(stored(plain() + 9, ref=RepoRef("org/m1", "d" * 40), title="m1 again"))
    bits = next(path for path in folder.glob("*.bits") if path.stat().st_size > 32)
    content = bytearray(bits.read_bytes())
    content[3 * 32] ^= 1  # of m3
    bits.write_bytes(content)
    store.close()


def everything(folder: Path) -> list[StoredSketch]:
    """Return all that a store hands out, without the values."""
    store = SketchStore(folder)
    found = [replace(s, sketch=replace(s.sketch, samples={})) for s in store.all(SPEC)]
    store.close()
    return sorted(found, key=lambda s: (s.sketch.ref, s.read_at))


def values(folder: Path) -> list[list[float]]:
    """Return the values of all that a store hands out."""
    return sorted(x.values.tolist() for s in SketchStore(folder).all(SPEC) for x in s.sketch.samples.values())


def test_a_store_gives_the_same_before_and_after(tmp_path: Path) -> None:
    """Damaged and superseded records go; every sketch that was found is found, with its values; again, nothing goes."""
    history(tmp_path)
    before, values_before = everything(tmp_path), values(tmp_path)
    found = survey(tmp_path)
    assert (found.kept, found.damaged, found.superseded, found.unwanted) == (5, 1, 2, 0)
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    compact(found)
    assert (everything(tmp_path), values(tmp_path)) == (before, values_before)
    freed = size - sum(path.stat().st_size for path in tmp_path.iterdir())
    assert found.bytes - 100 < freed <= found.bytes  # the new first line names its records
    again = survey(tmp_path)
    assert (again.kept, again.bytes, list(leftovers(tmp_path))) == (5, 0, [])


def test_a_compacted_pack_is_written_on_and_compacted_again(tmp_path: Path) -> None:
    """New sketches come after the kept ones; each compaction gives the records a name of their own."""
    SketchStore(tmp_path).put_all(several(4))
    for number, gone in enumerate(("org/m0", "org/m2"), start=1):
        compact(survey(tmp_path, lambda entry, gone=gone: entry.repo_id == gone))  # type: ignore[misc]
        assert files(tmp_path)[1].name.endswith(f".{number}.bits")
    SketchStore(tmp_path).put_all(several(6))
    assert titles(tmp_path) == ["m0", "m1", "m2", "m3", "m4", "m5"]
    assert values(tmp_path) == sorted((plain() + i).tolist() for i in range(6))


def test_a_pack_without_sketches_goes_and_can_begin_again(tmp_path: Path) -> None:
    """Where nothing is wanted, nothing is left; the next sketch begins a new pack."""
    SketchStore(tmp_path).put_all(several(2))
    compact(survey(tmp_path, lambda _: True))
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]
    SketchStore(tmp_path).put_all(several(1))
    assert titles(tmp_path) == ["m0"]


def compact_all(folder: Path) -> None:
    """Compact a folder."""
    compact(survey(folder))


def test_killed_at_any_call_nothing_is_lost(tmp_path: Path) -> None:
    """Death before each sync, rename and removal: the store gives the same, and the next compaction ends the work."""
    folders = [tmp_path / str(call) for call in range(1, 21)]
    for folder in folders:
        history(folder)
    before = [(everything(folder), values(folder)) for folder in folders]
    codes = deaths("tests.state.sketches.test_compaction:compact_all", folders)
    for folder, was in zip(folders, before, strict=True):
        assert (everything(folder), values(folder)) == was
        compact_all(folder)
        for path in leftovers(folder):
            path.unlink()
        assert (everything(folder), values(folder)) == was
        assert survey(folder).bytes == 0
    assert (codes.count(DIED) >= 6, codes[-1]) == (True, ENDED)


def compact_or_say(folder: Path, now: object) -> None:
    """Compact a folder, as pruning does."""
    with disk_errors(folder):
        compact_all(folder)


def test_a_disk_that_is_full_loses_nothing(tmp_path: Path) -> None:
    """The pack stays as it was, and what was half written is found to be left over."""
    SketchStore(tmp_path).put_all(several(50))
    SketchStore(tmp_path).put(replace(several(1)[0], title="newer"))
    before = everything(tmp_path), values(tmp_path)
    assert "File too large" in on_a_full_disk(1000, "tests.state.sketches.test_compaction:compact_or_say", tmp_path)
    assert (everything(tmp_path), values(tmp_path)) == before
    assert len(list(leftovers(tmp_path))) == 1


def test_a_folder_in_use_is_not_compacted(tmp_path: Path) -> None:
    """An open store keeps compaction away, and the other way round; several stores share."""
    first, second = SketchStore(tmp_path), SketchStore(tmp_path)
    first.close()
    with pytest.raises(StateError, match="another process uses the sketches"), lock_sketches(tmp_path):
        pass
    second.close()
    with lock_sketches(tmp_path), pytest.raises(StateError, match="another process uses the sketches"):
        SketchStore(tmp_path)
    SketchStore(tmp_path)


def test_a_newer_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    """A newer version's files are not taken for damage."""
    SketchStore(tmp_path).put_all(several(1))
    lines, _ = files(tmp_path)
    lines.write_bytes(lines.read_bytes().replace(b"sketches 2", b"sketches 9"))
    with pytest.raises(StateError, match=r"newer version \(format 9\)"):
        titles(tmp_path)
    assert lines.exists()


@pytest.mark.parametrize("name", ["../x.bits", "other.bits", 7])
def test_a_line_that_names_foreign_records_is_damage(tmp_path: Path, name: object) -> None:
    """The records of a pack lie beside its lines, under its own name."""
    SketchStore(tmp_path).put_all(several(2))
    compact(survey(tmp_path, lambda entry: entry.repo_id == "org/m0"))
    lines, bits = files(tmp_path)
    shown = f'"{name}"' if isinstance(name, str) else str(name)
    lines.write_bytes(lines.read_bytes().replace(f'"{bits.name}"'.encode(), shown.encode()))
    assert titles(tmp_path) == []
    assert sorted(path.name for path in tmp_path.glob("*.broken")) == sorted(f"{p.name}.broken" for p in (lines, bits))
