"""Exact bounds on a rate of which some of some were seen."""

from __future__ import annotations

import math


def upper_bound(count: int, of: int, level: float = 0.95) -> float:
    """Return the one-sided upper bound on a rate of which `count` of `of` were seen (Clopper and Pearson 1934).

    With count 0 it is about 3 / of at a level of 95 %. The lower bound on the rate of the others is 1 less this.
    """
    if count >= of:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(60):
        rate = (low + high) / 2
        low, high = (rate, high) if _so_few(count, of, rate) > 1 - level else (low, rate)
    return high


def _so_few(count: int, of: int, rate: float) -> float:
    """Return the chance of at most `count` of `of`, summed by logarithms so that nothing overflows."""
    whole = math.lgamma(of + 1)
    logs = (
        whole - math.lgamma(i + 1) - math.lgamma(of - i + 1) + i * math.log(rate) + (of - i) * math.log1p(-rate)
        for i in range(count + 1)
    )
    return math.fsum(map(math.exp, logs))
