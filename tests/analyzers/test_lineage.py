"""What is left when nothing was copied or mixed: whom a model was trained on from."""

from __future__ import annotations

import numpy as np

from analyzers import explain, lineage
from analyzers.compare.case import Case, case_of
from analyzers.lineage import share_of_delta
from analyzers.records import Disclosure, Finding, RepoRef, Sketch
from analyzers.thresholds import TRAINED_ON_COEFFICIENT, TRAINED_ON_NEARNESS
from demo.models import Delta, Weights, fresh, mixed, trained
from tests.analyzers.makers import (
    BASE,
    NOW,
    OTHER,
    RELEASE,
    SPEC,
    base_weights,
    case,
    delta,
    family,
    known,
    release_weights,
)
from tests.analyzers.planted import Planted, planted

OF_BASE, OF_RELEASE = Planted("derivative", {BASE: None}), Planted("derivative", {RELEASE: None})
UNRELATED = Planted("unrelated")


def on(weights: Weights, seed: int = 0, size: float = 0.003) -> Weights:
    """Train a model on."""
    return trained(weights, Delta.draw(np.random.default_rng(8000 + seed), size))


def test_planted() -> None:
    """The declared parent, the base, or a stranger's release that was clearly trained on is named; else nobody."""
    found = [
        (case(on(base_weights()), family()), OF_BASE),
        (case(on(base_weights()), family(), [BASE]), OF_BASE),
        (case(on(release_weights(1)), family(), [RELEASE]), OF_RELEASE),
        (case(on(release_weights(1)), family()), OF_RELEASE),
        (case(on(release_weights(1)), family(), [BASE]), OF_RELEASE),
        (case(on(release_weights(1)), family()[1:2]), OF_RELEASE),
        (case(fresh(np.random.default_rng(3)), family()), UNRELATED),
        (case(fresh(np.random.default_rng(3)), family(), [BASE]), UNRELATED),
        (case(on(base_weights()), []), UNRELATED),
    ]
    planted(lineage.analyze, found, [])


def test_the_whole_delta_is_not_enough() -> None:
    """A model that has a release's whole delta and as much of its own may have had its data, and is the base's."""
    planted(lineage.analyze, [(case(on(release_weights(1), size=0.01), family()), OF_BASE)], [])


def test_nearness_is_not_enough() -> None:
    """A model as near to a release as a descendant, with a part of its delta alone, descends from the base."""
    part = mixed([release_weights(1), base_weights()], [0.9, 0.1])
    near = case(on(part, size=0.001), family())
    by_name = {k.reference.repo_id: k for k in near.kin}
    assert by_name[RELEASE].distance <= TRAINED_ON_NEARNESS * by_name[BASE].distance
    planted(lineage.analyze, [(near, OF_BASE)], [])


def test_own_organisations_release_is_not_charged() -> None:
    """A lab that trains on its own release is said to descend from the base, as its card says."""
    own = case(on(release_weights(1)), family(), [BASE], repo_id="tidepool/Next")
    planted(lineage.analyze, [(own, OF_BASE)], [])


def test_a_sibling_is_of_the_base() -> None:
    """A model whose training leans on a release's is nearer to the release and still descends from the base."""
    for lean in (0.5, 0.8):
        own = Delta.draw(np.random.default_rng(1), 0.03).lean(delta(1), lean)
        sibling = case(trained(base_weights(), own), family())
        planted(lineage.analyze, [(sibling, OF_BASE)], [])


def test_a_sibling_is_not_the_parent_where_another_release_is_declared() -> None:
    """Two fine-tunes of the base lie close together beside a release that moved far, and neither made the other."""
    near, far = known(RELEASE, release_weights(1, 0.01)), known(OTHER, release_weights(2, 0.3))
    own = delta(5, 0.01).lean(delta(1, 0.01), 0.8)
    sibling = case(trained(base_weights(), own), [family()[0], near, far], [OTHER])
    planted(lineage.analyze, [(sibling, OF_BASE)], [])


def test_the_share_of_a_delta_tells_training_from_kinship() -> None:
    """All of a release's delta is in what was trained on from it, and only a part in a sibling."""
    on_release = case(on(release_weights(1)), family())
    by_name = {k.reference.repo_id: k for k in on_release.kin}
    assert abs(share_of_delta(on_release, by_name[RELEASE], by_name[BASE]) - 1) <= TRAINED_ON_COEFFICIENT
    assert by_name[RELEASE].distance <= TRAINED_ON_NEARNESS * by_name[BASE].distance
    assert abs(share_of_delta(on_release, by_name[OTHER], by_name[BASE])) < 0.2
    assert share_of_delta(on_release, by_name[BASE], by_name[BASE]) == 0.0


def test_frozen_tensors_are_no_obstacle() -> None:
    """A fine-tune that leaves half of its tensors as they were descends from its base."""
    changed = on(base_weights(), size=0.02)
    half = {n: base_weights()[n] if "self_attn" in n else w for n, w in changed.items()}
    planted(explain, [(case(half, family()), OF_BASE)], [])


def nothing(unsampled: str = "") -> Finding:
    """What is said of a model of which nothing could be sampled."""
    empty = case_of(Sketch(RepoRef("new/Model", "0" * 40), SPEC, {}), family(), Disclosure("0" * 40), NOW)
    return lineage.analyze(Case(empty.suspect, empty.disclosure, NOW, empty.kin, empty.compared, unsampled))


def test_nothing_sampled_is_inconclusive() -> None:
    """Where nothing could be read, nothing is said about ancestry, but the reason is."""
    assert (nothing().kind, nothing().parents) == ("inconclusive", ())
    assert "no matrix of a type that can be read" in nothing().claim
    assert nothing("all is stored as F8_E4M3").claim.endswith("all is stored as F8_E4M3")


def test_another_shape_is_unrelated() -> None:
    """A model that no known one shares a matrix with is unrelated, and the claim says why."""
    narrow = {n: np.ascontiguousarray(w[:, :64]) for n, w in base_weights().items() if w.ndim == 2}
    finding = lineage.analyze(case(narrow, family()))
    assert finding.kind == "unrelated"
    assert "no known model has matrices of these names and shapes, such as " in finding.claim


def test_everything_gets_a_finding() -> None:
    """Whatever a case is, one analyzer has something to say of it."""
    kinds = {
        explain(case(w, family())).kind for w in (base_weights(), on(base_weights()), fresh(np.random.default_rng(3)))
    }
    assert kinds == {"copy", "derivative", "unrelated"}


def test_a_model_is_never_its_own_parent() -> None:
    """A known model under its own name, in any case of letters, is not compared with itself."""
    own = case(release_weights(1), [known("New/model", release_weights(1))], repo_id="new/Model")
    assert own.kin == ()


def test_a_later_model_is_a_parent_only_where_declared() -> None:
    """Weights that came later cannot be a parent's, unless the card itself says so (its commit was a re-upload)."""
    later = known(RELEASE, release_weights(1), days=-3)
    assert case(on(release_weights(1)), [later]).kin == ()
    assert len(case(on(release_weights(1)), [later], [RELEASE]).kin) == 1
    assert len(case(on(release_weights(1)), [later], at=None).kin) == 1
