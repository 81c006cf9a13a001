"""The true parents are on the short list, whatever else is known."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from analyzers.numbers.rounding import BF16, F32, round_to
from analyzers.records import RepoRef, Sample, SampleSpec, Sketch, SliceKey
from analyzers.shortlist.pursuit import Pick
from analyzers.shortlist.screen import Shortlist, screen
from analyzers.shortlist.stream import Pool
from analyzers.sketch.fixed_width import SketchClass

Array = NDArray[np.float64]
SLICES, SIZE = 14, 256
FAMILIES, CHILDREN = 6, 20
SPEC = SampleSpec(windows=4, elements=64)
SHORT = 16  # of 127 references


def sketch(weights: Array, dtype: np.dtype[np.generic] = BF16, slices: Sequence[int] = range(SLICES)) -> Sketch:
    """Return float64[slices * size] as a sketch of some slices."""
    stored = round_to(weights, dtype).reshape(SLICES, SIZE)
    samples = {SliceKey("w", i): Sample(64, 64, 4, stored[i]) for i in slices}
    return Sketch(RepoRef("new/model", "0" * 40), SPEC, samples)


def pool(rows: Sequence[Array], dtype: np.dtype[np.generic] = BF16, slices: Sequence[int] = range(SLICES)) -> Pool:
    """Return references of one class."""
    sketches = [sketch(row, dtype, slices) for row in rows]
    of = SketchClass.of(sketches[0])
    records = np.frombuffer(b"".join(of.pack(s) for s in sketches), np.uint8).reshape(len(rows), of.width)
    return Pool(of, np.ones(len(rows), bool), records)


def family(seed: int = 0, size: float = 1e-3) -> list[Array]:
    """Return a base, six instruct models, and their children: instruct i is row 1 + i, then the children in order."""
    rng = np.random.default_rng(seed)
    stored = [round_to(rng.normal(0, 0.02, SLICES * SIZE), BF16).astype(np.float64)]
    for spread, origins in ((0.05, [0] * FAMILIES), (size, [1 + i // CHILDREN for i in range(FAMILIES * CHILDREN)])):
        stored += [
            round_to(stored[o] + rng.normal(0, 0.02 * spread, SLICES * SIZE), BF16).astype(np.float64) for o in origins
        ]
    return stored


def child(of: int, number: int) -> int:
    """Return the row of a child of instruct model `of`."""
    return 1 + FAMILIES + of * CHILDREN + number


def mixed(rows: Sequence[Array], truth: dict[int, float]) -> Array:
    """Mix in float32."""
    total = sum((np.float32(c) * rows[i].astype(np.float32) for i, c in truth.items()), np.zeros(1, np.float32))
    return total.astype(np.float64)


A, B, C, D = child(0, 3), child(0, 7), child(3, 0), child(5, 19)
MIXES = [
    {A: 0.7, 0: 0.3},
    {A: 0.55, B: 0.45},
    {A: 0.5, B: 0.3, 1: 0.2},
    {A: 0.6, C: 0.4},
    {A: 0.34, C: 0.33, D: 0.33},
    {A: 0.4, B: 0.3, C: 0.2, D: 0.1},
    {A: 1.3, C: -0.3},
]


@pytest.mark.parametrize("sample", [3000, 30])
@pytest.mark.parametrize("size", [3e-4, 1e-3, 1e-2])
@pytest.mark.parametrize("truth", MIXES, ids=str)
def test_the_parents_are_listed(truth: dict[int, float], size: float, sample: int) -> None:
    """Of one family or several, with and without a sample for stand-ins, at every size of delta."""
    rows = family(size=size)
    found = screen(sketch(mixed(rows, truth)), [pool(rows)], SHORT, sample=sample).picks
    assert len(found) == SHORT
    assert {Pick(0, i) for i in truth} <= set(found)


def test_a_copy_and_a_trained_model_have_their_origin_first() -> None:
    """The nearest comes first: what was copied, and what was trained on from."""
    rows = family()
    noise = np.random.default_rng(3).normal(0, 0.02 * 5e-3, rows[0].shape)
    for suspect in (rows[A], rows[A] + noise):
        assert screen(sketch(suspect), [pool(rows)], SHORT).picks[0] == Pick(0, A)


def test_a_stack_has_its_parts_listed() -> None:
    """Slices of three models, put together."""
    rows = family(size=1e-2)
    suspect = np.concatenate([rows[A][: 5 * SIZE], rows[C][5 * SIZE : 9 * SIZE], rows[D][9 * SIZE :]])
    assert {Pick(0, i) for i in (A, C, D)} <= set(screen(sketch(suspect), [pool(rows)], SHORT).picks)


def test_a_known_blend_does_not_hide_its_parents() -> None:
    """A blend of the same two among the references takes one place; they keep theirs."""
    rows = family()
    rows.append(mixed(rows, {A: 0.5, B: 0.5}))
    found = screen(sketch(mixed(rows, {A: 0.55, B: 0.45})), [pool(rows)], SHORT).picks
    assert {Pick(0, i) for i in (A, B)} <= set(found)


def test_what_may_not_be_a_parent_is_never_listed() -> None:
    """A later model is passed over however well it fits, and nothing is left if none may be one."""
    rows = family()
    some = pool(rows)
    some.allowed[[A, *range(40, 60)]] = False
    found = screen(sketch(mixed(rows, {A: 0.6, C: 0.4})), [some], SHORT).picks
    assert len(found) == SHORT
    assert all(some.allowed[p.record] for p in found)
    nobody = replace(some, allowed=np.zeros(len(rows), bool))
    assert screen(sketch(rows[A]), [nobody], SHORT) == Shortlist()
    assert screen(sketch(rows[A]), [], SHORT) == Shortlist()


def test_parents_of_several_classes_are_listed() -> None:
    """One parent is stored in another type, the other lacks a slice; a class with little in common does no harm."""
    rows = family()
    half = pool(rows[C : C + 1], slices=range(SLICES - 1))
    pools = [pool(rows[:C]), pool(rows[A : A + 2], F32), half, pool(rows[:5], slices=range(3))]
    pools[0].allowed[A] = False
    found = screen(sketch(mixed(rows, {A: 0.6, C: 0.4})), pools, SHORT).picks
    assert {Pick(1, 0), Pick(2, 0)} <= set(found)


def test_threads_change_nothing() -> None:
    """Any way to run the tasks gives the same list."""
    rows = family() * 20
    suspect, some = sketch(mixed(rows, MIXES[5])), pool(rows)
    with ThreadPoolExecutor(2) as crew:
        assert screen(suspect, [some], SHORT, run=crew.map) == screen(suspect, [some], SHORT)


@pytest.mark.filterwarnings("error")
def test_damaged_values_are_passed_over() -> None:
    """References of zeros, of infinities, of values beyond a float32's square, and a suspect with infinities."""
    rows = family()
    rows += [np.full(rows[0].shape, fill) for fill in (0.0, np.inf, -3e38, 1e30, np.nan)]
    suspect = mixed(rows, {A: 0.6, C: 0.4})
    rows.append(suspect.copy())
    rows[-1][0] = np.nan
    suspect[[5, 700]] = np.inf
    found = screen(sketch(suspect), [pool(rows)], SHORT).picks
    assert {Pick(0, A), Pick(0, C)} <= set(found)
    assert not {Pick(0, len(rows) - i) for i in (2, 4, 5)} & set(found)
