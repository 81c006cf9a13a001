"""Whole layers, modules or experts of different models, at their own place or another; and where each came from."""

from __future__ import annotations

import numpy as np

from analyzers import explain, stack
from analyzers.fit.bit_copies import copied, copies
from demo.models import Array, trained
from tests.analyzers.makers import (
    BASE,
    OTHER,
    RELEASE,
    base_weights,
    case,
    delta,
    family,
    known,
    noisy,
    release_weights,
    sketch,
)
from tests.analyzers.merges import experts, layer_of, moved, taken
from tests.analyzers.planted import Planted, planted

B, R, O = base_weights(), release_weights(1), release_weights(2)  # noqa: E741 - a base, a release, another
TWO = Planted("blend", {RELEASE: None, OTHER: None}, exact=True)


def test_planted() -> None:
    """Layers of two models, modules of two models; a copy, a fine-tune and a mix are none of this."""
    by_layer = taken(lambda n: R if layer_of(n) in (0, 2) else O, B)
    by_module = taken(lambda n: R if "self_attn" in n else O, B)
    found = [(case(by_layer, family()), TWO), (case(by_module, family(), [OTHER]), TWO)]
    quiet = [R, trained(R, delta(8, 0.003)), noisy(by_layer, 3e-3)]
    planted(stack.analyze, found, [case(w, family()) for w in quiet])


def test_it_is_what_is_told() -> None:
    """A stack wins over a mix whose coefficients are all 0 or 1, with how much came from whom."""
    finding = explain(case(taken(lambda n: R if layer_of(n) == 1 else O, B), family()))
    assert (finding.kind, finding.family, finding.further_training) == ("blend", "stack", False)
    assert 0 < int(finding.measured[f"from {RELEASE}"]) < int(finding.measured[f"from {OTHER}"])


def test_layers_of_two_models_at_another_depth() -> None:
    """Layers that changed places are looked up wherever they lie."""
    shuffled = moved(taken(lambda n: R if layer_of(n) in (0, 2) else O, B))
    finding = explain(case(shuffled, family()))
    assert (finding.kind, finding.family) == ("blend", "stack")
    assert {p.ref.repo_id for p in finding.parents} == {RELEASE, OTHER}
    assert int(finding.measured["moved"]) > 10


def test_one_model_whose_layers_were_moved_is_a_copy() -> None:
    """Every tensor is the release's, in another place: one model repeated is no blend."""
    planted(stack.analyze, [(case(moved(R), family()), Planted("copy", {RELEASE: 1.0}, exact=True))], [])


def test_experts_made_of_dense_models() -> None:
    """Each expert is another dense model's MLP, found at the dense coordinates; the router is nobody's."""
    finding = explain(case(experts([R, O]), family()))
    assert (finding.kind, finding.family) == ("blend", "stack")
    assert {p.ref.repo_id for p in finding.parents} <= {RELEASE, OTHER}
    assert len(finding.parents) == 2


def test_an_expert_of_no_known_model_leaves_the_others() -> None:
    """What is copied is told, who is not known stands in the claim, and it is not exact."""
    mixture = experts([R, R, R, O, R, R, release_weights(7)])  # of seven, experts 3, 4 and 6 are sampled
    finding = stack.analyze(case(mixture, family()))
    assert finding is not None
    assert {p.ref.repo_id for p in finding.parents} == {RELEASE, OTHER}
    assert (finding.kind, finding.exact) == ("blend", False)
    assert finding.claim.endswith("; expert 6 is of no model that was compared")
    assert int(finding.measured["copied"]) < int(finding.measured["tensors"])


def test_experts_that_were_all_trained_on_are_no_stack() -> None:
    """Upcycling: every expert begins as one dense model's MLP and learns; only its attention stays as it was."""
    learnt = [trained(R, delta(seed, 0.003)) for seed in (11, 12)]
    upcycled = {n: w for n, w in experts(learnt).items() if "experts" in n} | {
        n: w for n, w in experts([R, R]).items() if "experts" not in n
    }
    assert stack.analyze(case(upcycled, family())) is None
    assert explain(case(upcycled, family())).kind == "derivative"


