"""The stored values that each method of mergekit may give a weight.

Every step is computed in float32 and rounded to the type that the merge was computed in, as PyTorch does
(mergekit 0.1.5 and 0.1.4, https://arxiv.org/abs/2403.13257). Masks are unknown: each subset of deltas gives a value.
Numbers that depend on a whole tensor are free: `FREE` lists what they may be, and the caller tries them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import ml_dtypes
import numpy as np
from numpy.typing import ArrayLike, NDArray

from analyzers.fit.arithmetic import ARITHMETICS
from analyzers.numbers.rounding import BF16, widen

Singles = NDArray[np.float32]
LINEAR: Final = ("float32 fused, divided by the sum of weights", "storage type, divided by the sum of weights")
CONSENSUS: Final = ("ties", "dare_ties", "della", "breadcrumbs_ties")
NORMALISED: Final = ("ties", "della")
RESCALED: Final = ("dare_ties", "dare_linear", "della", "della_linear")
TRIED: Final = 128  # values of a free number


@dataclass(frozen=True, slots=True)
class Told:
    """A recipe: method, weight of each model but the base, densities, parameters, and the type of its arithmetic."""

    method: str
    weights: tuple[float, ...]
    densities: tuple[float, ...]
    parameters: Mapping[str, float]
    based: bool  # the first parent is a base
    wide: bool  # computed in float32

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Told:
        """Read mergekit's configuration."""
        each = [m["parameters"] for m in config["models"]]
        return cls(
            config["merge_method"],
            tuple(p.get("weight", 1.0) for p in each),
            tuple(p.get("density", 1.0) for p in each),
            config.get("parameters", {}),
            "base_model" in config,
            config["dtype"] == "float32",
        )

    def rounded(self, values: Singles) -> Singles:
        """Return what one step of the arithmetic leaves of `values`."""
        if self.wide:
            return values
        return singles(values.astype(ml_dtypes.bfloat16))


def singles(values: ArrayLike) -> Singles:
    """Return numbers as float32."""
    return np.asarray(values, np.float32)


Values = Callable[[Singles, Told, Sequence[Singles]], Iterator[Singles]]  # (parents, recipe, free numbers)


def _linear(parents: Singles, told: Told, _: Sequence[Singles]) -> Iterator[Singles]:
    """Yield the sum in float32, as 0.1.5 has it, and in the storage type, as 0.1.4 has it."""
    for arithmetic in ARITHMETICS:
        if arithmetic.name in LINEAR:
            mixed = arithmetic.mix(list(widen(parents)), told.weights, BF16)
            yield mixed.astype(np.float32)


def _masked(parents: Singles, told: Told, free: Sequence[Singles]) -> Iterator[Singles]:
    """Yield the base with each subset of the deltas; the sign is elected among those that were kept."""
    r = told.rounded
    weights = [r(singles(w)) for w in told.weights]
    deltas = [r(x - parents[0]) for x in parents[1:]]
    if free:
        deltas = [r(d * r(s)) for d, s in zip(deltas, free, strict=True)]
    parts = [r(d * w) for d, w in zip(deltas, weights, strict=True)]
    whole = told.method == "task_arithmetic"
    for mask in [(1,) * len(parts)] if whole else product((0, 1), repeat=len(parts)):
        kept = [np.where(on, part, np.float32(0)) for on, part in zip(mask, parts, strict=True)]
        yield r(parents[0] + _mixed(kept, weights, told))


def _mixed(parts: Sequence[Singles], weights: Sequence[Singles], told: Told) -> Singles:
    r, share = told.rounded, list(weights)
    if told.method in CONSENSUS:
        up = r(_sum(parts)) >= 0
        agreed = [np.where(up, part > 0, part < 0) for part in parts]
        parts = [np.where(ok, part, np.float32(0)) for ok, part in zip(agreed, parts, strict=True)]
        share = [np.where(ok, w, np.float32(0)) for ok, w in zip(agreed, weights, strict=True)]
    total, divisor = r(_sum(parts)), r(_sum(share))
    return r(singles(total / np.where(divisor == 0, np.float32(1), divisor))) if told.method in NORMALISED else total


def _sum(parts: Sequence[Singles]) -> Singles:
    return singles(sum(parts[1:], parts[0]))


def _sce(parents: Singles, told: Told, free: Sequence[Singles]) -> Iterator[Singles]:
    """Yield the base, and the deltas of the elected sign weighted by the energy of their tensors."""
    r, base = told.rounded, parents[0]
    deltas = [r(x - base) for x in parents[1:]]
    up = r(_sum(deltas)) >= 0
    erased = [np.where(np.where(up, d > 0, d < 0), w, np.float32(0)) for d, w in zip(deltas, free, strict=True)]
    mixed = r(_sum([r(singles(d * e)) for d, e in zip(deltas, erased, strict=True)]))
    yield base
    yield r(base + r(singles(mixed / np.maximum(r(_sum(erased)), np.float32(1e-6)))))


