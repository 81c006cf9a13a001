"""Very many known models of one base, in families, whose weights are computed wherever they are read.

The same sorts of references as in bench/population.py, in the same shares. There they are arrays at the coordinates of
a first look; here every model's part at a place follows from the seed, the place and the model, so that a second look
reads the same models elsewhere, and a suspect can lean on a release's delta as it was before rounding.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from analyzers.numbers.rounding import BF16, Floats, round_to, ulp, widen
from bench.null.members import How
from bench.population import SHARED, SHARES, SIZE, SORTS

SPREAD = 0.3  # standard deviation of the logarithm of a delta's size between tensors


@dataclass(frozen=True, slots=True)
class Node:
    """One model. `origin`: what it was trained from, -1 for weights of its own or a blend."""

    family: int
    sort: str
    delta: float = 0.0
    origin: int = -1
    mix: tuple[tuple[int, float], ...] = ()
    how: How = "full"
    rank: int = 0
    leans: tuple[tuple[int, float], ...] = ()
    path: tuple[int, float, float] | None = None  # (model, t, aside), see bench.null.members.Path


@dataclass(frozen=True, slots=True)
class Place:
    """Where weights are read: `slices` blocks of rows and columns. `key` tells one place from another."""

    key: tuple[int, ...]
    slices: int
    rows: int
    cols: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of an array of weights."""
        return self.slices, self.rows, self.cols


@dataclass(eq=False)
class Tree:
    """All models, by number."""

    seed: int
    nodes: list[Node] = field(default_factory=list)

    @classmethod
    def grown(cls, references: int, seed: int) -> Tree:
        """Draw a base, an instruct model of it in each hundred, and their descendants."""
        tree, rng = cls(seed, [Node(0, "base")]), np.random.default_rng([seed, 0])
        heads = max(references // 100, 4)
        sizes = np.exp(rng.uniform(np.log(2e-2), np.log(1e-1), heads))
        tree.nodes += [Node(i + 1, "instruct", float(s), 0) for i, s in enumerate(sizes)]
        plain: dict[int, list[int]] = {}
        while len(tree.nodes) < references:
            sort = SORTS[int(rng.choice(6, p=SHARES))]
            family = 0 if sort == "of the base" else int(rng.integers(1, heads + 1))
            node = _descendant(rng, sort, family, plain.get(family, []))
            if node.sort in ("descendant", "of the base", "second"):
                plain.setdefault(family, []).append(len(tree.nodes))
            tree.nodes.append(node)
        return tree

    def weights(self, number: int, place: Place) -> Floats:
        """Return a model's stored weights at a place."""
        return self._weights(number, self.nodes[number], place)

    @lru_cache(maxsize=64)  # noqa: B019 - one tree lives as long as its process
    def _weights(self, number: int, node: Node, place: Place) -> Floats:
        if node.mix:
            mixed = sum((c * self.weights(m, place) for m, c in node.mix), np.zeros(place.shape))
            return widen(round_to(mixed, BF16))
        if node.origin < 0:
            return widen(round_to(SIZE * self._rng(place, number).standard_normal(place.shape), BF16))
        return widen(round_to(self.weights(node.origin, place) + self.delta(number, place), BF16))

    def delta(self, number: int, place: Place) -> Floats:
        """Return what training moved, before rounding."""
        node = self.nodes[number]
        if node.path is not None:
            member, t, aside = node.path
            along = self.delta(member, place)
            size = np.sqrt(np.mean(along**2, axis=(1, 2), keepdims=True))
            curved: Floats = t * along + aside * size * self.unit(number, place)
            return curved
        unit = self.unit(number, place)
        profile = np.exp(self._rng(place, number, 1).normal(0, SPREAD, (place.slices, 1, 1)))
        if node.how == "sparse":
            start = self.weights(node.origin, place)
            least = np.quantile(np.abs(unit), 1 - np.clip(node.delta, 0, 0.6))
            step: Floats = (np.abs(unit) >= least) * unit / least * ulp(start, BF16)
            return step
        change: Floats = SIZE * node.delta * profile * unit
        return change

    def unit(self, number: int, place: Place) -> Floats:
        """Return a delta without its sizes: half along the family's directions, or of low rank."""
        node, rng = self.nodes[number], self._rng(place, number)
        if node.how == "adapter":
            own = rng.standard_normal((place.slices, place.rows, node.rank))
            own = own @ rng.standard_normal((place.slices, node.rank, place.cols)) / np.sqrt(node.rank)
        else:
            directions = self._rng(place, -1 - node.family).standard_normal((place.slices, SHARED, place.cols))
            common = rng.standard_normal((place.slices, place.rows, SHARED)) @ directions / np.sqrt(SHARED)
            own = (rng.standard_normal(place.shape) + common) / np.sqrt(2)
        found: Floats = np.sqrt(1 - sum(c**2 for _, c in node.leans)) * own
        for member, c in node.leans:
            found = found + c * self.unit(member, place)
        return found

    def _rng(self, place: Place, number: int, part: int = 0) -> np.random.Generator:
        return np.random.default_rng([self.seed, part, number if number >= 0 else 2**32 - number, *place.key])


def _descendant(rng: np.random.Generator, sort: str, family: int, earlier: list[int]) -> Node:
    """Draw one reference of a family whose head has the family's number."""
    if sort in ("second", "blend", "twin") and len(earlier) < 2:
        sort = "descendant" if family else "of the base"
    if sort == "blend":
        a, b = (int(i) for i in rng.choice(earlier, 2, replace=False))
        share = int(rng.integers(10, 90)) / 100
        return Node(family, sort, mix=((a, share), (b, 1 - share)))
    low, high = {"second": (2e-4, 1e-3), "small": (1e-6, 2e-4), "twin": (1e-6, 2e-4)}.get(sort, (2e-4, 1e-2))
    origin = int(rng.choice(earlier)) if sort in ("second", "twin") else family
    return Node(family, sort, float(np.exp(rng.uniform(np.log(low), np.log(high)))), origin)
