"""Planted linear mixes of two to six parents: are they named, how exact are their coefficients, do the intervals hold.

    python -m bench.mixes [--draws 1000] [--workers 2]

Each draw has a base and eleven releases of 28 tensors at the production coordinates, deltas of 1e-4 to 5e-2 of the
weights' size, half of each along directions common to its rows; and a suspect mixed of two to six of them in one of the
named arithmetics, stored as bfloat16, float16 or float32, with coefficients that may be negative, above one, and need
not sum to one. It is judged by the first look's decision of production. `held`: draws in which every interval holds the
coefficient as written in the recipe. The second table has mixes with relative noise, or a little training, on top.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import Pool

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from analyzers import explain
from analyzers.compare.case import case_of
from analyzers.fit.arithmetic import ARITHMETICS, Arithmetic
from analyzers.numbers.rounding import round_to, widen
from analyzers.records import Disclosure, Finding, Reference, RepoRef, Sample, SampleSpec, Sketch, SliceKey

Array = NDArray[np.float64]
TENSORS, WINDOWS, COLS, RELEASES = 28, 4, 64, 11
SPEC = SampleSpec()
BF16 = np.dtype(ml_dtypes.bfloat16)
STORED = (BF16, BF16, BF16, np.dtype(np.float16), np.dtype(np.float32))
NAMES = ("aurora/base", *(f"maker{i}/release" for i in range(RELEASES)))
AVERAGES = "average, then interpolated, in the storage type"


@dataclass(frozen=True, slots=True)
class Draw:
    """One planted mix: its parents and weights as written, and how it came about."""

    number: int
    truth: dict[str, float]
    size: float
    arithmetic: str
    stored: str
    topping: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found of one draw."""

    draw: Draw
    named: bool  # a blend of exactly these parents
    exact: bool
    error: float  # the largest of any coefficient
    held: bool  # every interval holds its coefficient
    innocent: bool  # a model is named that is no parent


def weights(rng: np.random.Generator) -> Array:
    """Draw weights of rms .02, float64[tensors, windows, columns]."""
    return rng.normal(0, 0.02, (TENSORS, WINDOWS, COLS))


def delta(rng: np.random.Generator, size: float) -> Array:
    """Draw a trained-like delta, half of its variance along four directions common to the rows of a tensor."""
    common = rng.normal(0, 1, (TENSORS, WINDOWS, 4)) @ rng.normal(0, 1, (TENSORS, 4, COLS)) / 2
    scale = np.exp(rng.normal(0, 0.3, (TENSORS, 1, 1)))
    change: Array = 0.02 * size * scale * (rng.normal(0, 1, (TENSORS, WINDOWS, COLS)) + common) / np.sqrt(2)
    return change


def written(rng: np.random.Generator, count: int, arithmetic: Arithmetic) -> Array:
    """Draw `count` weights of two decimals, none of them small; some negative, above one, or with another sum."""
    kind = rng.choice(["shares", "task", "free"])
    if arithmetic.name == AVERAGES:  # has one number of its own
        share = round(float(rng.uniform(0.3, 0.9)), 2)
        return np.array([1 - share, *[share / (count - 1)] * (count - 1)])
    while True:
        raw = rng.uniform(0.1, 1.0, count)
        if kind == "shares" or arithmetic.normalises:
            found = np.round(raw / raw.sum(), 2)
            found[0] = round(1 - found[1:].sum(), 2)
        elif kind == "task" or arithmetic.name.startswith("task"):
            found = np.round(raw * rng.choice([-0.5, 1, 1, 1.3], count), 2)
            found[0] = round(1 - found[1:].sum(), 2)
        else:
            found = np.round(raw * 1.1 / raw.sum(), 2)
        if np.abs(found).min() >= 0.05:
            return np.asarray(found, dtype=np.float64)


def sketch(name: str, values: NDArray[np.generic]) -> Sketch:
    """Return stored weights as a sketch."""
    samples = {SliceKey("layers.mlp.up_proj", i): Sample(4096, 4096, 0, values[i].ravel()) for i in range(len(values))}
    return Sketch(RepoRef(name, "0" * 40), SPEC, samples)


