"""Honest models built to look like blends: are any named, and how near does the statistic come to its cut.

    python -m bench.adversary [--draws 216] [--seed 0] [--kind signs]

Each draw has a base, two releases that the suspect resembles, and two that it does not, of 28 tensors at the production
coordinates, in bfloat16. Nothing is declared. `KINDS` lists how the suspect was trained: recipes that leave weights
equal, or proportional, to a release's without any merge. One first look judges each. `named` counts blends and copies.
`beyond` and `near` are the largest share, claimed or not, that a sparse blend covers of what chance leaves, and that a
linear mix meets of the far weights.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from analyzers import explain
from analyzers.blend import explain_linear, told
from analyzers.compare.case import Case, case_of
from analyzers.numbers.rounding import BF16, round_to
from analyzers.records import Disclosure, Reference
from analyzers.sparse import tried
from bench.mixes import COLS, TENSORS, WINDOWS, Array, delta, sketch, weights

SIZES = (3e-3, 0.1)
SPREAD = 0.4  # of the logarithm of the weights' size between tensors
AGAIN = 0.01  # of a step: what the same step differs by where it is taken again on another machine
NAMES = ("aurora/base", "maker1/like", "maker2/like", "maker3/other", "maker4/other")
SHAPE = (TENSORS, WINDOWS, COLS)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Changes from the base, float64[tensors, windows, columns]: the suspect's, and of the two releases it resembles.

    `zero` tells which of the suspect's weights are pruned, `zeros` those of the base and all releases.
    """

    own: Array
    one: Array
    two: Array
    zero: Array = field(default_factory=lambda: np.zeros(SHAPE))
    zeros: Array = field(default_factory=lambda: np.zeros(SHAPE))


def _size(rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(*np.log(SIZES))))


def _steps(rng: np.random.Generator, towards: Array, size: float, count: int, noise: float) -> Array:
    """Return updates of one size in every weight and step: the signs of `towards` and of `noise` times as much else."""
    signs = [np.sign(towards + noise * delta(rng, 1.0)) for _ in range(count)]
    return np.asarray(0.02 * size / count * np.sum(signs, axis=0))


def signs(rng: np.random.Generator, _: Array) -> Drawn:
    """Few steps of an optimiser that takes signs only, all towards what the same data ask for."""
    towards, count, noise, size = delta(rng, 1.0), int(rng.integers(1, 5)), float(rng.uniform(0.05, 2)), _size(rng)
    own, one, two = (_steps(rng, towards, size, count, noise) for _ in range(3))
    return Drawn(own * float(rng.choice([1.0, 0.8, 0.5])), one, two)


def pruned(rng: np.random.Generator, base: Array) -> Drawn:
    """Weights or whole rows set to zero: the suspect's alone, or those of all models alike."""
    size, share = _size(rng), float(rng.uniform(0.05, 0.6))
    small = np.abs(base) < np.quantile(np.abs(base), share)
    rows = np.broadcast_to(rng.random((TENSORS, WINDOWS, 1)) < share, SHAPE)
    zero = (small if rng.random() < 0.5 else rows).astype(float)
    like = [delta(rng, size) for _ in range(3)]
    lean = float(rng.uniform(0, 0.9))
    own = lean * like[0] + np.sqrt(1 - lean**2) * like[2]
    return Drawn(own, like[0], like[1], zero, zero if rng.random() < 0.5 else np.zeros(SHAPE))


def adapters(rng: np.random.Generator, _: Array) -> Drawn:
    """Adapters of low rank, all of which share their factor along the columns."""
    rank, size = int(rng.choice([1, 1, 2, 4])), _size(rng)
    shared = rng.normal(0, 1, (TENSORS, rank, COLS))
    own, one, two = (0.02 * size * rng.normal(0, 1, (TENSORS, WINDOWS, rank)) @ shared for _ in range(3))
    return Drawn(own + one if rng.random() < 0.5 else own, one, two)


def masked(rng: np.random.Generator, _: Array) -> Drawn:
    """A release's training again, at .8 of its rate and of some weights alone, and trained on from there."""
    size = _size(rng)
    one, two = delta(rng, size), delta(rng, size)
    mask = rng.random(SHAPE) < rng.uniform(0.1, 0.9)
    return Drawn(0.8 * one * mask + delta(rng, size * float(rng.uniform(0.1, 0.5))), one, two)


def siblings(rng: np.random.Generator, _: Array) -> Drawn:
    """A release's data and seed at another rate."""
    size, lean = _size(rng), float(rng.uniform(0.5, 0.99))
    one, two = delta(rng, size), delta(rng, size)
    own = lean * one + np.sqrt(1 - lean**2) * delta(rng, size)
    return Drawn(float(rng.choice([0.5, 0.8, 1.0, 1.25])) * own, one, two)


