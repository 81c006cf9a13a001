"""Blends chosen element by element; an innocent third model and honest training stay out of it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from analyzers import explain, sparse
from analyzers.compare.aligned import Aligned
from analyzers.compare.case import Case
from analyzers.fit.sparse_masks import Kinds, kinds_of
from analyzers.numbers.rounding import Floats
from analyzers.records import Reference
from demo.models import Delta, Weights, mixed, trained
from demo.quantizers import fp8, one_quantized
from tests.analyzers.makers import (
    BASE,
    OTHER,
    RELEASE,
    base_weights,
    case,
    delta,
    family,
    known,
    release_weights,
)
from tests.analyzers.merges import dare, ties
from tests.analyzers.planted import Planted, planted

B, R, O = base_weights(), release_weights(1), release_weights(2)  # noqa: E741 - a base, a release, another
THIRD = "wren/Third"
THREE = Planted("blend", {RELEASE: None, OTHER: None, BASE: None}, exact=False)


def with_third() -> list[Reference]:
    """The family and an innocent release of the same base."""
    return [*family(), known(THIRD, release_weights(3), days=15, declares=(BASE,))]


def run(steps: int = 4, size: float = 0.015) -> list[Weights]:
    """Checkpoints of one training that goes on along the release's data, each a step further."""
    start, found = B, []
    for step in range(steps):
        own = Delta.draw(np.random.default_rng(900 + step), size)
        start = trained(start, own.lean(delta(1, size), 0.5))
        found.append(start)
    return found


def honest() -> list[Case]:
    """Siblings that lean on a release or on two, one that moved few weights, an average of one's own run."""
    own = Delta.draw(np.random.default_rng(5000), 0.03)
    union = Delta({n: 0.7 * (delta(1).change[n] + delta(2).change[n]) + 0.3 * own.change[n] for n in own.change})
    rng = np.random.default_rng(6)
    few = Delta({n: c * (rng.random(c.shape) < 0.3) for n, c in own.change.items()})
    average = mixed(run(), [0.25] * 4)
    models = [trained(B, own.lean(delta(1), lean)) for lean in (0.5, 0.95)]
    models += [trained(B, union), trained(B, few), average, R]
    pruned = [known(THIRD, cut(O), days=15, declares=(BASE,)), *family()[:2]]
    return [*(case(w, with_third()) for w in models), case(cut(R), pruned)]


def cut(weights: Weights, share: float = 0.1) -> Weights:
    """Return a model whose smallest weights are zero."""
    return {
        n: np.where(np.abs(w) < np.quantile(np.abs(w.astype(float)), share), 0, w).astype(w.dtype)
        for n, w in weights.items()
    }


def test_planted() -> None:
    """Ties and dare, two releases or one, with an innocent third among the known; nothing of honest models."""
    found = [
        (case(dare(B, [(R, 0.6), (O, 0.6)]), with_third()), THREE),
        (case(dare(B, [(R, 0.5), (O, 0.5)], kept=0.3), with_third(), [BASE]), THREE),
        (case(ties(B, R, O), with_third()), THREE),
        (case(ties(B, R, O, kept=0.6), with_third()), THREE),
        (
            case(dare(B, [(R, 0.8)]), with_third()),
            Planted("blend", {RELEASE: None, BASE: None}, exact=False),
        ),
    ]
    planted(sparse.analyze, found, honest())


@pytest.mark.parametrize(
    "weights", [lambda: dare(B, [(R, 0.6), (O, 0.6)]), lambda: ties(B, R, O)], ids=["dare", "ties"]
)
def test_it_is_what_is_told(weights: Callable[[], Weights]) -> None:
    """No linear or layerwise mix explains as much, and the family is named."""
    finding = explain(case(weights(), family()))
    assert (finding.analyzer, finding.kind, finding.family) == ("sparse", "blend", "sparse")
    assert float(finding.measured["covered"]) > 0.95


