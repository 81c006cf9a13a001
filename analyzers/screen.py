"""The few among very many known models that a full analysis should see: the nearest, and those that explain the rest.

Greedy orthogonal least squares (Chen et al. 1989), with the weights of analyzers/mixing.py, over references that are
never all in memory: every pass streams them as float32 (analyzers/stream.py) and keeps those whose delta, freed of what
is explained already, correlates most with what is left; on these few the fit is made anew in float64. Passes end when
one brings nothing significant. In a family the first picks are often stand-ins, an instruct model for its descendants:
they stay on the list, and what they leave over finds the descendants in the next pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from analyzers.mixing import MIN_Z
from analyzers.records import Sketch
from analyzers.rounding import Floats
from analyzers.stream import Left, Pool, Run, Target, nearness, rows, significance
from analyzers.thresholds import MIN_OVERLAP

LIMIT = 64  # references on the list
PASSES = 8
KEPT = 160  # references of a pass that are looked at in float64
PICKS = 12  # models in the fit, stand-ins included
NEAREST = 24  # references nearest under each temper
EQUAL = 4  # references with the most equal slices, and again with the most of the slices left, and so on
COMPARED = 256  # references among which partners for a swap are looked for
PARTNERS = 6
TAU_STEPS = 16


@dataclass(frozen=True, slots=True, order=True)
class Pick:
    """Reference `record` of pool `pool`."""

    pool: int
    record: int


@dataclass(frozen=True, slots=True)
class Fit:
    """`chosen` deltas from the anchor (rows of what was seen) and what they leave; float64[compared weights] each."""

    chosen: tuple[int, ...]
    residual: Floats
    weight: Floats


@dataclass
class Seen:
    """The references looked at in float64, on the compared columns."""

    y: Floats  # suspect minus anchor
    u: Floats
    anchor: Floats
    picks: list[Pick] = field(default_factory=list)
    deltas: list[Floats] = field(default_factory=list)
    best: list[float] = field(default_factory=list)  # the highest |z| of each so far

    def add(self, picks: Iterable[Pick], values: Floats) -> list[int]:
        """Take in references; return the row numbers of those that are new and finite."""
        known, new = set(self.picks), []
        for pick, row in zip(picks, values, strict=True):
            if pick not in known and np.isfinite(row).all():
                new.append(len(self.picks))
                self.picks.append(pick)
                self.deltas.append(row - self.anchor)
                self.best.append(0.0)
        return new

    def fit(self, chosen: tuple[int, ...], start: Floats) -> Fit:
        """Fit exactly these, beginning with the weights that fit the residual `start`."""
        weight = weights_of(start, self.u)
        if not chosen:
            return Fit((), self.y, weights_of(self.y, self.u))
        columns = np.stack([self.deltas[i] for i in chosen])
        residual = start
        for _ in range(3):  # the weights depend on the residual, which depends on the weights
            root = np.sqrt(weight)
            alpha = np.linalg.lstsq((columns * root).T, self.y * root, rcond=None)[0]
            residual = self.y - alpha @ columns
            weight = weights_of(residual, self.u)
        return Fit(chosen, residual, weight)

    def orthonormal(self, fit: Fit) -> Floats:
        """Return the fit's deltas made orthonormal under its weights, float64[k, compared weights]."""
        root = np.sqrt(fit.weight)
        columns = np.stack([self.deltas[i] for i in fit.chosen]) if fit.chosen else np.zeros((0, root.size))
        basis: Floats = np.linalg.qr((columns * root).T)[0].T / root
        return basis


def weights_of(residual: Floats, u: Floats) -> Floats:
    """Return 1/(u^2/12 + tau^2) with tau of maximum likelihood; see analyzers/mixing.py."""
    size = max(float(np.sqrt(np.mean(residual**2))), 1e-30)
    grid = np.concatenate([[0.0], np.geomspace(1e-4, 1.0, TAU_STEPS) * size])
    chances = [_surprise(residual, u, tau) for tau in grid]
    return 1.0 / (u**2 / 12 + grid[int(np.argmin(chances))] ** 2)


def _surprise(residual: Floats, u: Floats, tau: float) -> float:
    variance = u**2 / 12 + tau**2
    return float((np.log(variance) + residual**2 / variance).sum())


