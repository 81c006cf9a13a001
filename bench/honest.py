"""Judge simulated honest models and planted blends by the decision that runs in production.

    python -m bench.honest [--draws 200]

For each size of delta (relative to weights of 0.02) and each correlation with a release's delta: how many of the
honest siblings were named a blend or a copy, the highest share of decisive weights that any recipe reproduced, and
beside it what the same numbers are for a true .6/.4 mix. Also noise against training, for `copy_of`. Each draw has
16 tensors of four rows, a base and five releases as references; half of every delta lies along common directions.
"""

from __future__ import annotations

import argparse

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from analyzers import explain
from analyzers.blend import align, best_recipe, measure
from analyzers.case import Case, case_of
from analyzers.kinship import kinship
from analyzers.records import Disclosure, Reference, RepoRef, Sample, SampleSpec, Sketch, SliceKey

Array = NDArray[np.float64]
TENSORS, ROWS, COLS, RELEASES = 16, 4, 512, 5
BF16 = np.dtype(ml_dtypes.bfloat16)
SPEC = SampleSpec()


def sketch(name: str, weights: Array) -> Sketch:
    """Return weights, float64[tensors, rows, cols], as a bfloat16 sketch."""
    samples = {
        SliceKey("layers.mlp.up_proj", i): Sample(4096, COLS, 0, w.astype(np.float32).astype(BF16).ravel())
        for i, w in enumerate(weights)
    }
    return Sketch(RepoRef(name, "0" * 40), SPEC, samples)


def stored(weights: Array) -> Array:
    """Return the weights as bfloat16 holds them."""
    return weights.astype(np.float32).astype(BF16).astype(np.float64)


def delta(rng: np.random.Generator, size: float) -> Array:
    """Draw a trained-like delta: a size of its own in each tensor, half of it along four common directions."""
    noise = rng.normal(0, 1, (TENSORS, ROWS, COLS))
    common = rng.normal(0, 1, (TENSORS, ROWS, 4)) @ rng.normal(0, 1, (TENSORS, 4, COLS)) / 2
    scale = np.exp(rng.normal(0, 0.3, (TENSORS, 1, 1)))
    change: Array = 0.02 * size * scale * (noise + common) / np.sqrt(2)
    return change


def draw(rng: np.random.Generator, size: float, lean: float | None) -> Case:
    """Return a case: a sibling that leans on the first release by `lean`, or a .6/.4 mix of it where lean is None."""
    base = stored(rng.normal(0, 0.02, (TENSORS, ROWS, COLS)))
    deltas = [delta(rng, size) for _ in range(RELEASES)]
    releases = [stored(base + d) for d in deltas]
    if lean is None:
        suspect = 0.6 * releases[0] + 0.4 * base
    else:
        suspect = base + lean * deltas[0] + np.sqrt(1 - lean**2) * delta(rng, size)
    references = [Reference(sketch("aurora/base", base), "base", None, "aurora")]
    references += [
        Reference(sketch(f"maker{i}/release", w), "release", None, f"maker{i}") for i, w in enumerate(releases)
    ]
    return case_of(sketch("new/model", suspect), references, Disclosure("0" * 40), None)


def reproduced(case: Case) -> tuple[float, int]:
    """Return the share of decisive weights that the best recipe reproduces, and how many are decisive."""
    aligned = align(case.suspect, [k.reference for k in case.kin])
    recipe = best_recipe(aligned) if aligned else None
    if aligned is None or recipe is None:
        return 0.0, 0
    mix = measure(aligned, recipe)
    return mix.reproduced, mix.decisive


def blends(draws: int) -> None:
    """Print the table of siblings and mixes."""
    print("delta  lean  named blend/copy  held back  highest reproduced (decisive)  true mix: found, lowest reproduced")
    for size in (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2):
        rng = np.random.default_rng(11)
        mixes = [draw(rng, size, None) for _ in range(max(draws // 10, 10))]
        found = sum(explain(c).kind == "blend" for c in mixes)
        lowest = min(reproduced(c)[0] for c in mixes)
        for lean in (0.0, 0.5, 0.8, 0.95):
            cases = [draw(rng, size, lean) for _ in range(draws)]
            kinds = [explain(c).kind for c in cases]
            named, held = sum(k in ("blend", "copy") for k in kinds), kinds.count("inconclusive")
            share, decisive = max(reproduced(c) for c in cases)
            true = f"{found}/{len(mixes)}, {lowest:.4f}" if lean == 0 else ""
            print(
                f"{size:.0e}  {lean:.2f}  {named:4d} of {draws}  {held:4d}  {share:.3f} ({decisive})  {true}",
                flush=True,
            )


def noise(draws: int) -> None:
    """Print dispersion and row dependence for noise on top of a release, and for training."""
    rng = np.random.default_rng(12)
    print("what                      dispersion: lowest, highest   row dependence: lowest, highest")
    for what in ("additive noise 5e-3", "multiplicative noise 5e-3", "trained 5e-3", "trained 3e-2"):
        found = []
        for _ in range(draws):
            start = stored(rng.normal(0, 0.02, (TENSORS, ROWS, COLS)))
            shake = rng.normal(0, 5e-3, start.shape)
            change = {
                "additive noise 5e-3": 0.02 * shake,
                "multiplicative noise 5e-3": start * shake,
                "trained 5e-3": delta(rng, 5e-3),
                "trained 3e-2": delta(rng, 3e-2),
            }[what]
            kin = kinship(sketch("a/b", start + change), Reference(sketch("c/d", start), None, None, "c"), ROWS)
            assert kin is not None
            found.append((kin.dispersion, kin.row_dependence))
        low, high = np.min(found, axis=0), np.max(found, axis=0)
        print(f"{what:26s} {low[0]:.3f}, {high[0]:.3f}   {low[1]:.2f}, {high[1]:.2f}")


def main() -> None:
    """Run both experiments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=200)
    draws = parser.parse_args().draws
    noise(min(draws, 100))
    blends(draws)


if __name__ == "__main__":
    main()