def test_average_of_own_run_with_its_own_release_known_stays_quiet() -> None:
    """What one organisation's own checkpoints make of each other is no one else's affair."""
    checkpoints = run()
    references = [known(BASE, B, "base", days=90), known("newcomer/Early", checkpoints[0]), *family()[1:]]
    planted(sparse.analyze, [], [case(mixed(checkpoints[1:], [1 / 3] * 3), references)])


def test_own_releases_are_not_charged() -> None:
    """Where all parents besides the base are the uploader's own, nothing is said."""
    own = case(dare(B, [(R, 0.8)]), family(), repo_id="tidepool/Next")
    assert sparse.analyze(own) is None


def test_a_known_blend_of_a_parent_does_not_stand_in_for_another() -> None:
    """A delta that lies along a parent's says nothing that the parent's own does not."""
    blend = known("wren/Blend", mixed([R, B], [0.8, 0.2]), days=10, declares=(RELEASE, BASE))
    planted(sparse.analyze, [(case(dare(B, [(R, 0.6), (O, 0.6)]), [*family(), blend]), THREE)], [])


def rows(found: Case) -> tuple[Aligned, dict[str, int]]:
    """Return the models side by side, and the row of each by name."""
    assert found.aligned is not None
    return found.aligned, {r.repo_id: i for i, r in enumerate(found.aligned.references)}


def kinds(found: Case, names: list[str], swapped: str = "") -> Kinds:
    """Sort all told weights into kinds; `swapped` is the parent that has its decoy's deltas."""
    aligned, row = rows(found)
    parents = tuple(row[n] for n in names)
    told = kinds_of(aligned, row[BASE], parents, row[swapped] if swapped else -1)
    assert told is not None
    return told


def test_the_kinds_are_what_the_masks_left() -> None:
    """A quarter of the weights with neither delta, a quarter with each, a quarter with both."""
    found = kinds(case(dare(B, [(R, 0.6), (O, 0.6)]), family()), [RELEASE, OTHER])
    assert found.base == pytest.approx(0.25, abs=0.05)
    assert found.single == pytest.approx((0.25, 0.25), abs=0.05)
    assert found.joint == pytest.approx(0.25, abs=0.05)
    assert found.covered > 0.97


def test_a_decoy_keeps_an_innocent_third_out() -> None:
    """A parent covers far more than its own delta in other places; one that gave nothing covers no more than that."""
    suspect = case(dare(B, [(R, 0.6), (O, 0.6)]), with_third())
    names = [RELEASE, OTHER, THIRD]
    every = kinds(suspect, names).covered
    lost = {name: every - kinds(suspect, names, name).covered for name in names}
    assert lost[RELEASE] > 0.15
    assert lost[OTHER] > 0.15
    assert abs(lost[THIRD]) < 0.03


def test_honest_kinds_do_not_pile_up() -> None:
    """The more a sibling leans on a release, the more is covered, and never enough."""
    covered = []
    for lean in (0.0, 0.5, 0.8):
        own = Delta.draw(np.random.default_rng(5000), 0.03).lean(delta(1), lean)
        covered.append(kinds(case(trained(B, own), family()), [RELEASE]).covered)
    assert all(a < b for a, b in pairwise(covered))
    assert covered[-1] < 0.6


def test_too_few_told_weights_say_nothing() -> None:
    """Where the parents hardly differ from the base no weight tells."""
    near = case(trained(B, delta(1, 1e-4)), [known(BASE, B, "base"), known(RELEASE, trained(B, delta(1, 2e-4)))])
    aligned, row = rows(near)
    assert kinds_of(aligned, row[BASE], (row[RELEASE],)) is None
    assert sparse.analyze(near) is None


def steps(count: int, agree: float, size: float, seed: int) -> Delta:
    """Return updates of one size in every weight, in a direction that others share with a chance of `agree`."""
    rng = np.random.default_rng(seed)

    def one(direction: Floats) -> Floats:
        same = rng.random((count, *direction.shape)) < agree
        return np.asarray(0.02 * size / count * np.sign(direction) * np.where(same, 1, -1).sum(axis=0))

    return Delta({n: one(c) for n, c in delta(7).change.items()})