@dataclass(frozen=True)
class Field:
    """What a suspect is compared with."""

    target: Target
    pools: Sequence[Pool]
    run: Run

    def held(self, number: int) -> NDArray[np.bool_]:
        """Return the suspect's columns that a pool has too, bool[columns]."""
        held = np.zeros(self.target.y.size, bool)
        at = self.target.columns(self.pools[number].of)
        held[at[at >= 0]] = True
        return held

    def values(self, picks: Sequence[Pick]) -> Floats:
        """Return references on the suspect's columns, float64[picks, columns]."""
        found = np.empty((len(picks), self.target.y.size))
        for number in {pick.pool for pick in picks}:
            places = [i for i, pick in enumerate(picks) if pick.pool == number]
            found[places] = rows(self.pools[number], self.target, [picks[i].record for i in places])
        return found

    def nearest(self, main: Sequence[int]) -> tuple[list[Pick], list[Pick]]:
        """Return the nearest references, those of the pools `main` first, and the ones with the most equal slices."""
        near: list[tuple[bool, float, Pick]] = []
        equal: list[Pick] = []
        for number, pool in enumerate(self.pools):
            distances, same = nearness(pool, self.target, self.run)
            for row in distances:
                found = _first(row, NEAREST if number in main else EQUAL)
                near += [(number not in main, float(row[r]), Pick(number, int(r))) for r in found]
            equal += [Pick(number, r) for r in _most_equal(same)]
        return list(dict.fromkeys(p for _, _, p in sorted(near))), equal

    def strongest(self, main: Sequence[int], left: Left) -> list[Pick]:
        """Stream all references of `main` once; return the most significant ones, the strongest first."""
        found: list[tuple[float, Pick]] = []
        for number in main:
            z = significance(self.pools[number], self.target, left, self.run)
            found += [(-float(z[r]), Pick(number, int(r))) for r in _first(-z, KEPT) if z[r] > 0]
        return [pick for _, pick in sorted(found)[:KEPT]]


def screen(suspect: Sketch, pools: Sequence[Pool], limit: int = LIMIT, run: Run = map) -> list[Pick]:
    """Return at most `limit` references, the most wanted first; `suspect` holds at least one slice.

    `pools` must share coordinates with it. `run` may use threads.
    """
    ground = Field(Target.of(suspect), pools, run)
    shared = [int(ground.held(i).sum()) for i in range(len(pools))]
    main = [i for i, n in enumerate(shared) if n >= MIN_OVERLAP * max(shared)]
    near, equal = ground.nearest(main)
    near = _by_likelihood(ground, near)
    if not near:
        return []
    used = _compared(ground, near[0].pool, main)
    main = [i for i in main if (ground.held(i) | ~used).all()]
    seen = _begin(ground, near, used)
    fit, ever = _pursue(ground, main, used, seen)
    picked = [seen.picks[i] for i in (0, *fit.chosen, *ever)]
    partners = [seen.picks[i] for i in _partners(seen, fit)]
    rest = [seen.picks[i] for i in np.argsort(-np.array(seen.best), kind="stable")]
    return list(dict.fromkeys([*picked, *equal, *near[:8], *partners, *near[8:16], *rest]))[:limit]


def _first(values: Floats, count: int) -> list[int]:
    """Return the positions of the `count` smallest finite values, the smallest first."""
    some = np.argpartition(values, count)[:count] if len(values) > count else np.arange(len(values))
    some = some[np.isfinite(values[some])]
    return [int(i) for i in some[np.argsort(values[some], kind="stable")]]


def _most_equal(same: NDArray[np.bool_]) -> list[int]:
    """Return the references with the most equal slices, then those with the most of the slices left, and so on.

    `same`: bool[references, slices].
    """
    found: list[int] = []
    left = np.ones(same.shape[1], bool)
    while left.any() and len(found) < 4 * EQUAL:
        counts = same[:, left].sum(axis=1)
        best = [r for r in _first(-counts.astype(np.float64), EQUAL) if counts[r]]
        if not best:
            break
        found += best
        left &= ~same[best[0]]
    return found


def _compared(ground: Field, first: int, main: Sequence[int]) -> NDArray[np.bool_]:
    """Return the columns that are compared, bool[columns]: the nearest model's that most other classes share."""
    used = ground.held(first)
    least = MIN_OVERLAP * used.sum()
    for number in sorted(main, key=lambda i: -len(ground.pools[i].allowed)):
        both = used & ground.held(number)
        used = both if both.sum() >= least else used
    return used


def _by_likelihood(ground: Field, near: Sequence[Pick]) -> list[Pick]:
    """Order the nearest by how well each alone, with scatter, explains the suspect, for each weight it shares."""
    found: list[tuple[float, Pick]] = []
    for pick, row in zip(near, ground.values(near), strict=True):
        here = np.isfinite(row)
        gap, u = (ground.target.y - row)[here], ground.target.u[here]
        size = float(np.sqrt(np.mean(gap**2)))
        chance = min(_surprise(gap, u, tau * size) for tau in (0.0, 1e-3, 1e-2, 0.1, 0.3, 1.0)) / gap.size
        found.append((chance, pick))
    return [pick for _, pick in sorted(found)]


