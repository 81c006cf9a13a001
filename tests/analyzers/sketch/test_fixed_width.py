"""A record holds a sketch bit for bit, and gives its values as float32 exactly, in whatever types they are stored."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from analyzers.records import RepoRef, Sample, SampleSpec, Sketch, SliceKey
from analyzers.sketch.fixed_width import SketchClass

BF16 = np.dtype(ml_dtypes.bfloat16)
SPEC = SampleSpec(windows=4, elements=64)


def sketch(*sizes: tuple[np.dtype[np.generic], int], rows: int = 8, row: int = 4) -> Sketch:
    """A sketch with one slice of each type and size."""
    rng = np.random.default_rng(1)
    samples = {
        SliceKey("w", i): Sample(rows, 64, row, rng.normal(0, 1, size).astype(np.float32).astype(dtype))
        for i, (dtype, size) in enumerate(sizes)
    }
    return Sketch(RepoRef("a/b", "0" * 40), SPEC, samples)


F16, F32 = np.dtype(np.float16), np.dtype(np.float32)
MIXED = ((BF16, 12), (F32, 7), (F16, 5), (BF16, 64), (F32, 2), (BF16, 6))
ALL = pytest.mark.parametrize("sizes", [MIXED, ((BF16, 256),) * 3, ((BF16, 7), (BF16, 8)), ((F32, 5),), ()], ids=str)


def values(of: SketchClass, one: Sketch) -> list[float]:
    """The sketch's values in the order of the class's slots."""
    return [float(v) for slot in of.slots for v in one.samples[slot.key].values]


@ALL
def test_bits_survive(sizes: tuple[tuple[np.dtype[np.generic], int], ...]) -> None:
    """Packed and unpacked, every slice is as it was."""
    one = sketch(*sizes)
    of = SketchClass.of(one)
    record = of.pack(one)
    assert len(record) == of.width
    assert of.width % 8 == 0
    back = of.unpack(record, [8] * len(of.slots))
    assert list(back) == sorted(one.samples)
    for key, sample in one.samples.items():
        assert (back[key].rows, back[key].cols, back[key].row) == (sample.rows, sample.cols, sample.row)
        assert back[key].values.dtype == sample.values.dtype
        assert back[key].values.tobytes() == sample.values.tobytes()


@ALL
def test_records_are_widened_exactly(sizes: tuple[tuple[np.dtype[np.generic], int], ...]) -> None:
    """`widen` writes each value where `order` says."""
    one = sketch(*sizes)
    of = SketchClass.of(one)
    records = np.frombuffer(of.pack(one) * 3, np.uint8).reshape(3, of.width)
    out = np.empty((3, of.columns), np.float32)
    of.widen(records, out)
    assert sorted(of.order) == list(range(of.columns))
    expected = np.array(values(of, one), np.float32)[of.order]
    assert all(np.array_equal(row, expected) for row in out)


@ALL
def test_probes_give_their_columns(sizes: tuple[tuple[np.dtype[np.generic], int], ...]) -> None:
    """`take` gives the values at the columns that each probe names, all of them within its slot."""
    one = sketch(*sizes)
    of = SketchClass.of(one)
    shared = list(of.shared(one))
    assert [slot for slot, _ in shared] == list(of.slots)
    probes = [of.probe(slot, column, 32) for slot, column in shared]
    for probe, (slot, column) in zip(probes, shared, strict=True):
        assert all(column <= c < column + slot.size for c in probe.columns)
        assert len(probe.columns) >= min(32, slot.size) - 6
    if probes:
        records = np.frombuffer(of.pack(one) * 2, np.uint8).reshape(2, of.width)
        expected = np.array(values(of, one), np.float32)[np.concatenate([p.columns for p in probes])]
        assert np.array_equal(of.take(records, probes), np.stack([expected, expected]))


def test_what_makes_a_class() -> None:
    """More rows leave the class as it is; another row, type or size does not. It is described and read back."""
    one = SketchClass.of(sketch(*MIXED))
    assert SketchClass.of(sketch(*MIXED, rows=16)) == one
    others = [sketch(*MIXED, row=0), sketch(*MIXED[1:]), sketch((BF16, 16), *MIXED[1:])]
    assert len({one.digest, *(SketchClass.of(o).digest for o in others)}) == 4
    assert SketchClass.parse(SPEC, one.describe()) == one
    assert len(list(one.shared(sketch(*MIXED[:2], (F32, 5))))) == 3  # another type at the same coordinates is shared
    with pytest.raises(ValueError, match="never sampled"):
        SketchClass.parse(SPEC, [["w", 0, -1, 8, 4, 5, "F8"]])
    with pytest.raises(ValueError, match="type float64"):
        SketchClass.of(sketch((np.dtype(np.float64), 4)))
