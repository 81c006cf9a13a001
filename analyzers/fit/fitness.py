"""How well a mix explains a suspect: counts of weights, and what is left over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzers.compare.aligned import Aligned, Mask, noise_floor
from analyzers.fit.decoys import telling
from analyzers.numbers.quantized import Quantized
from analyzers.numbers.rounding import Floats, Stored, equal, store, widen
from analyzers.thresholds import ENOUGH_WEIGHTS, FAR_ULPS, NEAR_ULPS, SURE_EDGES


@dataclass(frozen=True, slots=True)
class Fitness:
    """Counts behind one prediction; every mask is bool[weights]."""

    hit: Mask  # equal to the prediction
    informative: Mask  # the parents differ
    decisive: Mask  # the prediction, as stored, differs from every parent, or from one: see `decisive`
    far: Mask  # the mix lies at least FAR_ULPS from every parent, and each distance from its decoy
    near: Mask  # the suspect lies within NEAR_ULPS of the mix
    control: float  # share of weights that equal the nearest single parent

    def share(self, of: Mask, among: Mask) -> float:
        """Return the share of `among` that is in `of`; 0 where there is none."""
        return float(of[among].mean()) if among.any() else 0.0

    @property
    def reproduced(self) -> float:
        """Share of the decisive weights that equal the prediction."""
        return self.share(self.hit, self.decisive)

    @property
    def nearby(self) -> float:
        """Share of the far weights within an ulp of the mix."""
        return self.share(self.near, self.far)


def fitness(aligned: Aligned, mix: Floats, prediction: Stored, hit: Mask) -> Fitness:
    """Count. `mix`: the mix before rounding, float64[weights]; `aligned` holds its parents and no other model."""
    suspect = aligned.suspect
    stored = np.stack([store(row, suspect) for row in aligned.candidates])
    u = noise_floor(suspect, aligned.candidates)
    return Fitness(
        hit=hit,
        informative=(stored != stored[0]).any(axis=0),
        decisive=decisive(aligned, prediction, stored),
        far=telling(mix - aligned.candidates, u, aligned.tensors, FAR_ULPS),
        near=np.abs(widen(suspect) - mix) <= NEAR_ULPS * u,
        control=float(equal(aligned.candidates, suspect).mean(axis=1).max()),
    )


def decisive(aligned: Aligned, prediction: Stored, stored: Stored) -> Mask:
    """Tell the weights that a mix explains and its parents do not, bool[weights].

    `stored`: the parents' values as the suspect would store them. Its cells may be wider than the parents differ, so
    that no code differs from all of theirs. There the mix is held against the parent whose codes it shares most: a
    model trained on from one parent differs from the mix on these first. Weights on which the two lie closer than the
    edges of cells are known do not count: a tool may have chosen either code.
    """
    if not isinstance(aligned.suspect, Quantized):
        return np.asarray((prediction[None, :] != stored).all(axis=0))
    differs = store(widen(prediction), aligned.suspect)[None, :] != stored
    nearest = int(np.argmin(differs.sum(axis=1)))
    apart = np.abs(widen(prediction) - aligned.candidates[nearest]) >= SURE_EDGES * aligned.suspect.slack
    return np.asarray(differs[nearest] & apart)


def explained(aligned: Aligned, mix: Floats, tau: float) -> float:
    """Return how much of the suspect's departure from the nearest of its parents the mix explains, at most 1.

    Squares are weighted by 1/(u^2/12 + tau^2) and counted without what rounding alone leaves (u^2/12). Near 1 where
    next to nothing came on top of a mix, low for an honest sibling, whose own training is most of its departure; 0
    where the suspect has hardly departed at all.
    """
    values, u = widen(aligned.suspect), noise_floor(aligned.suspect, aligned.candidates)
    weight = 1.0 / (u**2 / 12 + tau**2)
    rounding = float(np.mean(weight * u**2 / 12))
    left = float(np.mean(weight * (values - mix) ** 2)) - rounding
    departures = np.mean(weight * (values - aligned.candidates) ** 2, axis=1) - rounding
    departed = float(departures.min())
    return 1.0 - max(left, 0.0) / departed if departed > rounding else 0.0


def worst_tensor(hit: Mask, tensors: NDArray[np.int64]) -> float:
    """Return the lowest share of hits in any tensor with enough of the given weights; 0 if there is none."""
    counts, hits = np.bincount(tensors), np.bincount(tensors, weights=hit)
    enough = counts >= ENOUGH_WEIGHTS
    return float((hits[enough] / counts[enough]).min()) if enough.any() else 0.0
