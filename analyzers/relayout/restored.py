"""An upload read as a known model is laid out: its matrices put back under that model's names and in its order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analyzers.compare.case import Case
from analyzers.compare.kinship import Kinship, pearson
from analyzers.fit.bit_copies import copied
from analyzers.numbers.rounding import Floats, widen
from analyzers.records import Sample, SliceKey, TensorEntry
from analyzers.relayout.held import Elements, Held
from analyzers.sketch.coordinates import SliceRead, Window, is_weight
from analyzers.sketch.tensor_roles import Group
from analyzers.thresholds import ALIKE_CORRELATION, FAR_APART, MIN_INFORMATIVE_TENSORS, PARTLY_ALIKE

Shape = tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Undone:
    """How an upload holds each matrix of a known model. `said`: what was undone, for readers."""

    held: Mapping[SliceKey, Held]
    shapes: Mapping[SliceKey, Shape]  # of the known model's matrices
    said: str

    @property
    def groups(self) -> dict[tuple[str, int], Group]:
        """The matrices by role and layer, of the known model's shapes; the bytes that they name are not all theirs."""
        found: dict[tuple[str, int], dict[int, TensorEntry]] = {}
        for key, held in self.held.items():
            entry = held.slice.entry
            as_known = TensorEntry(entry.name, entry.dtype, self.shapes[key], entry.shard, entry.begin, entry.end)
            found.setdefault((key.role, key.layer), {})[key.expert] = as_known
        return {where: Group(*where, experts) for where, experts in found.items()}

    @property
    def turned(self) -> bool:
        """Tell whether a matrix is stored transposed, so that each weight of a row lies in another stored row."""
        return any(held.transposed for held in self.held.values())

    def wanted(self, read: SliceRead, gap: int) -> Elements | None:
        """Return what is to be read in place of a read of the known model; None where the upload has nothing of it."""
        held = self.held.get(read.slice.key)
        return Elements(held, held.places(read.windows), gap) if held else None

    def sample(self, key: SliceKey, windows: Sequence[Window], elements: Elements, chunks: Sequence[bytes]) -> Sample:
        """Return the sample of a known model's matrix from the bytes of its elements."""
        return self.held[key].sample(self.shapes[key], windows, elements.values(chunks))


def elements_as_known(own: Mapping[str, int], held: Mapping[SliceKey, Held]) -> dict[str, int]:
    """Return how many weights each role has, those that were found to be a known model's under its roles."""
    names: dict[str, Counter[str]] = {}
    for key, one in held.items():
        names.setdefault(one.slice.key.role, Counter())[key.role] += 1
    found: Counter[str] = Counter()
    for role, count in own.items():
        found[names[role].most_common(1)[0][0] if role in names else role] += count
    return dict(found)


def is_called_for(case: Case) -> bool:
    """Tell whether an upload has no kin, or shares with the nearest only a part of what both hold.

    Whole tensors of known models at another depth are a stack, which needs no map. Quantized matrices, of which fewer
    are sampled, are not put in another order.
    """
    if not case.kin:
        return True
    if any(sample.quantized for sample in case.suspect.samples.values()):
        return False
    if any(c.origins and all(o.key.layer != c.key.layer for o in c.origins) for c in copied(case)):
        return False
    nearest = case.kin[0]
    return nearest.alike < PARTLY_ALIKE * len(nearest.reference.sketch.samples) or _partly_far(case, nearest)


def _partly_far(case: Case, nearest: Kinship) -> bool:
    """Tell whether a few matrices lie far from the nearest model's while most are near, as where these were scaled."""
    pairs = [
        (widen(case.suspect.samples[k].values), widen(nearest.reference.sketch.samples[k].values)) for k in nearest.keys
    ]
    far = [not _near(a, b) for a, b in pairs]
    return nearest.distance <= FAR_APART / 4 and sum(far) >= MIN_INFORMATIVE_TENSORS


def _near(own: Floats, known: Floats) -> bool:
    return bool(np.linalg.norm(own - known) < FAR_APART * np.linalg.norm(known))


def is_near(own: Sample, known: Sample) -> bool:
    """Tell whether a sample is a known model's, and of its scale."""
    return is_alike(own, known) and _near(widen(own.values), widen(known.values))


def is_alike(own: Sample, known: Sample) -> bool:
    """Tell whether a sample is a known model's beyond chance. What is not held counts nowhere."""
    return is_weight(own) and pearson(widen(own.values), widen(known.values)) >= ALIKE_CORRELATION
