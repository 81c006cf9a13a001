"""Which known models an upload is a linear mix of, and with what coefficients, under rounding.

Plain least squares is biased where parents differ by a few ulp, because rounding lands on one of them. Weighted by
1/(u^2/12 + tau^2) it is nearly not: u is the ulp of the suspect, and tau, the spread of what is not explained yet, is
found by maximum likelihood at every step, so that weights near zero do not decide while parents are still missing.
Parents are added greedily (orthogonal least squares, Chen et al. 1989), taken away again when they turn out not to be
needed, and exchanged while that makes the suspect more likely: among models of one family the first pick is often the
common ancestor of the true parents, or a blend of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from analyzers.compare.aligned import noise_floor
from analyzers.fit.moments import Moments, SetFit, fit_set, gains, moments
from analyzers.numbers.rounding import Floats, Kept, widen
from analyzers.thresholds import MIN_Z

MAX_PARENTS = 6
MAX_EXCHANGES = 8
EXCHANGED_WITH = 12  # of the other candidates, those that would help most
SETTLING = 12
SWEEPS = 4


def select(suspect: Kept, candidates: Floats, anchor: int, screened: int = 0) -> SetFit:
    """Return the best sparse fit. `candidates`: float64[models, weights], NaN-free; `anchor`: the nearest model.

    `screened`: among how many models the candidates were chosen; the more, the more a parent has to explain.
    """
    m = moments(widen(suspect), candidates, anchor, noise_floor(suspect, candidates))
    return select_from(m, anchor, screened)


def select_from(m: Moments, anchor: int, screened: int = 0) -> SetFit:
    """Select on sums that are there already; see `select`."""
    worth = MIN_Z**2 + 2 * math.log(max(screened, 1))
    fit, scaled = fit_set(m, (anchor,)), fit_set(m, (anchor,), free_sum=True)
    if scaled.cost < fit.cost - worth:  # a recipe's weights need not sum to one
        fit = scaled
    for _ in range(MAX_EXCHANGES):
        fit = _without_needless(m, _grown(m, fit, worth), worth)
        better = min(_exchanges(m, fit), key=lambda f: f.cost, default=fit)
        if better.cost > fit.cost - 1.0:
            break
        fit = better
    return _without_needless(m, fit, worth)


def _grown(m: Moments, fit: SetFit, worth: float) -> SetFit:
    while len(fit.parents) < MAX_PARENTS:
        gain = gains(m, fit)
        best = int(np.argmax(gain))
        if gain[best] < worth:
            break
        larger = fit_set(m, (best, *fit.parents), free_sum=fit.free_sum)
        if larger.cost > fit.cost - worth:
            break
        fit = larger
    return fit


def _without_needless(m: Moments, fit: SetFit, worth: float) -> SetFit:
    while len(fit.parents) > 1:
        fewer = (fit_set(m, rest, free_sum=fit.free_sum) for rest in _leaving_one_out(fit.parents))
        simpler = min(fewer, key=lambda f: f.cost)
        if simpler.cost > fit.cost + worth:
            break
        fit = simpler
    return fit


def _leaving_one_out(parents: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    for i in range(len(parents)):
        yield parents[:i] + parents[i + 1 :]


def _exchanges(m: Moments, fit: SetFit) -> Iterator[SetFit]:
    """Yield the fits in which one parent is another candidate."""
    if len(fit.parents) == 1:
        return
    for i, rest in enumerate(_leaving_one_out(fit.parents)):
        gain = gains(m, fit_set(m, rest, free_sum=fit.free_sum))
        gain[fit.parents[i]] = 0.0
        for j in np.argsort(-gain)[:EXCHANGED_WITH]:
            if gain[j] > 0:
                yield fit_set(m, (*rest, int(j)), free_sum=fit.free_sum)


def settle(suspect: Kept, parents: Floats, coefficients: Floats, slack: Floats, *, free_sum: bool = False) -> Floats:
    """Return coefficients, float64[parents], moved to where the mix lies in the most rounding cells.

    Least squares alone is drawn towards 0 or 1 where parents differ by an ulp or two. First the part of each residual
    that sticks out of its cell is squared and made small (it is zero for every feasible mix, and convex), without the
    cells that are missed by far; then one coefficient after the other goes to the deepest point on its line.
    """
    columns = parents[:-1] - parents[-1]
    if free_sum:
        columns = np.vstack([columns, parents[-1]])
    y = widen(suspect) - parents[-1]
    theta = np.append(coefficients[:-1], coefficients.sum() - 1.0) if free_sum else coefficients[:-1].copy()
    theta = _stab_each(y, columns, _pull_in(y, columns, theta, slack), slack)
    scale = theta[-1] if free_sum else 0.0
    others = theta[:-1] if free_sum else theta
    return np.append(others, 1.0 + scale - others.sum())


def _pull_in(y: Floats, columns: Floats, theta: Floats, slack: Floats) -> Floats:
    """Make what sticks out of the cells small, by damped Gauss-Newton steps; the best point met is returned."""
    scaled = columns / slack
    best, most = theta, -1
    for _ in range(SETTLING):
        residual = (y - theta @ columns) / slack
        inside = int((np.abs(residual) <= 1).sum())
        if inside > most:
            best, most = theta, inside
        excess = np.sign(residual) * np.maximum(np.abs(residual) - 1, 0)
        used = (excess != 0) & (np.abs(residual) < 4)
        if not used.any():
            break
        near = scaled[:, np.abs(residual) < 4]
        hessian = scaled[:, used] @ scaled[:, used].T + 1e-2 * (near @ near.T)
        theta = theta + np.linalg.lstsq(hessian, scaled[:, used] @ excess[used], rcond=1e-10)[0]
    return best


def _stab_each(y: Floats, columns: Floats, theta: Floats, slack: Floats) -> Floats:
    found = theta.copy()
    for _ in range(SWEEPS if len(found) > 1 else 1):
        for j, column in enumerate(columns):
            found[j] += stab(y - found @ columns, column, slack)
    return found


def stab(gap: Floats, column: Floats, slack: Floats) -> float:
    """Return the middle of the range of t in which gap - slack <= t * column <= gap + slack holds most often."""
    used = column != 0
    if not used.all():
        if not used.any():
            return 0.0
        gap, column, slack = gap[used], column[used], slack[used]
    lower, upper = (gap - slack) / column, (gap + slack) / column
    points = np.concatenate([np.minimum(lower, upper), np.maximum(lower, upper)])
    order = points.argsort(kind="stable")  # a method: numpy.argsort costs more than the sorting, thousands of times
    depth = np.where(order < column.size, 1, -1).cumsum()
    best = int(depth.argmax())
    return float(points[order[best]] + points[order[min(best + 1, order.size - 1)]]) / 2
