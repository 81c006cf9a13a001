"""Sketches survive bit for bit, appear whole or not at all, and damage loses only the damaged sketch."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from analyzers.records import RepoRef, Sample, SampleSpec, Sketch, SliceKey
from state.errors import StateError
from state.sketches.store import SketchStore, StoredSketch

REF = RepoRef("org/name", "a" * 40)
SPEC = SampleSpec(seed=3, windows=2, elements=4)
READ_AT = datetime(2026, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
BITS = {np.dtype(ml_dtypes.bfloat16): np.uint16, np.dtype(np.float16): np.uint16, np.dtype(np.float32): np.uint32}


def stored(values: NDArray[Any], *, ref: RepoRef = REF, spec: SampleSpec = SPEC, title: str = "Näme") -> StoredSketch:
    """Return a sketch of one sample."""
    samples = {SliceKey("mlp.down_proj.weight", 7, 2): Sample(16, 32, 5, values)}
    return StoredSketch(Sketch(ref, spec, samples), datetime(2026, 1, 2, tzinfo=UTC), ("org/base",), title, READ_AT)


def plain() -> NDArray[Any]:
    """Values where any will do."""
    return np.arange(8, dtype=np.float32)


def files(folder: Path) -> tuple[Path, Path]:
    """Return the lines and the records of the one pack in a folder."""
    (lines,), (bits,) = folder.glob("*.lines"), folder.glob("*.bits")
    return lines, bits


def titles(folder: Path) -> list[str]:
    """Return the titles that a new process finds."""
    return sorted(s.title for s in SketchStore(folder).all(SPEC))


def several(count: int) -> list[StoredSketch]:
    """Sketches of one class with different weights."""
    return [stored(plain() + i, ref=RepoRef(f"org/m{i}", "c" * 40), title=f"m{i}") for i in range(count)]


@pytest.mark.parametrize("dtype", BITS, ids=str)
def test_bits_come_back(tmp_path: Path, dtype: np.dtype[Any]) -> None:
    """Every bit pattern of every stored type comes back as it was, NaN payloads and negative zero included."""
    bits = BITS[dtype]
    patterns = np.arange(2**16, dtype=np.uint32) * (2**16 + 1) if bits is np.uint32 else np.arange(2**16)
    store = SketchStore(tmp_path)
    store.put(stored(patterns.astype(bits).view(dtype)))
    found = SketchStore(tmp_path).get(REF, SPEC)
    assert found is not None
    (values,) = (sample.values for sample in found.sketch.samples.values())
    assert values.dtype == dtype
    assert np.array_equal(values.view(bits), patterns.astype(bits))


def test_everything_else_comes_back(tmp_path: Path) -> None:
    """Coordinates, reference, times, declared parents and title come back equal."""
    store = SketchStore(tmp_path)
    put = stored(plain()[::2])  # a view with gaps, as slicing makes them
    store.put(put)
    got = store.get(REF, SPEC)
    assert got is not None
    assert (got.sketch.ref, got.sketch.spec) == (REF, SPEC)
    assert (got.weights_at, got.declares, got.title, got.read_at) == (
        put.weights_at,
        put.declares,
        put.title,
        put.read_at,
    )
    assert (got.hub_id, got.seen_at) == (None, None)
    told = replace(put, hub_id="6a" * 12, seen_at=READ_AT - timedelta(days=1))
    store.put(told)
    again = SketchStore(tmp_path).get(REF, SPEC)
    assert again is not None
    assert (again.hub_id, again.seen_at) == (told.hub_id, told.seen_at)
    ((key, sample),) = got.sketch.samples.items()
    assert key == SliceKey("mlp.down_proj.weight", 7, 2)
    assert (sample.rows, sample.cols, sample.row) == (16, 32, 5)
    assert sample.values.tolist() == [0, 2, 4, 6]


def test_the_history_of_a_repository(tmp_path: Path) -> None:
    """The Hub's own id identifies it under any name, and from another that took its name; else the name does."""
    store, mine, theirs = SketchStore(tmp_path), "6a" * 12, "6b" * 12
    read = [("org/old", None), ("org/old", mine), ("new/name", mine), ("org/old", theirs)]
    for day, (name, hub_id) in enumerate(read):
        one = stored(plain() + day, ref=RepoRef(name, f"{day}" * 40))
        store.put(replace(one, hub_id=hub_id, read_at=READ_AT + timedelta(days=day)))

    def history(name: str, hub_id: str | None) -> list[int]:
        return [int(p.entry.revision[0]) for p in store.history(name, hub_id, SPEC)]

    assert history("new/name", mine) == [1, 2]
    assert history("Org/Old", mine) == [0, 1, 2]
    assert history("org/old", theirs) == [0, 3]
    assert history("org/old", None) == [0, 1, 3]
    assert history("no/where", "6c" * 12) == []