def unions(rng: np.random.Generator, _: Array) -> Drawn:
    """The data of two releases, in shares of its own."""
    size = _size(rng)
    one, two = delta(rng, size), delta(rng, size)
    return Drawn(rng.uniform(0.3, 0.9) * one + rng.uniform(0.3, 0.9) * two + 0.4 * delta(rng, size), one, two)


def averages(rng: np.random.Generator, _: Array) -> Drawn:
    """The mean of the checkpoints of the author's own run, from the base or from a release, towards the other."""
    size, count = _size(rng), int(rng.integers(3, 7))
    one, two = delta(rng, size), delta(rng, size)
    lean, step = float(rng.uniform(0, 0.9)), float(rng.uniform(0.1, 0.5))
    taken = [step * (lean * two + np.sqrt(1 - lean**2) * delta(rng, size)) for _ in range(count)]
    mean = np.mean(np.cumsum(taken, axis=0), axis=0)
    return Drawn(one + mean if rng.random() < 0.5 else mean, one, two)


def replayed(rng: np.random.Generator, _: Array) -> Drawn:
    """The first of a release's own steps taken again, each a little differently, and others from there."""
    size, count = _size(rng), int(rng.integers(2, 7))
    signed, noise = rng.random() < 0.5, float(rng.uniform(0.05, 2))
    towards = delta(rng, 1.0)

    def step() -> Array:
        return _steps(rng, towards, size / count, 1, noise) if signed else delta(rng, size / count)

    taken, two = [step() for _ in range(count)], delta(rng, size)
    kept = int(rng.integers(1, count + 1))
    again = sum((s * (1 + rng.normal(0, AGAIN, SHAPE)) for s in taken[:kept]), np.zeros(SHAPE))
    further = sum((step() for _ in range(int(rng.integers(1, 4)))), np.zeros(SHAPE))
    return Drawn(again + further, sum(taken, np.zeros(SHAPE)), two)


def rows(rng: np.random.Generator, _: Array) -> Drawn:
    """Trained on from a release, some rows frozen or set back to the base's, others moved by steps of one size."""
    size = _size(rng)
    one, two = delta(rng, size), delta(rng, size)
    back = rng.random((TENSORS, WINDOWS, 1)) < rng.uniform(0.1, 0.6)
    further = delta(rng, size * float(rng.uniform(0.05, 0.5)))
    return Drawn(np.where(back, 0.0, one + further), one, two)


KINDS: dict[str, Callable[[np.random.Generator, Array], Drawn]] = {
    f.__name__: f for f in (signs, pruned, adapters, masked, siblings, unions, averages, replayed, rows)
}


def draw(kind: str, number: int, seed: int) -> Case:
    """Return the case of one honest suspect."""
    rng = np.random.default_rng([seed, list(KINDS).index(kind), number])
    base = weights(rng) * np.exp(rng.normal(0, SPREAD, (TENSORS, 1, 1)))
    drawn = KINDS[kind](rng, base)
    others = [delta(rng, _size(rng)) for _ in range(2)]
    kept = [round_to((base + d) * (1 - drawn.zeros), BF16) for d in (np.zeros(SHAPE), drawn.one, drawn.two, *others)]
    references = [
        Reference(sketch(name, w), "base" if i == 0 else "release", None, name.partition("/")[0])
        for i, (name, w) in enumerate(zip(NAMES, kept, strict=True))
    ]
    suspect = round_to((base + drawn.own) * (1 - drawn.zero), BF16)
    return case_of(sketch("newcomer/model", suspect), references, Disclosure("0" * 40), None)


def statistics(case: Case) -> tuple[float, float]:
    """Return the largest `beyond` of any sparse blend that was tried, and the `near` of the best linear mix."""
    aligned = case.aligned
    if aligned is None:
        return 0.0, 0.0
    found = explain_linear(aligned, case.screened, case.suspect.spec.windows)
    near = told(aligned, found).near if found else 0.0
    return max((f.beyond for f in tried(aligned)), default=0.0), near


def main() -> None:
    """Judge every draw and print a line a kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=24 * len(KINDS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=KINDS)
    args = parser.parse_args()
    kinds = [args.kind] if args.kind else list(KINDS)
    found: dict[str, list[tuple[bool, float, float]]] = defaultdict(list)
    for i in range(args.draws):
        kind, number = kinds[i % len(kinds)], i // len(kinds)
        case = draw(kind, number, args.seed)
        finding = explain(case)
        named = finding.kind in ("blend", "copy")
        found[kind].append((named, *statistics(case)))
        if named:
            print(f"{kind} {number}: {finding.analyzer}: {finding.claim}", flush=True)
    print("| kind | draws | named | beyond at most | near at most |\n| --- | --- | --- | --- | --- |")
    for kind, each in [*found.items(), ("all", [one for some in found.values() for one in some])]:
        named_of, beyond, near = zip(*each, strict=True)
        print(f"| {kind} | {len(each)} | {sum(named_of)} | {max(beyond):.3f} | {max(near):.3f} |")


if __name__ == "__main__":
    main()
