"""From what simulated models are to their weights, at whatever coordinates a look reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from analyzers.numbers.rounding import BF16, F16, F32, Floats, Stored, round_to, ulp, widen
from analyzers.sketch.coordinates import SliceRead
from bench.null.members import Member, Training
from bench.null.shape import ARCHITECTURES

DTYPES = {"BF16": BF16, "F16": F16, "F32": F32}
SHARED = 4  # directions common to rows, of a whole family


@dataclass
class Realised:
    """Arrays [slices, windows, elements] by member: stored weights, deltas before rounding, and their parts."""

    stored: list[Stored] = field(default_factory=list)
    deltas: list[Floats] = field(default_factory=list)
    units: list[Floats | None] = field(default_factory=list)  # deltas without size, of mean square 1
    profiles: list[Floats] = field(default_factory=list)  # [slices, 1, 1]: size of each tensor's delta


class Realiser:
    """Draws the weights of members one after the other, all at the same coordinates."""

    def __init__(self, architecture: str, reads: Sequence[SliceRead], rng: np.random.Generator) -> None:
        self.rng = rng
        self.roles = [r.slice.key.role for r in reads]
        depth = ARCHITECTURES[architecture].layers
        self.depth = np.array([r.slice.key.layer / depth if r.slice.key.layer >= 0 else np.nan for r in reads])
        self.shape = (len(reads), len(reads[0].windows), reads[0].windows[0].length)
        slices, _, elements = self.shape
        self.sigma = np.exp(rng.uniform(np.log(0.01), np.log(0.05), (slices, 1, 1)))
        self.columns = np.exp(rng.normal(0, 0.3, (slices, 1, elements)))
        self.common = rng.standard_normal((slices, SHARED, elements))
        self.frames: dict[tuple[int, int], Floats] = {}
        self.found = Realised()

    def all(self, members: Sequence[Member]) -> Realised:
        """Realise every member."""
        for member in members:
            self._add(member)
        return self.found

    def _add(self, member: Member) -> None:
        found, dtype = self.found, DTYPES[member.dtype]
        unit: Floats | None = None
        profile = np.ones((self.shape[0], 1, 1))
        if member.path is not None:
            path = member.path
            along = found.deltas[path.member]
            aside = self._noise() if found.units[path.member] is None else self._full()
            size = np.sqrt(np.mean(along**2, axis=(1, 2), keepdims=True))
            start = widen(found.stored[member.origin])
            weights = start + path.t * along + path.aside * size * aside
        elif member.mix:
            start = np.zeros(self.shape)
            weights = sum((c * widen(found.stored[m]) for m, c in member.mix), start)
        elif member.training is None:
            start = np.zeros(self.shape)
            weights = self.sigma * self.columns * self._noise()
        else:
            start = widen(found.stored[member.origin])
            unit, profile = self._unit(member.training)
            weights = start + self._delta(member.training, unit, profile, start)
        found.stored.append(round_to(weights, dtype))
        found.deltas.append(weights - start)
        found.units.append(unit)
        found.profiles.append(profile)

    def _noise(self) -> Floats:
        noise: Floats = self.rng.standard_normal(self.shape)
        return noise

    def _full(self) -> Floats:
        mixed = self.rng.standard_normal((self.shape[0], self.shape[1], SHARED)) @ self.common
        unit: Floats = (self._noise() + mixed / np.sqrt(SHARED)) / np.sqrt(2)
        return unit

    def _adapter(self, rank: int, frame: int) -> Floats:
        slices, rows, elements = self.shape
        if frame < 0:
            a = self.rng.standard_normal((slices, rank, elements))
        else:
            key = (frame, rank)
            if key not in self.frames:
                self.frames[key] = self.rng.standard_normal((slices, rank, elements))
            a = self.frames[key]
        unit: Floats = self.rng.standard_normal((slices, rows, rank)) @ a / np.sqrt(rank)
        return unit

    def _unit(self, training: Training) -> tuple[Floats, Floats]:
        """Return a delta without its size, and the size of each tensor's."""
        own = self._adapter(training.rank, training.frame) if training.how == "adapter" else self._full()
        left = 1.0 - sum(c**2 for _, c in training.leans)
        unit = np.sqrt(left) * own
        profile = np.exp(self.rng.normal(0, training.spread, (self.shape[0], 1, 1)))
        for member, c in training.leans:
            other = self.found.units[member]
            assert other is not None
            unit = unit + c * other
            if training.same_profile and member == training.leans[0][0]:
                profile = self.found.profiles[member]
        return unit, profile

    def _delta(self, training: Training, unit: Floats, profile: Floats, start: Floats) -> Floats:
        touched = self._touched(training)
        if training.how != "sparse":
            change: Floats = touched * training.size * self.sigma * profile * unit
            return change
        share = np.clip(training.size * profile, 0.0, 0.6)[:, 0, 0]
        size = np.abs(unit)
        least = np.array([np.quantile(s, 1.0 - x) for s, x in zip(size, share, strict=True)])[:, None, None]
        step: Floats = touched * (size >= least) * unit / least * ulp(start, BF16)
        return step

    def _touched(self, training: Training) -> Floats:
        """Return [slices, 1, 1]: 1.0 for tensors that are trained."""
        roles = np.array([training.roles is None or role in training.roles for role in self.roles])
        frozen = np.nan_to_num(self.depth, nan=0.0 if training.frozen else 1.0) < training.frozen
        touched: Floats = (roles & ~frozen).astype(np.float64)[:, None, None]
        return touched
