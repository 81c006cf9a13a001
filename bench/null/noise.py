"""What tells noise on top of a release from training: dispersion between tensors and dependence between rows.

    python -m bench.null.noise [--draws 100]

Lowest and highest of both (analyzers/compare/kinship.py) at the coordinates of a first look at a dense model in
bfloat16.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping

import numpy as np

from analyzers.compare.kinship import Kinship, kinship
from analyzers.numbers.rounding import BF16, Floats, round_to, widen
from analyzers.records import Reference
from bench.null.members import Member, Training
from bench.null.shape import SPEC, first_reads, sketch
from bench.null.weights import Realiser

READS = first_reads("dense")
TRAININGS: Mapping[str, Training] = {
    "trained, 5e-3": Training("full", 5e-3),
    "trained, 3e-2": Training("full", 3e-2),
    "rank 1, 5e-3": Training("adapter", 5e-3, rank=1),
    "rank 64, 5e-3": Training("adapter", 5e-3, rank=64),
    "sparse, .2": Training("sparse", 0.2),
}


def shaken(rng: np.random.Generator, start: Floats, what: str) -> Floats:
    """Add noise of 5e-3: of one size in a tensor, or proportional to each weight."""
    size = np.abs(start) if what == "multiplicative" else np.sqrt(np.mean(start**2, axis=(1, 2), keepdims=True))
    noisy: Floats = start + 5e-3 * size * rng.standard_normal(start.shape)
    return noisy


def _kinship(weights: Floats, start: Floats) -> Kinship:
    suspect, known = (sketch(n, SPEC, READS, round_to(w, BF16)) for n, w in (("a/b", weights), ("c/d", start)))
    found = kinship(suspect, Reference(known, None, None, "c"), SPEC.windows)
    assert found is not None
    return found


def measured(what: str, number: int) -> Kinship:
    """Return the kinship of a release with itself after noise or training."""
    rng = np.random.default_rng(number)
    members = [Member("a/base", "base", "BF16")]
    if what in TRAININGS:
        members.append(Member("b/model", "release", "BF16", 0, TRAININGS[what]))
    found = [widen(w) for w in Realiser("dense", READS, rng).all(members).stored]
    return _kinship(found[1] if what in TRAININGS else shaken(rng, found[0], what), found[0])


def main() -> None:
    """Print both measures of noise and of training."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=100)
    draws = parser.parse_args().draws
    print("what                dispersion: lowest, highest   row dependence: lowest, highest")
    for what in ("additive", "multiplicative", *TRAININGS):
        kin = [measured(what, number) for number in range(draws)]
        (low, rows_low), (high, rows_high) = (
            f([(k.dispersion, k.row_dependence) for k in kin], 0) for f in (np.min, np.max)
        )
        print(f"{what:18}  {low:.3f}, {high:.3f}                  {rows_low:.2f}, {rows_high:.2f}", flush=True)


if __name__ == "__main__":
    main()