def _fusion(parents: Singles, told: Told, _: Sequence[Singles]) -> Iterator[Singles]:
    """Yield the base, and the base with the whole delta."""
    yield parents[0]
    yield parents[0] + told.rounded(parents[1] - parents[0])


def _nearswap(parents: Singles, told: Told, _: Sequence[Singles]) -> Iterator[Singles]:
    r, (one, two) = told.rounded, parents
    apart = singles(np.maximum(r(np.abs(r(one - two))), np.float32(1e-6)))
    # PyTorch divides a number by a tensor as the number times a reciprocal
    share = singles(np.clip(r(r(singles(1 / apart)) * np.float32(told.parameters["t"])), 0, 1))
    yield r(r(share * two) + r(r(1 - share) * one))


def _stock(parents: Singles, told: Told, free: Sequence[Singles]) -> Iterator[Singles]:
    r, (t,) = told.rounded, free
    total = parents[1]
    for x in parents[2:]:
        total = r(total + x)
    average = r(total / np.float32(len(parents) - 1))
    yield r(r(t * average) + r(r(1 - t) * parents[0]))


def _slerp(parents: Singles, told: Told, free: Sequence[Singles]) -> Iterator[Singles]:
    """Yield the spherical interpolation at an angle, in float32 whatever the storage type."""
    (angle,), t = free, told.parameters["t"]
    one, two = (singles(np.sin(s * angle) / np.sin(angle)) for s in (1 - t, t))
    yield one * parents[0] + two * parents[1]


def _nuslerp(parents: Singles, told: Told, free: Sequence[Singles]) -> Iterator[Singles]:
    """Yield the same with the cosine, the angle and its sines in the storage type; of deltas where there is a base."""
    r, (cosine,) = told.rounded, free
    t = told.weights[1] / sum(told.weights)
    base = parents[0] if told.based else singles(0)
    one, two = (r(x - base) for x in parents[-2:])
    angle = r(np.arccos(r(cosine)))
    sines = [r(np.sin(r(np.float32(s) * angle))) for s in (1 - t, t)]
    with np.errstate(divide="ignore", invalid="ignore"):
        mixed = r(r(r(sines[0] * one) + r(sines[1] * two)) / r(np.sin(angle)))
    straight = r(r(np.float32(1 - t) * one) + r(np.float32(t) * two))
    yield r(base + np.where(r(cosine) == 1, straight, mixed))


def _spherical(parents: Singles, _: Told, free: Sequence[Singles]) -> Iterator[Singles]:
    """Yield a weighted sum and its two neighbours in the storage type.

    The means on the sphere round units, tangents and norms of whole tensors, which a sample does not tell.
    """
    total = _sum([x * c for x, c in zip(parents, free, strict=True)]).astype(ml_dtypes.bfloat16)
    stored = total.astype(np.float32)
    exponent = np.frexp(stored)[1]
    step = np.ldexp(np.float32(1), exponent - 8)
    yield from (stored, stored - step, stored + step)


VALUES: Final[Mapping[str, Values]] = {
    "linear": _linear,
    **dict.fromkeys(("task_arithmetic", "ties", *RESCALED, "breadcrumbs", "breadcrumbs_ties"), _masked),
    "sce": _sce,
    "arcee_fusion": _fusion,
    "nearswap": _nearswap,
    "model_stock": _stock,
    "slerp": _slerp,
    "nuslerp": _nuslerp,
    "karcher": _spherical,
    "multislerp": _spherical,
}


def free_numbers(told: Told, parents: int) -> list[Singles]:
    """Return what each free number of a tensor may be, float32[values] each, the likeliest first."""
    if told.method in RESCALED:
        about = np.concatenate([[1.0], np.linspace(0.7, 1.2, TRIED)])
        return [singles(about / d) for d in told.densities]
    if told.method == "sce":
        return [singles([1 / (parents - 1), *_shares(-6)])] * (parents - 1)
    if told.method == "slerp":
        return [singles(np.linspace(1e-3, 0.3, 4 * TRIED))]
    if told.method in ("model_stock", "nuslerp"):
        return [singles([1, *_shares(-10), *-_shares(-10)])]
    return []


def _shares(least: int) -> Singles:
    """Return the bfloat16 numbers from 2 ** least to 1."""
    first, last = (int(np.float32(x).view(np.uint32)) >> 16 for x in (2.0**least, 1.0))
    return (np.arange(first, last, dtype=np.uint32) << 16).view(np.float32)