@given(role=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
@settings(max_examples=30, deadline=None)
def test_any_role_is_a_name(tmp_path_factory: pytest.TempPathFactory, role: str) -> None:
    """A role may hold any character, the separator of written keys too: uploaders choose tensor names."""
    store = SketchStore(tmp_path_factory.mktemp("sketches"))
    samples = {SliceKey(role, 1): Sample(1, 8, 0, plain())}
    store.put(StoredSketch(Sketch(REF, SPEC, samples), None, (), "", READ_AT))
    got = store.get(REF, SPEC)
    assert got is not None
    assert list(got.sketch.samples) == [SliceKey(role, 1)]


def test_absent(tmp_path: Path) -> None:
    """Another revision, another spec and an empty folder give None."""
    store = SketchStore(tmp_path / "new" / "folder")
    assert store.get(REF, SPEC) is None
    store.put(stored(plain()))
    assert store.get(RepoRef("org/name", "b" * 40), SPEC) is None
    assert store.get(REF, SampleSpec()) is None


def test_empty_sketch(tmp_path: Path) -> None:
    """A sketch without samples is kept too: nothing comparable is an answer."""
    store = SketchStore(tmp_path)
    store.put(StoredSketch(Sketch(REF, SPEC, {}), None, (), "", READ_AT))
    got = store.get(REF, SPEC)
    assert got is not None
    assert got.sketch.samples == {}


def test_all(tmp_path: Path) -> None:
    """`all` gives every sketch of one spec, skips foreign files, and leaves other specs alone."""
    store = SketchStore(tmp_path)
    store.put_all(several(3))
    store.put(stored(plain(), spec=SampleSpec()))
    (tmp_path / f"{SPEC.name}-0.lines").write_bytes(b"rubbish\nand more\n")
    assert titles(tmp_path) == ["m0", "m1", "m2"]
    assert [s.sketch.spec for s in SketchStore(tmp_path).all(SampleSpec())] == [SampleSpec()]
    assert [p.name for p in tmp_path.glob("*.broken")] == [f"{SPEC.name}-0.lines.broken"]


def test_one_pack_for_each_class(tmp_path: Path) -> None:
    """More rows are the same class, another row or type another; every sketch comes back with its own rows."""
    samples = {
        "a": Sample(16, 32, 5, plain()),
        "b": Sample(24, 32, 5, plain()),
        "c": Sample(16, 32, 6, plain()),
        "d": Sample(16, 32, 5, plain().astype(np.float16)),
    }
    store = SketchStore(tmp_path)
    for name, sample in samples.items():
        sketch = Sketch(RepoRef(f"org/{name}", "a" * 40), SPEC, {SliceKey("x", 1): sample})
        store.put(StoredSketch(sketch, None, (), name, READ_AT))
    assert len(list(tmp_path.glob("*.bits"))) == 3
    found = {s.title: s.sketch.samples[SliceKey("x", 1)] for s in SketchStore(tmp_path).all(SPEC)}
    assert {n: (s.rows, s.row, s.values.dtype) for n, s in found.items()} == {
        n: (s.rows, s.row, s.values.dtype) for n, s in samples.items()
    }
    like = Sketch(REF, SPEC, {SliceKey("x", 1): Sample(99, 32, 5, plain())})
    assert sorted(len(pack.entries) for pack in store.packs(like)) == [1, 2]


def test_a_newer_sketch_takes_the_place_of_the_older(tmp_path: Path) -> None:
    """The last one put is found, also in another class; one that is equal takes no more room."""
    store = SketchStore(tmp_path)
    store.put(stored(plain(), title="old"))
    store.put(replace(stored(plain(), title="new"), read_at=READ_AT + timedelta(days=1)))
    size = files(tmp_path)[1].stat().st_size
    store.put(replace(stored(plain(), title="new"), read_at=READ_AT + timedelta(days=2)))
    assert files(tmp_path)[1].stat().st_size == size
    assert titles(tmp_path) == ["new"]
    store.put(replace(stored(plain().astype(np.float16), title="half"), read_at=READ_AT + timedelta(days=3)))
    assert titles(tmp_path) == ["half"]
    place = store.find("ORG/name", None, SPEC)
    assert place is not None
    assert place.entry.read_at == (READ_AT + timedelta(days=3)).isoformat()
    assert store.find("org/name", "b" * 40, SPEC) is None


def test_processes_see_each_other(tmp_path: Path) -> None:
    """Two stores on one folder add to the same pack in turn, and each sees what the other kept."""
    first, second = SketchStore(tmp_path), SketchStore(tmp_path)
    for number, one in enumerate(several(6)):
        (first, second)[number % 2].put(one)
    assert [len(list(store.all(SPEC))) for store in (first, second)] == [6, 6]
    for one in several(6):
        found = second.get(one.sketch.ref, SPEC)
        assert found is not None
        assert [s.values.tolist() for s in found.sketch.samples.values()] == [
            s.values.tolist() for s in one.sketch.samples.values()
        ]


PUTS = """
import sys
from pathlib import Path
from dataclasses import replace
from analyzers.records import RepoRef
from tests.state.sketches.test_store import plain, stored
from state.sketches.store import SketchStore
store = SketchStore(Path(sys.argv[1]))
for i in range(20):
    store.put(stored(plain() + i, ref=RepoRef(f"{sys.argv[2]}/m{i}", "a" * 40), title=f"{sys.argv[2]}{i}"))
"""


def test_processes_write_at_once(tmp_path: Path) -> None:
    """All that two processes put at the same time is there afterwards."""
    command = [sys.executable, "-c", PUTS, str(tmp_path)]
    writers = [subprocess.Popen([*command, name]) for name in ("x", "y")]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert titles(tmp_path) == sorted(f"{name}{i}" for name in "xy" for i in range(20))


@pytest.mark.parametrize("cut", [1, 20, 200])
def test_a_torn_last_line_is_ignored_and_overwritten(tmp_path: Path, cut: int) -> None:
    """A line that was cut short does not count; the next sketch takes its place, for open readers too."""
    reader = SketchStore(tmp_path)
    SketchStore(tmp_path).put_all(several(3))
    lines, _ = files(tmp_path)
    lines.write_bytes(lines.read_bytes()[:-cut])
    assert titles(tmp_path) == ["m0", "m1"]
    assert len(list(reader.all(SPEC))) == 2
    SketchStore(tmp_path).put(several(4)[3])
    assert titles(tmp_path) == ["m0", "m1", "m3"]
    assert sorted(s.title for s in reader.all(SPEC)) == ["m0", "m1", "m3"]


@pytest.mark.parametrize("kept", [0, 1, 33, 64, 95])
def test_truncated_records_are_absent(tmp_path: Path, kept: int) -> None:
    """Records that are cut off are absent, the others stay, and the lost ones can be written anew."""
    SketchStore(tmp_path).put_all(several(3))
    _, bits = files(tmp_path)
    bits.write_bytes(bits.read_bytes()[:kept])
    assert titles(tmp_path) == [f"m{i}" for i in range(kept // 32)]
    store = SketchStore(tmp_path)
    lost = several(3)[2]
    store.refresh()
    assert store.find(lost.sketch.ref.repo_id, None, SPEC) is not None  # it is not verified before it is read
    assert store.get(lost.sketch.ref, SPEC) is None
    assert store.find(lost.sketch.ref.repo_id, None, SPEC) is None
    store.put(lost)
    assert store.get(lost.sketch.ref, SPEC) is not None
    assert titles(tmp_path)[-1] == "m2"


def test_damage_is_absence(tmp_path: Path) -> None:
    """One wrong bit in a record, or a line that is not JSON or misses a key, loses that sketch alone."""
    SketchStore(tmp_path).put_all(several(4))
    lines, bits = files(tmp_path)
    content = bytearray(bits.read_bytes())
    content[40] ^= 1
    bits.write_bytes(content)
    written = lines.read_bytes().split(b"\n")
    written[1] = b"[" * len(written[1])
    written[4] = b'{"repo_id": "org/m3"}'
    lines.write_bytes(b"\n".join(written))
    assert titles(tmp_path) == ["m2"]
    SketchStore(tmp_path).put_all(several(5))
    assert titles(tmp_path) == ["m0", "m1", "m2", "m3", "m4"]


def test_a_damaged_first_line_sets_the_pack_aside(tmp_path: Path) -> None:
    """Records without a description are absent and kept as *.broken; a running process begins again."""
    store = SketchStore(tmp_path)
    store.put_all(several(2))
    lines, _ = files(tmp_path)
    lines.write_bytes(b"?" + lines.read_bytes()[1:])
    assert titles(tmp_path) == []
    assert sorted(p.suffix for p in tmp_path.iterdir() if p.suffix != ".lock") == [".broken", ".broken"]
    assert list(store.all(SPEC)) == []
    store.put_all(several(2))
    assert titles(tmp_path) == ["m0", "m1"]


def test_records_are_mapped(tmp_path: Path) -> None:
    """A pack gives its records in the order of its entries, new ones too."""
    store = SketchStore(tmp_path)
    store.put_all(several(5))
    (pack,) = store.packs(stored(plain()).sketch)
    out = np.empty((2, pack.of.columns), np.float32)
    pack.of.widen(pack.records()[3:5], out)
    assert out.tolist() == [(plain() + 3).tolist(), (plain() + 4).tolist()]
    assert [e.repo_id for e in pack.entries if e] == [f"org/m{i}" for i in range(5)]
    store.put(several(7)[6])
    assert pack.records().shape == (6, 32)


KILLED = """
import os, sys
from pathlib import Path
from tests.state.sketches.test_store import plain, stored
from state.sketches.store import SketchStore
syncs, real = [], os.fsync
def fsync(handle):
    syncs.append(handle)
    if len(syncs) == int(sys.argv[2]):
        os._exit(9)
    real(handle)
os.fsync = fsync
SketchStore(Path(sys.argv[1])).put(stored(plain() + 1, title="new"))
"""


@pytest.mark.parametrize(("sync", "kept"), [(1, "old"), (2, "new")])
def test_killed_while_writing(tmp_path: Path, sync: int, kept: str) -> None:
    """A process that dies before its record is safe leaves the older sketch; once the line is there, it counts."""
    store = SketchStore(tmp_path)
    store.put(stored(plain(), title="old"))
    assert subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(sync)], check=False).returncode == 9
    got = store.get(REF, SPEC)
    assert got is not None
    assert got.title == kept
    store.put(stored(plain() + 2, title="newest"))
    assert titles(tmp_path) == ["newest"]


def test_killed_while_beginning(tmp_path: Path) -> None:
    """A process that dies within the first line of a pack leaves nothing that hinders the next."""
    store = SketchStore(tmp_path / "other")
    store.put(stored(plain()))
    lines, _ = files(tmp_path / "other")
    (tmp_path / lines.name).write_bytes(lines.read_bytes()[:50])
    assert titles(tmp_path) == []
    SketchStore(tmp_path).put(stored(plain(), title="next"))
    assert titles(tmp_path) == ["next"]


def test_failed_write(tmp_path: Path) -> None:
    """A write that cannot finish says so, and what was kept before stays."""
    store = SketchStore(tmp_path)
    store.put_all(several(2))
    _, bits = files(tmp_path)
    bits.unlink()
    bits.mkdir()
    with pytest.raises(StateError, match="org/name@aaaaaaaaaaaa cannot be written"):
        store.put(stored(plain()))


def test_refusals(tmp_path: Path) -> None:
    """Values of a type that is never sampled and times without a zone are refused by name."""
    store = SketchStore(tmp_path)
    with pytest.raises(StateError, match="type float64"):
        store.put(stored(np.zeros(3)))
    naive = StoredSketch(Sketch(REF, SPEC, {}), None, (), "", READ_AT.replace(tzinfo=None))
    with pytest.raises(StateError, match="no time zone"):
        store.put(naive)
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot be made"):
        SketchStore(tmp_path / "file")
