"""Count the decisive weights whose stored bits a recipe may give, and the same under decoys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzers.compare.aligned import Aligned, noise_floor
from analyzers.fit.decoys import decoy
from analyzers.numbers.rounding import BF16, Floats, Stored, round_to, ulp, widen
from analyzers.thresholds import DISTINCT_ULPS, MIN_DISTINCT
from bench.oracle.values import VALUES, Singles, Told, free_numbers, singles

DECIDED = 0.5  # of what chance leaves: honest models stay below 0.1 under every recipe
FITTED = ("karcher", "multislerp")  # weights by least squares, for lack of a rule that a sample could follow
SWEEPS = 5
FINE = np.linspace(-4e-3, 4e-3, 129)  # about a number that is settled so far


@dataclass(frozen=True, slots=True)
class Score:
    """Shares of the decisive weights whose bits are allowed: by the recipe, and by the decoy that reaches most."""

    decisive: int
    allowed: float
    chance: float
    weakest: str  # the parent whose decoy that is

    @property
    def beyond(self) -> float:
        """The share that the recipe allows of the weights that chance leaves."""
        return (self.allowed - self.chance) / (1.0 - self.chance) if self.chance < 1.0 else 0.0


def score(told: Told, aligned: Aligned, parents: int) -> Score:
    """Score a recipe of the first `parents` of the aligned models; the others take their places in decoys."""
    true = aligned.candidates[:parents]
    parts, suspect = list(_parts(aligned, true)), round_to(widen(aligned.suspect), BF16)
    decisive = sum(int(part.size) for part in parts)
    if not decisive:
        return Score(0, 0.0, 0.0, "")

    def share(models: Floats) -> float:
        each = (_allowed(told, singles(models[:, part]), suspect[part]) for part in parts)
        return sum(each) / decisive

    decoys = {}
    for i in range(1 if told.based else 0, parents):
        others = [_with(true, i, rolled(aligned, i, 0 if i else 1))]
        others += [_with(true, i, other) for other in aligned.candidates[parents:]]
        decoys[aligned.references[i].repo_id] = max(share(models) for models in others)
    weakest = max(decoys, key=decoys.__getitem__)
    return Score(decisive, share(true), decoys[weakest], weakest)


def _parts(aligned: Aligned, models: Floats) -> Iterator[NDArray[np.int64]]:
    """Yield the decisive weights of each tensor: all parents differ there by DISTINCT_ULPS."""
    floor = DISTINCT_ULPS * noise_floor(aligned.suspect, models)
    pairs = [(i, j) for i in range(len(models)) for j in range(i)]
    apart = np.all([np.abs(models[i] - models[j]) >= floor for i, j in pairs], axis=0)
    for tensor in range(len(aligned.keys)):
        part = np.flatnonzero(apart & (aligned.tensors == tensor))
        if part.size >= MIN_DISTINCT:
            yield part


def rolled(aligned: Aligned, parent: int, origin: int) -> Floats:
    """Return a parent with the decoy of its delta from `origin`."""
    start = aligned.candidates[origin]
    delta, floor = aligned.candidates[parent] - start, noise_floor(aligned.suspect, aligned.candidates)
    return widen(round_to(start + decoy(delta, floor, aligned.tensors), aligned.suspect.dtype))


def _with(models: Floats, i: int, other: Floats) -> Floats:
    found = models.copy()
    found[i] = other
    return found


def _allowed(told: Told, models: Singles, suspect: Stored) -> int:
    """Return how many weights have bits that the recipe may give, at the free numbers that allow most."""
    if told.method in FITTED:
        u = ulp(widen(suspect), suspect.dtype)
        free = list(singles(np.linalg.lstsq((models / u).T, widen(suspect) / u, rcond=None)[0]))
        return int(_hits(told, models, suspect, free).sum())
    grids = free_numbers(told, len(models))
    free = [grid[0] for grid in grids]
    for sweep in range(SWEEPS if grids else 0):
        for i, grid in enumerate(grids):
            near = singles(free[i] * (1 + FINE)) if sweep > SWEEPS // 2 else grid
            tried = [*free[:i], near[:, None], *free[i + 1 :]]
            free[i] = near[int(_hits(told, models, suspect, tried).sum(axis=-1).argmax())]
    return int(_hits(told, models, suspect, free).sum())


def _hits(told: Told, models: Singles, suspect: Stored, free: Sequence[Singles]) -> NDArray[np.bool_]:
    """Tell which weights have allowed bits, bool[..., weights], for each value of a free number that is an array."""
    found = np.zeros(suspect.size, np.bool_)
    for values in VALUES[told.method](models, told, free):
        found = found | (round_to(values, suspect.dtype) == suspect)
    return found
