"""Two models side by side, from what was sampled of them: nothing new is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from analyzers.errors import BlendwatchError
from analyzers.records import Sketch
from analyzers.rounding import widen

TINY: Final = 1e-30


class NotSampled(BlendwatchError):
    """Nothing of a model is stored."""


@dataclass(frozen=True, slots=True)
class Comparer:
    """`find`: the newest stored sketch of a repository; None if it was never read."""

    find: Callable[[str], Sketch | None]

    def __call__(self, first: str, second: str) -> dict[str, float]:
        """How two models' sampled weights relate: how many both have, which share of them is equal bit for bit,
        and how far the others are apart, as a share of the first one's size."""
        return compare(self._stored(first), self._stored(second))

    def _stored(self, repo_id: str) -> Sketch:
        found = self.find(repo_id)
        if found is None:
            raise NotSampled(f"{repo_id} was never read; /check reads it")
        return found


def compare(a: Sketch, b: Sketch) -> dict[str, float]:
    """See Comparer. Only tensors that both have in the same shape at the same coordinates are compared."""
    weights, equal, square, size = 0, 0, 0.0, 0.0
    for key in a.samples.keys() & b.samples.keys():
        x, y = a.samples[key], b.samples[key]
        if (x.cols, x.row, x.values.size) != (y.cols, y.row, y.values.size):
            continue
        left, right = widen(x.values), widen(y.values)
        weights += left.size
        equal += int(np.count_nonzero(left == right))
        square += float(np.sum((left - right) ** 2))
        size += float(np.sum(left**2))
    if not weights:
        return {"weights": 0.0, "equal": 0.0, "apart": 0.0}
    return {"weights": float(weights), "equal": equal / weights, "apart": float(np.sqrt(square / max(size, TINY)))}
