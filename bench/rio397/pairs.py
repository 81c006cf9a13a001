"""The founding case's published estimates, and what one coefficient with one rounding predicts for each.

Published are (alpha, cosine) of R - Q on N - Q by plain least squares, module by module; alpha runs from .567 to .647.
Parents a few ulp apart explain that: rounding their mix draws alpha towards the nearer parent, most where the cosine
is lowest. Here the size of each module's delta is found from its cosine alone, and alpha is predicted from it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.rio397.shards import Tensor
from bench.rio397.weights import Base, mix, round_once, scale_of, unit_delta

SHARE = 0.565  # of the release in the suspect
PUBLISHED: Mapping[str, tuple[float, float]] = {  # module: (alpha, cosine)
    "routed experts": (0.571, 0.993),
    "lm_head": (0.574, 0.991),
    "attention": (0.585, 0.986),
    "linear attention": (0.586, 0.984),
    "router 0": (0.573, 0.992),
    "router 15": (0.647, 0.962),
    "router 30": (0.627, 0.967),
    "router 45": (0.582, 0.987),
    "router 59": (0.567, 0.997),
    "shared expert gate 0": (0.568, 0.997),
    "shared expert gate 30": (0.581, 0.988),
}
PROBE = Tensor("probe", "BF16", (1024, 1024))
SIZES = np.geomspace(3e-3, 0.5, 56)  # relative sizes of delta that are tried
SHARES = (0.55, 0.555, 0.56, 0.5625, 0.565, 0.5675, 0.57, 4 / 7, 0.575, 0.58, 0.6)


def naive(suspect: NDArray[np.generic], base: NDArray[np.generic], release: NDArray[np.generic]) -> tuple[float, float]:
    """Return (alpha, cosine) of the suspect's delta on the release's: plain least squares, rounding ignored."""
    y, d = (m.astype(np.float64) - base.astype(np.float64) for m in (suspect, release))
    return float(y @ d / (d @ d)), float(y @ d / np.sqrt((y @ y) * (d @ d)))


@dataclass(frozen=True, slots=True)
class Curve:
    """What rounding makes of a share, by the size of the delta; from the size with the lowest cosine upwards."""

    sizes: NDArray[np.float64]
    alphas: NDArray[np.float64]
    cosines: NDArray[np.float64]

    def size_at(self, cosine: float) -> float:
        """Return the relative size of the delta at which naive least squares has this cosine."""
        return float(np.exp(np.interp(cosine, self.cosines, np.log(self.sizes))))

    def alpha_at(self, cosine: float) -> float:
        """Return the alpha that naive least squares has beside this cosine."""
        return float(np.interp(np.log(self.size_at(cosine)), np.log(self.sizes), self.alphas))


@functools.cache
def curve(share: float) -> Curve:
    """Simulate a mix of `share` at every size of delta, on a million weights."""
    places = np.arange(PROBE.shape[0] * PROBE.shape[1])
    base = Base("probe").at(PROBE, places)
    change = scale_of(PROBE) * unit_delta("probe's release", PROBE, places)
    found = np.array([_simulated(base, change * size, share) for size in SIZES])
    lowest = int(
        found[:, 1].argmin()
    )  # below it nearly all that differs differs by one ulp, and the cosine rises again
    return Curve(SIZES[lowest:], found[lowest:, 0], found[lowest:, 1])


def _simulated(base: NDArray[np.generic], change: NDArray[np.float64], share: float) -> tuple[float, float]:
    release = round_once(base.astype(np.float64) + change, PROBE)
    blend = mix(release.astype(np.float32), base.astype(np.float32), share)
    return naive(round_once(blend, PROBE), base, release)


@functools.cache
def _size(module: str) -> float:
    return curve(SHARE).size_at(PUBLISHED[module][1])


def relative_size(tensor: Tensor) -> float:
    """Return the size of the release's delta in a tensor; of modules that nobody published, that of the experts."""
    name = tensor.name
    layer = int(found[1]) if (found := re.search(r"layers\.(\d+)\.", name)) else 0
    if name.endswith("mlp.gate.weight"):
        return _between(layer, "router", (0, 15, 30, 45, 59))
    if name.endswith("shared_expert_gate.weight"):
        return _between(layer, "shared expert gate", (0, 30))
    for part, module in (("lm_head", "lm_head"), (".linear_attn.", "linear attention"), (".self_attn.", "attention")):
        if part in f".{name}":
            return _size(module)
    return _size("routed experts")


def _between(layer: int, module: str, layers: tuple[int, ...]) -> float:
    return float(np.exp(np.interp(layer, layers, [np.log(_size(f"{module} {k}")) for k in layers])))


def predictions(share: float) -> list[float]:
    """Return the predicted alpha of every published module, in its order."""
    return [curve(share).alpha_at(cosine) for _, cosine in PUBLISHED.values()]


def rms(share: float) -> float:
    """Return the root mean square of published minus predicted alpha over all modules."""
    published = np.array([alpha for alpha, _ in PUBLISHED.values()])
    return float(np.sqrt(np.mean((published - predictions(share)) ** 2)))


def report(limit: float) -> bool:
    """Print the published against the predicted, and how other coefficients do; tell whether `limit` is kept."""
    print(f"one coefficient, {SHARE}, float32, one rounding to bfloat16; delta sized by the published cosine alone")
    print(f"{'module':24s}cosine  delta/weights  published alpha  predicted alpha")
    for (module, (alpha, cosine)), predicted in zip(PUBLISHED.items(), predictions(SHARE), strict=True):
        away = f"{predicted:.4f}  ({predicted - alpha:+.4f})"
        print(f"{module:24s}{cosine:.3f}   {_size(module):.4f}         {alpha:.3f}            {away}")
    errors = {share: rms(share) for share in SHARES}
    best = min(errors, key=errors.__getitem__)
    print(f"rms of the difference over the {len(PUBLISHED)} modules: {errors[SHARE]:.4f} (limit {limit})\n")
    print("coefficient  rms")
    for share, error in errors.items():
        print(f"{share:.4f}       {error:.4f}{'   best' if share == best else ''}")
    return errors[SHARE] <= limit
