"""How much of a model's departure from the nearest reference a mix of references explains, rounding removed.

For each model against references, {base, A, B, C} unless others are named: the best mix of two or three of them, sum
one, and

    E = 1 - (|s - mix|^2 - n) / (|s - nearest|^2 - n)

so that a pure mix gives 1 and an unrelated delta about 0. |.|^2 is the sum of squares over a variance, and n what
rounding adds to it. Three variances: u^2/12, u the ulp of the stored weight, where a few weights near zero decide;
u^2/12 + tau^2, tau the scatter that is left over, as production weighs; and one for all. Of the decisive weights
(prediction unlike every parent of the mix) `inside` is the share in the rounding cell of the mix.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analyzers.compare.aligned import noise_floor
from analyzers.fit.parent_selection import select
from analyzers.numbers.rounding import Floats, Stored, round_to, widen
from bench.trained.folder import read
from bench.trained.known import NAMES

REFERENCES = ("base", "A", "B", "C")
THINNED = 16  # every so many-th weight is enough for tau


@dataclass(frozen=True, slots=True)
class Departure:
    """What a mix of references makes of one model. Squares are sums over a variance."""

    coefficients: Floats  # float64[references]: of all references together
    parents: tuple[int, ...]  # of the best mix of two or three
    shares: Floats  # float64[parents]: their coefficients
    nearest: float  # |s - nearest|^2
    left: float  # |s - mix|^2
    rounding: float  # n

    @property
    def explained(self) -> float:
        """E; not a number where the departure is no larger than rounding."""
        apart = self.nearest - self.rounding
        return 1 - (self.left - self.rounding) / apart if apart > 0 else float("nan")


def departure(suspect: Stored, references: Floats, variance: Floats) -> Departure:
    """Measure one model, stored[weights], against float64[references, weights], squares over float64[weights]."""
    gap = (widen(suspect) - references) / np.sqrt(variance)
    gram: NDArray[np.float64] = gap @ gap.T  # |s - sum c_i r_i|^2 = c' gram c where the coefficients sum to one
    subsets = [c for size in (2, 3) for c in combinations(range(len(references)), size)]
    parents = min(subsets, key=lambda c: _left(gram, c))
    rounding = float((_rounding(suspect, references) / variance).sum())
    everything = _solve(gram, range(len(references)))
    shares = _solve(gram, parents)
    return Departure(everything, parents, shares, float(gram.diagonal().min()), _left(gram, parents), rounding)


def inside(suspect: Stored, references: Floats, found: Departure) -> tuple[int, float]:
    """Return how many weights are decisive for the mix, and which share of them it reproduces."""
    parents = references[list(found.parents)]
    prediction = round_to(found.shares @ parents, suspect.dtype)
    decisive = np.all(widen(prediction) != parents, axis=0)
    hit = prediction == suspect
    return int(decisive.sum()), float(hit[decisive].mean()) if decisive.any() else 0.0


def variances(suspect: Stored, references: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the three variances, float64[weights]: of rounding, with scatter, and one for all."""
    rounding = _rounding(suspect, references)
    thin = references[:, ::THINNED]
    nearest = int(np.argmin(((widen(suspect[::THINNED]) - thin) ** 2).sum(axis=1)))
    tau = select(suspect[::THINNED], thin, nearest).tau
    return rounding, rounding + tau**2, np.full_like(rounding, rounding.mean())


def _rounding(suspect: Stored, references: Floats) -> Floats:
    found: Floats = noise_floor(suspect, references) ** 2 / 12
    return found


def _solve(gram: NDArray[np.float64], parents: Sequence[int]) -> Floats:
    """Return the coefficients of these references, sum one, that leave least."""
    part = gram[np.ix_(parents, parents)]
    anchor = part[-1, -1] - part[:-1, -1]
    inner = part[:-1, :-1] - part[:-1, -1:] - part[-1:, :-1] + part[-1, -1]
    alpha = np.linalg.lstsq(inner, anchor, rcond=None)[0]
    return np.append(alpha, 1 - alpha.sum())


def _left(gram: NDArray[np.float64], parents: Sequence[int]) -> float:
    c = _solve(gram, parents)
    return float(c @ gram[np.ix_(parents, parents)] @ c)


def measure(models: Path, keys: Sequence[str] = REFERENCES) -> None:
    """Print the table over every suspect and known model; the first of the references is the base."""
    hub = json.loads((models / "hub.json").read_text())
    references = np.stack([widen(_flat(models, NAMES[k])) for k in keys])
    every = " ".join(keys)
    print(f"model | group | delta/base | moved | {every}: by 1/u^2, with tau | mix | E 1/u^2, tau, plain | "
          "nearest over rounding | decisive | inside | what")  # fmt: skip
    for repo_id, said in hub.items():
        stored = _flat(models, repo_id)
        away = widen(stored) - references[0]
        size = float(np.sqrt((away**2).sum() / (references[0] ** 2).sum()))
        row = f"{repo_id} | {said['group']} | {size:.5f} | {np.mean(away != 0):.3f} | "
        if repo_id not in (NAMES[k] for k in keys):
            row += _told(stored, references, keys)
        print(f"{row} | {said['what']}", flush=True)


def _told(stored: Stored, references: Floats, keys: Sequence[str]) -> str:
    by_ulp, with_tau, plain = (departure(stored, references, v) for v in variances(stored, references))
    coefficients = ", ".join(" ".join(f"{c:.3f}" for c in d.coefficients) for d in (by_ulp, with_tau))
    mix = " + ".join(f"{c:.3f} {keys[p]}" for p, c in zip(with_tau.parents, with_tau.shares, strict=True))
    explained = " ".join(f"{d.explained:.4f}" for d in (by_ulp, with_tau, plain))
    decisive, share = inside(stored, references, with_tau)
    return f"{coefficients} | {mix} | {explained} | {plain.nearest / plain.rounding:.3g} | {decisive} | {share:.4f}"


def _flat(models: Path, repo_id: str) -> Stored:
    weights = read(models / "repos" / repo_id)
    return np.concatenate([weights[n].ravel() for n in sorted(weights)])
