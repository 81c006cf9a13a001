"""Which known tensors each sampled tensor of a suspect equals bit for bit, at the same place or another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from analyzers.compare.case import Case
from analyzers.numbers.rounding import Floats, cell, equal, widen
from analyzers.records import Reference, Sample, Sketch, SliceKey
from analyzers.sketch.coordinates import dense_role
from analyzers.thresholds import DISTINCT_ULPS, MIN_DISTINCT

Place = tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class Origin:
    """A known tensor with the suspect's bits: model (row of the references), and where it lies there."""

    model: int
    key: SliceKey


@dataclass(frozen=True, slots=True)
class TensorCopy:
    """One sampled tensor of the suspect and every known tensor that it equals."""

    key: SliceKey
    origins: tuple[Origin, ...]
    known: bool  # some reference holds a tensor of this role and shape, so that it could have been found
    distinct: bool  # the references differ here by enough for equality to say where it comes from
    alike: frozenset[int] = frozenset()  # models that hardly differ from it here: equality speaks for none before them

    @property
    def models(self) -> frozenset[int]:
        """The models it may come from: those that have it at the same place, or next to it, if there are any."""
        here = {o.model for o in self.origins if _same_place(o.key, self.key)}
        return frozenset(here | self.alike if here else {o.model for o in self.origins})

    @property
    def moved(self) -> bool:
        """It lies at another depth, or in another expert, than where it was copied from."""
        return bool(self.origins) and not any(_same_place(o.key, self.key) for o in self.origins)

    @property
    def became_expert(self) -> bool:
        """It is an expert here and a dense model's matrix where it was copied from."""
        return bool(self.origins) and self.key.expert >= 0 and all(o.key.expert < 0 for o in self.origins)


@lru_cache(maxsize=2)
def copied(case: Case) -> tuple[TensorCopy, ...]:
    """Look a case's suspect up among its kin; model numbers are rows of `case.kin`."""
    return copies(case.suspect, [k.reference for k in case.kin])


def copies(suspect: Sketch, references: Sequence[Reference]) -> tuple[TensorCopy, ...]:
    """Look every sampled tensor of the suspect up among all those of the references of its role and shape."""
    index: dict[Place, list[tuple[Origin, Sample]]] = {}
    for model, reference in enumerate(references):
        for key, sample in reference.sketch.samples.items():
            index.setdefault(_place(key, sample), []).append((Origin(model, key), sample))
    return tuple(
        _copy(key, sample, index.get(_place(key, sample), [])) for key, sample in sorted(suspect.samples.items())
    )


def _place(key: SliceKey, sample: Sample) -> Place:
    """Return what two tensors must share to be one and the same: an expert may be a dense model's matrix."""
    return dense_role(key.role), sample.cols, sample.row, sample.values.size


def _same_place(one: SliceKey, other: SliceKey) -> bool:
    """Tell whether two tensors of one role lie at the same depth; a dense model's matrix may be any expert's."""
    return one.layer == other.layer and (one.expert == other.expert or -1 in (one.expert, other.expert))


def _copy(key: SliceKey, sample: Sample, candidates: Sequence[tuple[Origin, Sample]]) -> TensorCopy:
    equal = [origin for origin, other in candidates if _same(sample, other)]
    others = [other for origin, other in candidates if origin.key == key or origin not in equal]
    here = [(origin.model, other) for origin, other in candidates if equal and _same_place(origin.key, key)]
    alike = frozenset(model for model, other in here if not _distinct(sample, [other]))
    return TensorCopy(key, tuple(equal), bool(candidates), _distinct(sample, others), alike)


def _same(sample: Sample, other: Sample) -> bool:
    """Tell whether all values are equal that are numbers in both; most that are not show it in the first few."""
    for part in (slice(8), slice(8, None)):
        mine, its = sample.kept[part], widen(other.values[part])
        if not (equal(its, mine) | ~_numbers(widen(mine), its)).all():
            return False
    return True


def _distinct(sample: Sample, others: Sequence[Sample]) -> bool:
    """Tell whether any known tensor differs from the suspect's on enough weights by more than chance would."""
    values = widen(sample.values)
    reach = DISTINCT_ULPS * cell(sample.kept)
    differ = ((np.abs(its - values) >= reach) & _numbers(values, its) for its in (widen(o.values) for o in others))
    return any(int(d.sum()) >= MIN_DISTINCT for d in differ)


def _numbers(mine: Floats, its: Floats) -> NDArray[np.bool_]:
    return np.isfinite(mine) & np.isfinite(its)
