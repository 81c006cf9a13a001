"""A large family of models as sketches on disk: a base, instruct models, their descendants and blends; all seeded.

Deltas are relative to weights of 0.02. Half of each lies along directions that its whole family shares. One reference
in a hundred is an instruct model; of the others, in a hundred: 86 descend from an instruct model with a delta of 2e-4
to 1e-2, 7 from the base, 4 from another descendant (2e-4 to 1e-3 away from it), 1 is a blend of two others, 1 has a
delta of 1e-6 to 2e-4, and 1 lies as little away from another descendant (its twin).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from analyzers.numbers.rounding import round_to
from analyzers.records import RepoRef, Sample, SampleSpec, Sketch, SliceKey
from state.sketches.store import Pack, SketchStore, StoredSketch

SPEC = SampleSpec(windows=4, elements=64)
SLICES, ROWS, COLS, SHARED = 28, 4, 64, 4
SIZE = 0.02  # of the weights
BF16 = np.dtype(ml_dtypes.bfloat16)
WHEN = datetime(2026, 1, 1, tzinfo=UTC)
SORTS = ("descendant", "of the base", "second", "blend", "small", "twin", "instruct", "base")
SHARES = (0.86, 0.07, 0.04, 0.01, 0.01, 0.01)  # of the first six

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Truth:
    """What each reference is, by its record number."""

    family: NDArray[np.int64]  # 0: the base's own
    sort: NDArray[np.int64]  # index of SORTS
    delta: Array  # relative distance from what it was made of
    origin: NDArray[np.int64]  # record of what it was made of; -1 for the base and blends

    @property
    def plain(self) -> NDArray[np.bool_]:
        """Descendants with a delta of 2e-4 or more and no twin."""
        twins = self.sort == SORTS.index("twin")
        found: NDArray[np.bool_] = (self.sort <= SORTS.index("second")) & ~np.isin(
            np.arange(len(self.sort)), self.origin[twins]
        )
        return found


def rounded(weights: Array) -> Array:
    """Return weights as bfloat16 holds them."""
    return round_to(weights, BF16).astype(np.float64)


def sketch(name: str, weights: Array) -> Sketch:
    """Return float64[slices, rows, columns] as a sketch."""
    stored = round_to(weights, BF16).reshape(SLICES, -1)
    samples = {SliceKey("layers.mlp.up_proj.weight", i): Sample(4096, 4096, 64, w) for i, w in enumerate(stored)}
    return Sketch(RepoRef(name, "0" * 40), SPEC, samples)


def deltas(rng: np.random.Generator, sizes: Array, directions: Array) -> Array:
    """Draw trained-like deltas, float64[models, slices, rows, columns]; a model's slices move by different amounts."""
    count = len(sizes)
    noise = rng.normal(0, 1, (count, SLICES, ROWS, COLS))
    common = rng.normal(0, 1, (count, SLICES, ROWS, SHARED)) @ directions / np.sqrt(SHARED)
    scale = SIZE * sizes[:, None, None, None] * np.exp(rng.normal(0, 0.3, (count, SLICES, 1, 1)))
    change: Array = scale * (noise + common) / np.sqrt(2)
    return change


def _sizes(rng: np.random.Generator, count: int, low: float, high: float) -> Array:
    return np.exp(rng.uniform(np.log(low), np.log(high), count))


def _family(
    rng: np.random.Generator, number: int, first: int, count: int, base: Array
) -> tuple[Array, list[tuple[int, int, float, int]]]:
    """Return the weights of one family, its head first, and (family, sort, delta, origin) of each."""
    directions = rng.normal(0, 1, (SLICES, SHARED, COLS))
    size = float(_sizes(rng, 1, 2e-2, 1e-1)[0])
    head = rounded(base + deltas(rng, np.array([size]), directions)[0]) if number else base
    weights = np.empty((count, *base.shape))
    weights[0] = head
    about = [(number, SORTS.index("instruct" if number else "base"), size if number else 0.0, 0 if number else -1)]
    shares = np.array(SHARES) if number else np.array([0.0, 0.95, 0.05, 0.0, 0.0, 0.0])
    shares[0] = shares[0] + shares[1] if number else 0.0
    shares[1] = 0.0 if number else shares[1]
    ranges = {2: (2e-4, 1e-3), 4: (1e-6, 2e-4), 5: (1e-6, 2e-4)}
    for i in range(1, count):
        sort = int(rng.choice(6, p=shares / shares.sum()))
        earlier = [j for j in range(1, i) if about[j][1] <= 2]
        if sort in (2, 3, 5) and len(earlier) < 2:
            sort = 0 if number else 1
        if sort == 3:
            a, b = rng.choice(earlier, 2, replace=False)
            share = rng.integers(10, 90) / 100
            weights[i] = rounded(share * weights[a] + (1 - share) * weights[b])
            about.append((number, sort, 0.0, -1))
            continue
        origin = int(rng.choice(earlier)) if sort in (2, 5) else 0
        delta = float(_sizes(rng, 1, *ranges.get(sort, (2e-4, 1e-2)))[0])
        weights[i] = rounded(weights[origin] + deltas(rng, np.array([delta]), directions)[0])
        about.append((number, sort, delta, first + origin))
    return weights, about


def _families(references: int, seed: int) -> Iterator[tuple[Array, list[tuple[int, int, float, int]]]]:
    rng = np.random.default_rng(seed)
    base = rounded(rng.normal(0, SIZE, (SLICES, ROWS, COLS)))
    instruct = max(references // 100, 4)
    own = max(references * 7 // 100, 10)
    bounds = np.linspace(own, references, instruct + 1).astype(int)
    yield _family(rng, 0, 0, own, base)
    for number, (first, last) in enumerate(pairwise(bounds), start=1):
        yield _family(rng, number, int(first), int(last - first), base)


def population(folder: Path, references: int, seed: int = 7) -> tuple[SketchStore, Pack, Truth]:
    """Make the population in `folder`, unless it is there; return its store, its one pack, and the truth."""
    store = SketchStore(folder)
    done = folder / "truth.npz"
    if not done.exists():
        rows: list[tuple[int, int, float, int]] = []
        for weights, about in _families(references, seed):
            names = [f"maker{i % 97}/model-{i}" for i in range(len(rows), len(rows) + len(about))]
            store.put_all([StoredSketch(sketch(n, w), WHEN, (), n, WHEN) for n, w in zip(names, weights, strict=True)])
            rows += about
        family, sort, delta, origin = (np.array(column) for column in zip(*rows, strict=True))
        np.savez(done, family=family, sort=sort, delta=delta, origin=origin)
    with np.load(done) as kept:
        truth = Truth(kept["family"], kept["sort"], kept["delta"], kept["origin"])
    (pack,) = store.packs(sketch("any/model", np.zeros((SLICES, ROWS, COLS))))
    return store, pack, truth