def adapter(seed: int) -> Delta:
    """Return an adapter of rank one, all of which share their factor along the rows."""
    rng = np.random.default_rng(seed)

    def one(name: str, size: int) -> Floats:
        return 0.02 * np.outer(rng.normal(size=size), delta(8).change[name][0])

    change = delta(7).change
    return Delta({n: one(n, len(c)) if c.ndim > 1 else np.zeros(c.shape) for n, c in change.items()})


@pytest.mark.parametrize("agree", [0.8, 0.98])
def test_the_same_steps_are_no_masks(agree: float) -> None:
    """Honest models whose updates have one size meet on a lattice: equal, still, or opposite in every weight."""
    for count in (1, 2):
        one, two, three = (trained(B, steps(count, agree, 0.02, seed)) for seed in (1, 2, 3))
        references = [known(BASE, B, "base"), known(RELEASE, two), known(OTHER, three)]
        planted(sparse.analyze, [], [case(one, references)])


def test_adapters_that_share_a_factor_are_no_masks() -> None:
    """In each row such adapters are multiples of each other: a scale of the row's own explains nothing."""
    references = [known(BASE, B, "base"), *(known(n, trained(B, adapter(i))) for i, n in enumerate((RELEASE, OTHER)))]
    suspects = [trained(B, adapter(5)), trained(trained(B, adapter(0)), adapter(5))]
    planted(sparse.analyze, [], [case(w, references) for w in suspects])


def test_whole_rows_and_tensors_of_the_base_are_no_masks() -> None:
    """A model trained on from a release keeps what was frozen, or is set back, row by row or tensor by tensor."""
    trained_on = trained(R, Delta.draw(np.random.default_rng(77), 0.003))
    rng = np.random.default_rng(4)
    rows_back = {
        n: np.where(rng.random((len(w), 1)) < 0.4, B[n], w) if w.ndim > 1 else w for n, w in trained_on.items()
    }
    tensors_back = {n: B[n] if i % 3 == 0 else w for i, (n, w) in enumerate(trained_on.items())}
    planted(sparse.analyze, [], [case(w, with_third()) for w in (rows_back, tensors_back)])


def test_chance_is_what_a_decoy_or_one_kind_explains() -> None:
    """A single scaled delta is no blend, however well it is met: one kind explains all of it."""
    scaled = kinds(case(trained(B, Delta({n: 0.5 * c for n, c in delta(1).change.items()})), family()), [RELEASE])
    assert scaled.beyond(scaled.alone) < 0.1
    masked = kinds(case(dare(B, [(R, 0.8)]), family()), [RELEASE])
    assert masked.beyond(masked.alone) > 0.9


@pytest.mark.parametrize("weights", [dare(B, [(R, 0.6), (O, 0.6)]), ties(B, R, O)], ids=["dare", "ties"])
def test_one_quantized_matrix_hides_nothing(weights: Weights) -> None:
    """The rest is looked at, and what is said is said of the rest."""
    finding = explain(case(one_quantized(weights), family()))
    assert (finding.kind, finding.family, finding.exact) == ("blend", "sparse", False)
    assert {p.ref.repo_id for p in finding.parents} == {BASE, RELEASE, OTHER}
    assert "not quantized" in finding.claim


@pytest.mark.parametrize("lean", [0.0, 0.95])
def test_an_honest_model_with_one_quantized_matrix_is_quiet(lean: float) -> None:
    """The rest of a sibling is a sibling's."""
    own = Delta.draw(np.random.default_rng(5000), 0.03).lean(delta(1), lean)
    assert explain(case(one_quantized(trained(B, own)), with_third())).kind == "derivative"


def test_a_part_that_is_not_quantized_does_not_stand_for_the_whole() -> None:
    """Where only embeddings and heads are left, too little was compared."""
    finding = explain(case(fp8()(dare(B, [(R, 0.6), (O, 0.6)])), family()))
    assert finding.kind in ("inconclusive", "derivative")
