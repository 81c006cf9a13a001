"""Sketches survive bit for bit, appear whole or not at all, and damage is no disaster."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import save_file

from analyzers.records import RepoRef, Sample, SampleSpec, Sketch, SliceKey
from state.errors import StateError
from state.sketches import SketchStore, StoredSketch

REF = RepoRef("org/name", "a" * 40)
SPEC = SampleSpec(seed=3, windows=2, elements=4)
READ_AT = datetime(2026, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
BITS = {np.dtype(ml_dtypes.bfloat16): np.uint16, np.dtype(np.float16): np.uint16, np.dtype(np.float32): np.uint32}


def stored(values: NDArray[Any], *, ref: RepoRef = REF, spec: SampleSpec = SPEC, title: str = "Näme") -> StoredSketch:
    """A sketch of one sample."""
    samples = {SliceKey("mlp.down_proj.weight", 7, 2): Sample(16, 32, 5, values)}
    return StoredSketch(Sketch(ref, spec, samples), datetime(2026, 1, 2, tzinfo=UTC), ("org/base",), title, READ_AT)


def plain() -> NDArray[Any]:
    """Values where any will do."""
    return np.arange(8, dtype=np.float32)


def only_file(folder: Path) -> Path:
    """The one sketch in a folder."""
    (path,) = folder.glob("*.safetensors")
    return path


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
    ((key, sample),) = got.sketch.samples.items()
    assert key == SliceKey("mlp.down_proj.weight", 7, 2)
    assert (sample.rows, sample.cols, sample.row) == (16, 32, 5)
    assert sample.values.tolist() == [0, 2, 4, 6]


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
    """`all` gives every sketch of one spec, skips damaged ones, and leaves other specs alone."""
    store = SketchStore(tmp_path)
    refs = [RepoRef(f"org/m{i}", "c" * 40) for i in range(3)]
    for ref in refs:
        store.put(stored(plain(), ref=ref))
    store.put(stored(plain(), spec=SampleSpec()))
    (tmp_path / f"{SPEC.name}-0.safetensors").write_bytes(b"rubbish")
    assert {s.sketch.ref for s in store.all(SPEC)} == set(refs)
    assert [s.sketch.spec for s in store.all(SampleSpec())] == [SampleSpec()]


@pytest.mark.parametrize("kept", [0, 1, 7, 8, 9, 100, -1])
def test_truncated(tmp_path: Path, kept: int) -> None:
    """A file cut off anywhere is absent, set aside as *.broken, and can be written anew."""
    store = SketchStore(tmp_path)
    store.put(stored(plain()))
    path = only_file(tmp_path)
    path.write_bytes(path.read_bytes()[:kept])
    assert store.get(REF, SPEC) is None
    assert [p.suffix for p in tmp_path.iterdir()] == [".broken"]
    store.put(stored(plain()))
    assert store.get(REF, SPEC) is not None


def test_foreign(tmp_path: Path) -> None:
    """A sound safetensors file that is no sketch, or is another model's, is absent and set aside."""
    store = SketchStore(tmp_path)
    store.put(stored(plain()))
    path = only_file(tmp_path)
    save_file({"x": plain()}, path, metadata={"format": "np"})
    assert store.get(REF, SPEC) is None
    store.put(stored(plain(), ref=RepoRef("other/model", "d" * 40)))
    only_file(tmp_path).replace(path)
    assert store.get(REF, SPEC) is None
    assert list(store.all(SPEC)) == []


KILLED = """
import os, sys
from pathlib import Path
from tests.state.test_sketches import plain, stored
from state.sketches import SketchStore
os.fsync = lambda handle: os._exit(9)
SketchStore(Path(sys.argv[1])).put(stored(plain(), title="new"))
"""


def test_killed_while_writing(tmp_path: Path) -> None:
    """A process that dies before its bytes are safe leaves the older sketch as it was."""
    store = SketchStore(tmp_path)
    store.put(stored(plain(), title="old"))
    assert subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False).returncode == 9
    got = store.get(REF, SPEC)
    assert got is not None
    assert got.title == "old"
    assert [s.title for s in store.all(SPEC)] == ["old"]


def test_failed_write_leaves_nothing(tmp_path: Path) -> None:
    """A write that cannot finish says so and leaves no temporary file."""
    store = SketchStore(tmp_path)
    store.put(stored(plain()))
    path = only_file(tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(StateError, match="org/name@aaaaaaaaaaaa cannot be written"):
        store.put(stored(plain()))
    assert list(tmp_path.iterdir()) == [path]


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