def plant(number: int, *, topped: bool) -> tuple[Draw, Finding]:
    """Make one draw and judge it."""
    rng = np.random.default_rng([number, topped])
    size = float(np.exp(rng.uniform(np.log(1e-4), np.log(5e-2))))
    dtype = STORED[rng.integers(len(STORED))] if not topped else BF16
    base = weights(rng)
    models = [base, *(base + delta(rng, size * float(rng.uniform(0.7, 1.4))) for _ in range(RELEASES))]
    kept = [round_to(w, BF16) for w in models]
    arithmetic = ARITHMETICS[rng.integers(len(ARITHMETICS))] if dtype == BF16 and not topped else ARITHMETICS[0]
    count = int(rng.integers(2, 7)) if not topped else int(rng.integers(2, 4))
    based = arithmetic.name.startswith(("task", "average"))
    chosen = [0, *rng.choice(np.arange(1, RELEASES + 1), count - 1, replace=False)] if based else None
    parents = chosen or list(rng.choice(RELEASES + 1, count, replace=False))
    coefficients = written(rng, count, arithmetic)
    mixed = arithmetic.mix([widen(kept[p]) for p in parents], list(coefficients), dtype)
    topping = "nothing"
    if topped:
        topping, mixed = top(rng, mixed, size)
    truth = {NAMES[p]: float(c) for p, c in zip(parents, coefficients, strict=True)}
    references = [
        Reference(sketch(name, w), "base" if i == 0 else "release", None, name.partition("/")[0])
        for i, (name, w) in enumerate(zip(NAMES, kept, strict=True))
    ]
    case = case_of(sketch("new/model", mixed), references, Disclosure("0" * 40), None)
    return Draw(number, truth, size, arithmetic.name, dtype.name, topping), explain(case)


def top(rng: np.random.Generator, mixed: NDArray[np.generic], size: float) -> tuple[str, NDArray[np.generic]]:
    """Put noise, or a little training, on top of a stored mix."""
    values = widen(mixed)
    if rng.random() < 0.5:
        amount = float(rng.choice([3e-4, 1e-3, 3e-3]))
        return f"noise {amount:g}", round_to(values * (1 + rng.normal(0, amount, values.shape)), BF16)
    share = float(rng.choice([0.01, 0.03]))
    return f"training {share:g} of the delta", round_to(values + delta(rng, share * size), BF16)


def judge(number: int, *, topped: bool) -> Judged:
    """Compare what was found with what was planted."""
    draw, finding = plant(number, topped=topped)
    found = {p.ref.repo_id: p for p in finding.parents}
    named = finding.kind == "blend" and set(found) == set(draw.truth)
    told = [(found[n], c) for n, c in draw.truth.items()] if named else []
    innocent = finding.kind in ("blend", "copy") and not set(found) <= set(draw.truth)
    if any(p.coefficient is None or p.interval is None for p, _ in told):
        return Judged(draw, named=False, exact=False, error=0.0, held=False, innocent=innocent)
    error = max((abs((p.coefficient or 0) - c) for p, c in told), default=0.0)
    held = all(p.interval and p.interval[0] - 1e-9 <= c <= p.interval[1] + 1e-9 for p, c in told)
    return Judged(draw, named, bool(finding.exact), error, held, innocent)


def _plain(number: int) -> Judged:
    return judge(number, topped=False)


def _topped(number: int) -> Judged:
    return judge(number, topped=True)


def groups(judged: Sequence[Judged], *, topped: bool) -> Iterator[tuple[str, list[Judged]]]:
    """Yield (heading, draws) for every way to look at them."""
    found: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        found["all"].append(one)
        found[f"{len(one.draw.truth)} parents"].append(one)
        found[f"delta {_decade(one.draw.size)}"].append(one)
        found[one.draw.topping if topped else one.draw.arithmetic].append(one)
        if not topped:
            found[one.draw.stored].append(one)
    yield from sorted(found.items(), key=lambda g: (g[0] != "all", g[0]))


def _decade(size: float) -> str:
    for low, high in ((1e-4, 3e-4), (3e-4, 1e-3), (1e-3, 3e-3), (3e-3, 1e-2), (1e-2, 5e-2)):
        if size < high:
            return f"{low:.0e} to {high:.0e}"
    return "5e-02"


def show(judged: Sequence[Judged], *, topped: bool) -> None:
    """Print one table."""
    print(f"{'':50s} draws  named  exact  error: median, worst   intervals held  innocents named")
    for heading, some in groups(judged, topped=topped):
        named = [j for j in some if j.named]
        errors = [j.error for j in named] or [float("nan")]
        held = sum(j.held for j in named)
        print(
            f"{heading:50s} {len(some):5d}  {len(named):5d}  {sum(j.exact for j in named):5d}"
            f"  {np.median(errors):.1e}, {np.max(errors):.1e}   {held}/{len(named)}  {sum(j.innocent for j in some)}"
        )


def main() -> None:
    """Run both experiments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    with Pool(args.workers) as pool:
        show(pool.map(_plain, range(args.draws), chunksize=5), topped=False)
        print()
        show(pool.map(_topped, range(args.draws), chunksize=5), topped=True)


if __name__ == "__main__":
    main()
