"""Models side by side: the same weights of a suspect and of its candidate parents, tensor after tensor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analyzers.kinship import common_keys
from analyzers.records import Reference, Sketch, SliceKey
from analyzers.rounding import Floats, Stored, effective_dtype, ulp, widen

FLOAT32_ERROR = 2.0**-23  # of the largest term: the floor under u, without which a weight near zero dominates
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)  # compared by identity, so that what is fitted to one can be kept
class Aligned:
    """The suspect and its candidate parents at the same coordinates."""

    suspect: Stored  # [weights], as the coarsest type that holds them
    candidates: Floats  # float64[models, weights]
    references: tuple[Reference, ...]
    tensors: NDArray[np.int64]  # [weights]: which of `keys` each weight is of
    keys: tuple[SliceKey, ...]
    places: NDArray[np.int64]  # [weights]: where in the sample of its tensor each weight lies

    def only(self, kept: Mask | NDArray[np.int64]) -> Aligned:
        """Return the same models at some of the weights."""
        suspect, places, tensors = self.suspect[kept], self.places[kept], self.tensors[kept]
        return replace(self, suspect=suspect, candidates=self.candidates[:, kept], tensors=tensors, places=places)

    def rows(self, of: Floats, tensor: int, windows: int) -> Floats:
        """Return one tensor's part of `of`, float64[weights], as its rows, float64[windows, n].

        A weight that is left out, as one that is no number, is 0.
        """
        mine = self.tensors == tensor
        found = np.zeros(self.references[0].sketch.samples[self.keys[tensor]].values.size)
        found[self.places[mine]] = of[mine]
        return found.reshape(windows, -1)

    def of(self, models: Sequence[int]) -> Aligned:
        """Return some of the models, in the order asked for."""
        return replace(
            self, candidates=self.candidates[list(models)], references=tuple(self.references[m] for m in models)
        )


def noise_floor(suspect: Stored, candidates: Floats) -> Floats:
    """Return u, float64[weights]: the ulp of each stored weight, not below the error of float32 sums."""
    values = widen(suspect)
    floor: Floats = np.maximum(ulp(values, suspect.dtype), FLOAT32_ERROR * np.abs(candidates).max(axis=0))
    return floor


def align(suspect: Sketch, references: Sequence[Reference]) -> Aligned | None:
    """Put models side by side on the coordinates that all of them share; None if there are none.

    Tensors that the suspect stores in another type than most of it (a router in float32) are left out: every ulp
    that is reasoned about is of one type.
    """
    shared = [set(common_keys(suspect, r.sketch)) for r in references]
    keys = sorted(set.intersection(*shared)) if shared else []
    kinds = {k: effective_dtype(suspect.samples[k].values) for k in keys}
    if not keys:
        return None
    most = Counter(dict.fromkeys(kinds.values(), 0))
    for k, kind in kinds.items():
        most[kind] += suspect.samples[k].values.size
    kind = max(most, key=lambda each: (most[each], each.itemsize, str(each)))
    keys = [k for k in keys if kinds[k] == kind]
    sizes = [suspect.samples[k].values.size for k in keys]
    stored = np.concatenate([suspect.samples[k].values.astype(np.float32) for k in keys]).astype(kind)
    rows = [np.concatenate([widen(r.sketch.samples[k].values) for k in keys]) for r in references]
    candidates, tensors = np.stack(rows), np.repeat(np.arange(len(keys)), sizes)
    finite = np.isfinite(widen(stored)) & np.isfinite(candidates).all(axis=0)
    if not finite.any():
        return None
    places = np.concatenate([np.arange(size) for size in sizes])
    found = Aligned(stored, candidates, tuple(references), tensors, tuple(keys), places)
    return found if finite.all() else found.only(finite)
