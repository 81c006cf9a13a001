"""How much of a model's departure from the nearest reference a mix of references explains, rounding removed.

For each model against references, {base, A, B, C} unless others are named: least-squares coefficients (sum one)
weighted by 1/u^2, u the ulp of the stored weight; the best mix of two or three of them, and what it explains:

    E = 1 - (|s - mix|^2 - n) / (|s - nearest|^2 - n)

with distances in units of u/sqrt(12) and n the number of weights, so that a pure mix gives 1 and an unrelated delta
about 0; and of the decisive weights (prediction unlike every parent of the mix) the share inside the rounding cell of
the mix.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analyzers.mixing import noise_floor
from analyzers.rounding import Floats, Stored, round_to, widen
from bench.trained.catalogue import NAMES
from bench.trained.folder import read

REFERENCES = ("base", "A", "B", "C")
Flat = Mapping[str, Stored]


@dataclass(frozen=True, slots=True)
class Departure:
    """What a mix of references makes of one model; distances as variance over rounding variance (1: only rounding)."""

    coefficients: Floats  # float64[references]: of all references together
    parents: tuple[int, ...]  # of the best mix of two or three
    nearest: float  # |s - nearest|^2 / n
    left: float  # |s - mix|^2 / n
    decisive: int
    inside: float  # share of the decisive weights that the mix reproduces

    @property
    def explained(self) -> float:
        """E; not a number where the departure is no larger than rounding."""
        return 1 - (self.left - 1) / (self.nearest - 1) if self.nearest > 1 else float("nan")


def departure(suspect: Stored, references: Floats) -> Departure:
    """Measure one model, stored[weights], against float64[references, weights]."""
    unit = noise_floor(suspect, references) / np.sqrt(12)
    s, r = widen(suspect) / unit, references / unit
    apart = [float(np.mean((s - one) ** 2)) for one in r]
    gram = _gram(s, r)
    subsets = [c for size in (2, 3) for c in combinations(range(len(r)), size)]
    parents = min(subsets, key=lambda c: _left(gram, c, len(s)))
    mix = _solve(gram, parents) @ references[list(parents)]
    prediction = round_to(mix, suspect.dtype)
    decisive = np.all(widen(prediction) != references[list(parents)], axis=0)
    hit = prediction == suspect
    return Departure(
        _solve(gram, tuple(range(len(r)))),
        parents,
        min(apart),
        _left(gram, parents, len(s)),
        int(decisive.sum()),
        float(hit[decisive].mean()) if decisive.any() else 0.0,
    )


def _gram(s: Floats, r: Floats) -> NDArray[np.float64]:
    """Return the inner products of the references' distances from the suspect: least squares with sum one needs them.

    |s - sum c_i r_i|^2 = c' G c where the coefficients sum to one.
    """
    gap = s - r
    gram: NDArray[np.float64] = gap @ gap.T
    return gram


def _solve(gram: NDArray[np.float64], parents: Sequence[int]) -> Floats:
    """Return the coefficients of these references, sum one, that leave least."""
    part = gram[np.ix_(parents, parents)]
    anchor = part[-1, -1] - part[:-1, -1]
    inner = part[:-1, :-1] - part[:-1, -1:] - part[-1:, :-1] + part[-1, -1]
    alpha = np.linalg.lstsq(inner, anchor, rcond=None)[0]
    return np.append(alpha, 1 - alpha.sum())


def _left(gram: NDArray[np.float64], parents: Sequence[int], weights: int) -> float:
    c = _solve(gram, parents)
    return float(c @ gram[np.ix_(parents, parents)] @ c) / weights


def measure(models: Path, keys: Sequence[str] = REFERENCES) -> None:
    """Print the table over every suspect and known model; the first of the references is the base."""
    hub = json.loads((models / "hub.json").read_text())
    references = np.stack([widen(_flat(models, NAMES[k])) for k in keys])
    print("model | group | delta/base | moved | " + " ".join(keys) + " | best mix | nearest/n | left/n | E | "
          "decisive | inside | what")  # fmt: skip
    for repo_id, said in hub.items():
        if repo_id == NAMES[keys[0]]:
            continue
        stored = _flat(models, repo_id)
        away = widen(stored) - references[0]
        size = float(np.sqrt((away**2).sum() / (references[0] ** 2).sum()))
        row = f"{repo_id} | {said['group']} | {size:.5f} | {np.mean(away != 0):.3f} | "
        if repo_id not in (NAMES[k] for k in keys):
            row += _told(departure(stored, references), keys)
        print(f"{row} | {said['what']}", flush=True)


def _told(d: Departure, keys: Sequence[str]) -> str:
    coefficients = " ".join(f"{c:.3f}" for c in d.coefficients)
    parents = "+".join(keys[p] for p in d.parents)
    found = f"{d.nearest:.3g} | {d.left:.3g} | {d.explained:.4f} | {d.decisive} | {d.inside:.4f}"
    return f"{coefficients} | {parents} | {found}"


def _flat(models: Path, repo_id: str) -> Stored:
    weights = read(models / "repos" / repo_id)
    return np.concatenate([weights[n].ravel() for n in sorted(weights)])
