"""The few among very many known models that a full analysis should see: the nearest, and those that explain the rest.

Greedy orthogonal matching pursuit (Pati et al. 1993) with the weights of analyzers/mixing.py, over references that are
never all in memory: every pass streams them in chunks, as float32 minus the nearest model, and keeps those whose delta,
freed of what is explained already (orthogonal least squares, Chen et al. 1989), correlates most with what is left. On
these few the fit is made anew in float64. Passes end when one brings nothing significant. In a family the first picks
are often stand-ins, an instruct model for its descendants; they stay on the list, and what they leave over finds the
descendants in the next pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from analyzers.mixing import FLOAT32_ERROR, MIN_Z, tempered
from analyzers.records import Sketch
from analyzers.rounding import Floats, effective_dtype, ulp, widen
from analyzers.slots import SketchClass
from analyzers.thresholds import MIN_OVERLAP

Singles = NDArray[np.float32]
Indices = NDArray[np.int64]

CHUNK = 64  # references at a time: two float32 copies of them stay in a processor's cache
SPAN = 2048  # references a task
PASSES = 7
KEPT = 160  # references of a pass that are looked at in float64
PICKS = 12  # models in the fit, stand-ins included
NEAREST = 24
EQUAL_COLUMNS = 32  # weights of each slice that must be equal before a slice is counted as equal
TEMPERS = (3e-4, 3e-3, 3e-2)  # relative scatter for which the nearest are looked for
LEAST_POWER = 1e-5  # share of a delta's power that float32 can still tell from nothing


class Run(Protocol):
    """The built-in `map`, or one that runs on several threads."""

    def __call__(self, function: Callable[[range], Floats], tasks: Iterable[range], /) -> Iterable[Floats]:
        """Return the results in the order of the tasks."""
        ...


@dataclass(frozen=True, slots=True)
class Pool:
    """The references of one class. `read` gives records `first` to `last`, uint8[records, width of the class]."""

    of: SketchClass
    allowed: NDArray[np.bool_]  # [references]: those that may be parents
    read: Callable[[int, int], NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class Pick:
    """Reference `record` of pool `pool`."""

    pool: int
    record: int


@dataclass(frozen=True, slots=True)
class Target:
    """The suspect on its own columns, and where they are in a pool's records."""

    y: Floats  # float64[columns]
    u: Floats  # ulps, float64[columns]
    starts: Indices  # first column of each slice
    places: tuple[Indices, ...]  # for each pool, int64[its columns]: the suspect's column, -1 where it has none


@dataclass(frozen=True, slots=True)
class Left:
    """What is not explained: per suspect column, float64, zero where nothing is compared."""

    anchor: Floats
    residual: Floats
    weight: Floats
    explained: Floats  # float64[k, columns]: deltas that are in the fit, orthonormal under `weight`