def _begin(ground: Field, near: Sequence[Pick], used: NDArray[np.bool_]) -> Seen:
    """Take in the nearest references, the very nearest as the anchor."""
    values = ground.values(near)[:, used]
    seen = Seen(ground.target.y[used] - values[0], ground.target.u[used], values[0])
    seen.add(near, values)
    return seen


def _pursue(ground: Field, main: Sequence[int], used: NDArray[np.bool_], seen: Seen) -> tuple[Fit, list[int]]:
    """Stream until nothing new is significant; return the last fit, and every row that was ever in one."""
    ever: dict[int, None] = {}
    fit = _grow(seen, seen.fit((), seen.y), range(1, len(seen.picks)), ever)
    for _ in range(PASSES):
        left = Left(*(_wide(v, used) for v in (seen.anchor, fit.residual, fit.weight, seen.orthonormal(fit))))
        strongest = ground.strongest(main, left)
        seen.add(strongest, ground.values(strongest)[:, used])
        place = {pick: i for i, pick in enumerate(seen.picks)}
        grown = _grow(seen, fit, [place[p] for p in strongest if p in place], ever)
        if grown.chosen == fit.chosen:
            break
        fit = _shrink(seen, grown)
    return fit, list(ever)


def _wide(vector: Floats, used: NDArray[np.bool_]) -> Floats:
    """Return what stands on compared columns as what stands on all, 0 elsewhere."""
    found = np.zeros((*vector.shape[:-1], used.size))
    found[..., used] = vector
    return found


def _grow(seen: Seen, fit: Fit, among: Sequence[int], ever: dict[int, None]) -> Fit:
    """Add to a fit, one after the other, what is most significant among some rows."""
    deltas = np.stack([seen.deltas[i] for i in among]) if among else np.zeros((0, seen.y.size))
    squares = deltas**2
    while len(fit.chosen) < PICKS:
        z = _z(deltas, squares, seen, fit)
        for i, one in zip(among, z, strict=True):
            seen.best[i] = max(seen.best[i], float(one))
        if not z.size or z.max() < MIN_Z:
            break
        best = among[int(np.argmax(z))]
        ever[best] = None
        fit = seen.fit((*fit.chosen, best), fit.residual)
    return fit


def _z(deltas: Floats, squares: Floats, seen: Seen, fit: Fit) -> Floats:
    """Return |z|, float64[deltas], freed of what the fit explains; 0 for what it explains wholly."""
    basis = seen.orthonormal(fit)
    power = squares @ fit.weight
    free = power - ((deltas @ (basis * fit.weight).T) ** 2).sum(axis=1)
    z: Floats = np.abs(deltas @ (fit.weight * fit.residual)) / np.sqrt(np.maximum(free, 1e-300))
    return np.where(free > 1e-9 * power, z, 0.0)


def _shrink(seen: Seen, fit: Fit) -> Fit:
    """Take away, one after the other, what is not significant beside the others."""
    while fit.chosen:
        z = []
        for one in fit.chosen:
            rest = Fit(tuple(i for i in fit.chosen if i != one), fit.residual, fit.weight)
            z.append(_joint_z(seen, fit, rest, one))
        weakest = int(np.argmin(z))
        if z[weakest] >= MIN_Z:
            break
        fit = seen.fit(tuple(i for i in fit.chosen if i != fit.chosen[weakest]), fit.residual)
    return fit


def _joint_z(seen: Seen, fit: Fit, rest: Fit, one: int) -> float:
    """Return |z| of one coefficient of a fit: of what it adds to the rest, under the fit's own weights."""
    basis = seen.orthonormal(rest)
    delta = seen.deltas[one]
    free = delta - (basis @ (fit.weight * delta)) @ basis
    power = float(free @ (fit.weight * free))
    return abs(float(free @ (fit.weight * seen.y))) / float(np.sqrt(max(power, 1e-300)))


def _partners(seen: Seen, fit: Fit) -> list[int]:
    """Return, for each model of the fit, the ones that could best take its place, in turn."""
    some = [int(i) for i in np.argsort(-np.array(seen.best), kind="stable")[:COMPARED]]
    deltas = np.stack([seen.deltas[i] for i in some])
    squares = deltas**2
    found: list[list[int]] = []
    for one in fit.chosen:
        rest = tuple(i for i in fit.chosen if i != one)
        basis = seen.orthonormal(Fit(rest, fit.residual, fit.weight))
        left = seen.y - (basis @ (fit.weight * seen.y)) @ basis
        z = _z(deltas, squares, seen, Fit(rest, left, fit.weight))
        found.append([some[int(i)] for i in np.argsort(-z, kind="stable")[: PARTNERS + 1]])
    return [row[i] for i in range(PARTNERS + 1) for row in found if i < len(row)]
