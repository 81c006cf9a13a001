"""The few among very many known models that a full analysis should see: the nearest, and those that explain the rest.

References are never all in memory: every pass streams them as float32 (analyzers/shortlist/stream.py) and keeps those
whose delta, freed of what is explained already, correlates most with what is left; on these few the fit is made anew in
float64 (analyzers/shortlist/pursuit.py). Passes end when one brings nothing significant, or when nothing is left to
explain.

In a family the first picks are often stand-ins, an instruct model for its descendants: they stay on the list, and what
they leave over finds the descendants in the next pass. Stand-ins are looked for in a sample first, which costs little
and spares most passes over all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzers.numbers.rounding import Floats
from analyzers.records import Sketch
from analyzers.shortlist.pursuit import Fit, Pick, Seen, grow, needed, partners, shrink, surprise
from analyzers.shortlist.stream import Left, Pool, Run, Target, nearness, rows, significance
from analyzers.thresholds import MIN_OVERLAP

LIMIT = 64  # references on the list
SAMPLE_PASSES, PASSES = 8, 4  # at most, over the sample and over all
KEPT = 128  # references of a pass that are looked at in float64
NEAREST = 24  # references nearest under each temper
EQUAL = 4  # references with the most equal slices, and again with the most of the slices left, and so on
SAMPLE = 3000  # references among which stand-ins are looked for


@dataclass(frozen=True, slots=True)
class Shortlist:
    """`picks`, the most wanted first, and which of them a sparse fit needs: what it says, not what bits prove."""

    picks: tuple[Pick, ...] = ()
    fitted: tuple[Pick, ...] = ()


@dataclass(frozen=True)
class Field:
    """The models that a suspect is compared with."""

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

    def strongest(self, main: Sequence[int], left: Left, step: int) -> list[Pick]:
        """Stream every `step`-th reference of `main` once; return the most significant ones, the strongest first."""
        found: list[tuple[float, Pick]] = []
        for number in main:
            pool = self.pools[number]
            some = Pool(pool.of, pool.allowed[::step], pool.records[::step])
            z = significance(some, self.target, left, self.run)
            found += [(-float(z[r]), Pick(number, r * step)) for r in _first(-z, KEPT) if z[r] > 0]
        return [pick for _, pick in sorted(found)[:KEPT]]


def screen(
    suspect: Sketch, pools: Sequence[Pool], limit: int = LIMIT, run: Run = map, sample: int = SAMPLE
) -> Shortlist:
    """Return at most `limit` references that `suspect` may be made of.

    Every pool must share coordinates with `suspect`. `run` may use threads; `sample` is about how many references
    stand-ins are looked for among.
    """
    if not pools:
        return Shortlist()
    ground = Field(Target.of(suspect), pools, run)
    shared = [int(ground.held(i).sum()) for i in range(len(pools))]
    main = [i for i, n in enumerate(shared) if n >= MIN_OVERLAP * max(shared)]
    near, equal = ground.nearest(main)
    near = _by_likelihood(ground, near, main)
    if not near or near[0].pool not in main:
        return Shortlist(tuple(dict.fromkeys([*equal, *near]))[:limit])
    used = _compared(ground, near[0].pool, main)
    main = [i for i in main if (ground.held(i) | ~used).all()]
    seen = _begin(ground, near, used)
    fit = grow(seen, seen.fit((), seen.y), range(1, len(seen.picks)))
    step = sum(len(pools[i].records) for i in main) // sample
    ever = [*fit.chosen]
    for stride in (step, 1) if step > 1 else (1,):
        fit, passed = _pursue(ground, main, used, seen, fit, stride)
        ever += passed
    fit = shrink(seen, fit)
    picked = [seen.picks[i] for i in (0, *fit.chosen, *ever)]
    rest = [seen.picks[i] for i in np.argsort(-np.array(seen.best), kind="stable")]
    wanted = dict.fromkeys([*picked, *equal, *near[:8], *partners(seen, fit), *near[8:16], *rest])
    return Shortlist(tuple(wanted)[:limit], tuple(needed(seen, fit)))


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


def _by_likelihood(ground: Field, near: Sequence[Pick], main: Sequence[int]) -> list[Pick]:
    """Order the nearest by how well each alone, with scatter, explains the suspect, for each weight it shares.

    Those of the pools `main` come first; one that holds what is not a number is left out.
    """
    found: list[tuple[bool, float, Pick]] = []
    for pick, row in zip(near, ground.values(near), strict=True):
        held = ground.held(pick.pool)
        gap, u = (ground.target.y - row)[held], ground.target.u[held]
        if np.isfinite(gap).all():
            size = float(np.sqrt(np.mean(gap**2)))
            chance = min(surprise(gap, u, tau * size) for tau in (0.0, 1e-3, 1e-2, 0.1, 0.3, 1.0)) / gap.size
            found.append((pick.pool not in main, chance, pick))
    return [pick for _, _, pick in sorted(found)]


def _begin(ground: Field, near: Sequence[Pick], used: NDArray[np.bool_]) -> Seen:
    """Take in the nearest references, the very nearest as the anchor."""
    values = ground.values(near)[:, used]
    seen = Seen(ground.target.y[used] - values[0], ground.target.u[used], values[0])
    seen.add(near, values)
    return seen


def _pursue(
    ground: Field, main: Sequence[int], used: NDArray[np.bool_], seen: Seen, fit: Fit, step: int
) -> tuple[Fit, list[int]]:
    """Stream until nothing new or nothing at all is left; return the last fit, and every row that was in one."""
    ever: list[int] = []
    for _ in range(SAMPLE_PASSES if step > 1 else PASSES):
        if seen.explains_all(fit):
            break
        known = seen.orthonormal(fit.chosen, fit.weight)
        left = Left(*(_wide(v, used) for v in (seen.anchor, fit.residual, fit.weight, known)))
        strongest = ground.strongest(main, left, step)
        seen.add(strongest, ground.values(strongest)[:, used])
        place = {pick: i for i, pick in enumerate(seen.picks)}
        grown = grow(seen, fit, [place[p] for p in strongest if p in place])
        if grown.chosen == fit.chosen:
            break
        ever += grown.chosen
        fit = shrink(seen, grown)
    return fit, ever


def _wide(vector: Floats, used: NDArray[np.bool_]) -> Floats:
    """Return what stands on compared columns as what stands on all, 0 elsewhere."""
    found = np.zeros((*vector.shape[:-1], used.size))
    found[..., used] = vector
    return found
