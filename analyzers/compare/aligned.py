"""Models side by side: the same weights of a suspect and of its candidate parents, tensor after tensor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analyzers.compare.kinship import common_keys
from analyzers.numbers.quantized import Quantized, joined
from analyzers.numbers.rounding import Floats, Kept, cell, effective_dtype, widen
from analyzers.records import Reference, Sketch, SliceKey

FLOAT32_ERROR = 2.0**-23  # of the largest term: the floor under u, without which a weight near zero dominates
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)  # compared by identity, so that what is fitted to one can be kept
class Aligned:
    """The suspect and its candidate parents at the same coordinates."""

    suspect: Kept  # [weights], as the coarsest type that holds them, or quantized
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


def noise_floor(suspect: Kept, candidates: Floats) -> Floats:
    """Return u, float64[weights]: the cell of each stored weight, not below the error of float32 sums."""
    floor: Floats = np.maximum(cell(suspect), FLOAT32_ERROR * np.abs(candidates).max(axis=0))
    return floor


def align(suspect: Sketch, references: Sequence[Reference], without: Container[SliceKey] = ()) -> Aligned | None:
    """Put models side by side on the coordinates that all of them share; None if there are none.

    Tensors that the suspect stores in another type than most of it (a router in float32) are left out: every ulp
    that is reasoned about is of one type. So are the slices `without`."""
    shared = [set(common_keys(suspect, r.sketch)) for r in references]
    keys = sorted(k for k in (set.intersection(*shared) if shared else ()) if k not in without)
    keys = _of_one_kind({k: suspect.samples[k].kept for k in keys})
    if not keys:
        return None
    sizes = [suspect.samples[k].values.size for k in keys]
    before = Counter(r.sketch.samples[k].values.dtype for r in references for k in keys)
    stored = _beside([suspect.samples[k].kept for k in keys], max(before, key=lambda d: (before[d], str(d))))
    rows = [np.concatenate([widen(r.sketch.samples[k].values) for k in keys]) for r in references]
    candidates, tensors = np.stack(rows), np.repeat(np.arange(len(keys)), sizes)
    finite = np.isfinite(widen(stored)) & np.isfinite(candidates).all(axis=0)
    if not finite.any():
        return None
    places = np.concatenate([np.arange(size) for size in sizes])
    found = Aligned(stored, candidates, tuple(references), tensors, tuple(keys), places)
    return found if finite.all() else found.only(finite)


def _of_one_kind(kept: Mapping[SliceKey, Kept]) -> list[SliceKey]:
    """Return the slices of the type, or of the levels, that most weights are of."""
    kinds = {k: _kind(values) for k, values in kept.items()}
    most: Counter[tuple[int, str]] = Counter()
    for k, kind in kinds.items():
        most[kind] += kept[k].size
    most_common = max(most, key=lambda each: (most[each], *each), default=None)
    return [k for k, kind in kinds.items() if kind == most_common]


def _kind(kept: Kept) -> tuple[int, str]:
    """Return (bytes of a weight, 0 where it is quantized; name of its type or levels)."""
    if isinstance(kept, Quantized):
        return 0, kept.levels
    dtype = effective_dtype(kept)
    return dtype.itemsize, str(dtype)


def _beside(parts: Sequence[Kept], before: np.dtype[np.generic]) -> Kept:
    """Join slices of one kind. `before`: the type that quantized ones are taken to have had."""
    quantized = [p for p in parts if isinstance(p, Quantized)]
    if quantized:
        return joined(quantized, before)
    plain = [p for p in parts if not isinstance(p, Quantized)]
    return np.concatenate([p.astype(np.float32) for p in plain]).astype(effective_dtype(plain[0]))