def test_one_dense_model_repeated_as_experts_is_a_copy() -> None:
    """All that it has is one model's; only the router is new."""
    finding = explain(case(experts([R, R]), family()))
    assert (finding.kind, [p.ref.repo_id for p in finding.parents]) == ("copy", [RELEASE])
    assert "as experts" in finding.claim


def test_what_two_models_hold_alike_speaks_for_neither() -> None:
    """Tensors frozen in training are in base and release: with them alone the release is no parent."""
    frozen = {n: B[n] if layer_of(n) < 2 else w for n, w in R.items()}
    references = [known(BASE, B, "base", days=90), known(RELEASE, frozen), known(OTHER, O, days=20)]
    made = taken(lambda n: B if layer_of(n) < 2 else O, B)
    finding = stack.analyze(case(made, references))
    assert finding is not None
    assert {p.ref.repo_id for p in finding.parents} == {BASE, OTHER}
    assert finding.measured[f"from {BASE}"] == sum(k.layer < 2 for k in sketch("a/b", made).samples)


def test_repeated_layers_that_are_nearly_equal_name_no_model_besides() -> None:
    """In a passthrough stack a model that hardly differs from a repeated layer may be its source, too."""
    one_ulp = {n: nudged(R[n.replace("layers.1.", "layers.0.")]) if layer_of(n) == 1 else w for n, w in R.items()}
    repeated = {n: R[n.replace("layers.1.", "layers.0.")] if layer_of(n) == 1 else w for n, w in R.items()}
    twin = {n: w if layer_of(n) != 2 else release_weights(5)[n] for n, w in repeated.items()}
    references = [known(BASE, B, "base", days=90), known(RELEASE, one_ulp), known("twin/Model", twin, days=25)]
    suspect = case(taken(lambda n: O if layer_of(n) == 3 else repeated, B), [*references, known(OTHER, O, days=20)])
    again = [c for c in copied(suspect) if c.key.layer == 1]
    assert {suspect.kin[m].reference.repo_id for c in again for m in c.alike} == {RELEASE, "twin/Model"}
    assert all(c.distinct and not c.moved for c in again)
    planted(stack.analyze, [(suspect, TWO)], [])


def nudged(weights: Array) -> Array:
    """Return weights of which every one is the next number that bfloat16 has."""
    return (weights.view(np.uint16) + 1).view(weights.dtype)


def test_where_all_known_models_are_alike_nothing_is_told() -> None:
    """A tensor on which no known model differs from the suspect is copied, and says nothing of whom."""
    twins = [known(RELEASE, R), known("mirror/Release", R)]
    found = copies(sketch("new/Model", R), twins)
    assert {len(c.origins) for c in found} == {2}
    assert {c.distinct for c in found if c.key.layer < 0} == {False}
    assert {c.models for c in found} == {frozenset({0, 1})}


def test_copies_are_found_at_their_own_place_first() -> None:
    """A tensor that lies where it lies in the model it came from has not moved, wherever else it lies too."""
    doubled = {n: R[n.replace("layers.1.", "layers.0.")] for n in R}
    found = copies(sketch("new/Model", doubled), [known(RELEASE, doubled), known(OTHER, O)])
    assert {c.moved for c in found} == {False}
    assert {c.models for c in found} == {frozenset({0})}
    beside = copies(sketch("new/Model", doubled), [known(OTHER, R), known(RELEASE, doubled)])
    assert {c.models for c in beside if c.key.layer == 1} == {frozenset({1})}
    of_release = copies(sketch("new/Model", doubled), [known(RELEASE, R), known(OTHER, O)])
    assert {c.key.layer for c in of_release if c.moved} == {1}


def test_copies_know_what_nobody_could_have() -> None:
    """A tensor of a shape that no known model has is unknown; one that differs everywhere has no origin."""
    found = copies(sketch("new/Model", experts([R, O])), [known(RELEASE, R), known(OTHER, O)])
    by_role = {c.key.role: c for c in found}
    assert all(c.origins for c in found if "experts" in c.key.role)
    assert by_role["embed_tokens"].models == frozenset({0})
    strangers = copies(sketch("new/Model", trained(R, delta(9, 0.01))), [known(RELEASE, R)])
    assert all(c.known and c.distinct and not c.origins for c in strangers)
