"""Copies are found however they are stored; training, large or small, is never one."""

from __future__ import annotations

import numpy as np
import pytest

from analyzers import duplicate
from analyzers.duplicate import is_noise
from demo.models import Delta, Weights, fresh, mixed, trained
from tests.analyzers.makers import (
    BASE,
    BF16,
    F16,
    F32,
    OTHER,
    RELEASE,
    base_weights,
    case,
    family,
    known,
    noisy,
    release_weights,
    stored_as,
)
from tests.analyzers.merges import dare
from tests.analyzers.planted import Planted, planted

EXACT, ALMOST = Planted("copy", {RELEASE: 1.0}, exact=True), Planted("copy", {RELEASE: 1.0}, exact=False)


def touched(*names: str) -> Weights:
    """The release with these tensors taken from elsewhere."""
    elsewhere = fresh(np.random.default_rng(4))
    return dict(release_weights(1)) | {name: elsewhere[name] for name in names}


def low_rank(size: float, modules: tuple[str, ...], rank: int = 8, seed: int = 0) -> Weights:
    """The base with a merged adapter on some of its modules."""
    rng = np.random.default_rng(seed)
    changed = dict(base_weights())
    for name, w in base_weights().items():
        if any(module in name for module in modules):
            update = rng.normal(0, 1, (w.shape[0], rank)) @ rng.normal(0, 1, (rank, w.shape[1])) / np.sqrt(rank)
            changed[name] = (w.astype(np.float64) + 0.02 * size * update).astype(BF16)
    return changed


def sparse(share: float, seed: int) -> Weights:
    """The base with a share of its weights moved by one ulp, another share in each tensor, as RL leaves it."""
    rng = np.random.default_rng(seed)
    changed: Weights = {
        name: (
            w.view(np.uint16)
            + (rng.random(w.shape) < share * np.exp(rng.normal(0, 0.7))) * rng.choice([-1, 1], w.shape)
        )
        .astype(np.uint16)
        .view(BF16)
        for name, w in base_weights().items()
    }
    return changed


def test_planted() -> None:
    """A renamed, re-encoded, noisy or slightly touched release is its copy; a relative or a stranger is not."""
    release = release_weights(1)
    found = [
        (case(release, family()), EXACT),
        (case(release, family(), [RELEASE]), EXACT),
        (case(stored_as(release, F16), family()), EXACT),
        (case(stored_as(release, F32), family()), EXACT),
        (case(noisy(release, 5e-3), family()), ALMOST),
        (case(noisy(release, 5e-3, additive=True), family()), ALMOST),
        (case(noisy(stored_as(release, F32), 5e-3), family()), ALMOST),
        (case(touched("model.embed_tokens.weight"), family()), ALMOST),
        (case(touched("lm_head.weight"), family()), ALMOST),
    ]
    strangers = [release_weights(3), fresh(np.random.default_rng(5)), mixed([release, base_weights()], [0.5, 0.5])]
    planted(duplicate.analyze, found, [case(w, family()) for w in strangers])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("size", [3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 0.1])
def test_training_is_never_a_copy(size: float, seed: int) -> None:
    """Training of any size, down to changes that mostly round away, is not taken for noise."""
    change = Delta.draw(np.random.default_rng(7000 + seed), size)
    planted(duplicate.analyze, [], [case(trained(base_weights(), change), family())])


@pytest.mark.parametrize("modules", [("_proj",), ("q_proj", "v_proj"), ("q_proj",), ("o_proj",), ("mlp.",)], ids=str)
@pytest.mark.parametrize("size", [1e-3, 1e-2, 0.1])
def test_adapters_are_never_copies(size: float, modules: tuple[str, ...]) -> None:
    """A merged low-rank adapter, on all modules or on one kind, is training."""
    planted(duplicate.analyze, [], [case(low_rank(size, modules), family())])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("share", [0.005, 0.02, 0.1])
def test_sparse_updates_are_never_copies(share: float, seed: int) -> None:
    """Updates that move few weights by one ulp, as reinforcement learning does, are training."""
    planted(duplicate.analyze, [], [case(sparse(share, seed), family())])


def test_half_the_tensors_are_more_than_a_few() -> None:
    """A model with half of its tensors taken from elsewhere is no copy."""
    names = [n for n in release_weights(1) if ".layers.0." in n or ".layers.1." in n]
    planted(duplicate.analyze, [], [case(touched(*names), family())])


def test_the_declared_one_of_two_near_models_is_named() -> None:
    """Where two known models are equal up to noise, the one that the card names is the original."""
    twin = known("heron/Twin", noisy(release_weights(1), 5e-3, seed=2))
    references = [*family(), twin]
    planted(duplicate.analyze, [(case(release_weights(1), references), EXACT)], [])
    declared = Planted("copy", {"heron/Twin": 1.0}, exact=False)
    planted(duplicate.analyze, [(case(release_weights(1), references, ["heron/Twin"]), declared)], [])


def test_too_few_weights_are_no_copy() -> None:
    """A handful of equal weights, as all models of a size may share, names nobody."""
    names = ("model.layers.0.self_attn.q_proj.weight", "model.layers.0.self_attn.k_proj.weight")
    small: Weights = {name: base_weights()[name] for name in names}
    planted(duplicate.analyze, [], [case(small, [known(BASE, small, "base")])])


def test_what_is_exact_had_no_further_training() -> None:
    """An exact copy was not trained on; of a noisy one nobody can tell."""
    exact = duplicate.analyze(case(release_weights(2), family()))
    noise = duplicate.analyze(case(noisy(release_weights(2), 5e-3), family()))
    assert exact is not None
    assert noise is not None
    assert (exact.parents[0].ref.repo_id, exact.further_training, noise.further_training) == (OTHER, False, None)
    assert "every sampled weight is equal" in exact.claim
    assert "noise alone" in noise.claim


def test_noise_beside_a_nearer_model_is_no_copy() -> None:
    """Randomly masked deltas look like noise from one model, and are none where another known model explains more."""
    base, other = base_weights(), release_weights(2)
    blend = dare(base, [(release_weights(1), 0.6), (other, 0.6)])
    references = [*family(), known("someone/Blend", blend, None, days=2)]
    tuned = trained(blend, Delta.draw(np.random.default_rng(1009), 0.02))
    alone = case(tuned, [known(OTHER, other)])
    assert is_noise(alone.kin[0])
    planted(duplicate.analyze, [], [case(tuned, references), case(tuned, references, ["someone/Blend"])])


def test_another_type_is_said() -> None:
    """The claim says how the copy is stored; of the same type it says nothing."""
    plain = duplicate.analyze(case(release_weights(1), family()))
    half = duplicate.analyze(case(stored_as(release_weights(1), F16), family()))
    assert plain is not None
    assert plain.claim.endswith("every sampled weight is equal")
    assert half is not None
    assert half.claim.endswith("every sampled weight is equal, stored as float16 and not as bfloat16")
    near = duplicate.analyze(case(noisy(stored_as(release_weights(1), F32), 5e-3), family()))
    assert near is not None
    assert near.claim.endswith("in every tensor, stored as float32 and not as bfloat16")
