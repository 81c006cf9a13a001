"""Blends of known models are found bit for bit, and honest siblings of them are left alone."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from analyzers import blend, explain
from analyzers.blend import explain_linear, one_is_enough, told
from analyzers.compare.aligned import align
from analyzers.compare.case import Case, case_of
from analyzers.fit.arithmetic import ARITHMETICS, Arithmetic
from analyzers.fit.parent_selection import select
from analyzers.fit.tensor_profile import nearest_model
from analyzers.numbers.rounding import widen
from analyzers.records import Mix, Reference, Sketch
from analyzers.thresholds import EXACT_REPRODUCED, GREY_REPRODUCED
from demo.models import Delta, Weights, fresh, mixed, trained
from tests.analyzers.makers import (
    BASE,
    BF16,
    F16,
    F32,
    NOW,
    OTHER,
    RELEASE,
    SUSPECT,
    base_weights,
    case,
    declaring,
    delta,
    family,
    known,
    noisy,
    release_weights,
    sketch,
    stored_as,
)
from tests.analyzers.planted import Planted, planted

SHARES = {RELEASE: 0.565, BASE: 0.435}


def two(shares: dict[str, float] | None = None) -> Weights:
    """A mix of the release and its base."""
    by_name = shares or SHARES
    weights = {BASE: base_weights(), RELEASE: release_weights(1), OTHER: release_weights(2)}
    return mixed([weights[name] for name in by_name], list(by_name.values()))


def sibling(lean: float, size: float = 0.03, seed: int = 0) -> Weights:
    """An honest model of the same base whose training leans on the release's."""
    own = Delta.draw(np.random.default_rng(5000 + seed), size)
    return trained(base_weights(), own.lean(delta(1, size), lean))


def pair(size: float) -> list[Reference]:
    """The base and a release whose delta has this size."""
    return [known(BASE, base_weights(), "base"), known(RELEASE, release_weights(1, size))]


def mix_of(found: Case) -> Mix | None:
    """The numbers of the best mix of a case's kin, found whether it amounts to anything or not."""
    aligned = found.aligned
    best = explain_linear(aligned, found.screened, found.suspect.spec.windows) if aligned else None
    return told(aligned, best) if aligned and best else None


def test_planted() -> None:
    """Mixes of two and three known models are found with their coefficients; those who mixed nothing are not."""
    mixes: list[dict[str, float]] = [
        SHARES,
        {RELEASE: 0.9, BASE: 0.1},
        {RELEASE: 0.5, OTHER: 0.5},
        {RELEASE: 0.3, OTHER: 0.25, BASE: 0.45},
        {RELEASE: 1.3, OTHER: -0.3},
        {RELEASE: 1.5, BASE: -0.5},
    ]
    found = [(case(two(m), family()), Planted("blend", m, exact=True)) for m in mixes]
    declared = (case(two(), family(), [RELEASE]), Planted("blend", SHARES, exact=True))
    unrelated = fresh(np.random.default_rng(9))
    quiet = [case(w, family()) for w in (base_weights(), release_weights(1), sibling(0.5), unrelated)]
    planted(blend.analyze, [*found, declared], [*quiet, case(two(), []), case(two(), family()[:1])])


@pytest.mark.parametrize("dtype", [BF16, F16, F32], ids=str)
def test_every_storage_type_is_exact(dtype: np.dtype[np.generic]) -> None:
    """A blend is exact in each storage type that is read."""
    base, release = base_weights(0, dtype), release_weights(1, 0.03, dtype)
    references = [known(BASE, base, "base"), known(RELEASE, release)]
    suspect = case(mixed([release, base], [0.565, 0.435], dtype), references)
    planted(blend.analyze, [(suspect, Planted("blend", SHARES, exact=True))], [])


def test_a_blend_in_a_wider_file_is_exact() -> None:
    """Storing a bfloat16 blend as float32 hides nothing."""
    planted(blend.analyze, [(case(stored_as(two(), F32), family()), Planted("blend", SHARES, exact=True))], [])


@pytest.mark.parametrize("shares", [{RELEASE: 0.6, BASE: 0.4}, {RELEASE: 0.3, BASE: 0.7}], ids=str)
@pytest.mark.parametrize("arithmetic", ARITHMETICS, ids=lambda a: a.name)
def test_every_arithmetic_is_replayed(arithmetic: Arithmetic, shares: dict[str, float]) -> None:
    """What any named arithmetic made is exact, under its own name or that of one that gives the same bits."""
    base, release = base_weights(), release_weights(1)
    made = {
        name: arithmetic.mix([widen(base[name]), widen(release[name])], [shares[BASE], shares[RELEASE]], BF16)
        for name in base
    }
    suspect = case(made, family())
    planted(blend.analyze, [(suspect, Planted("blend", shares, exact=True))], [])
    mix = mix_of(suspect)
    assert mix is not None
    in_storage = {a.name: a.in_storage for a in ARITHMETICS}
    assert (mix.reproduced, in_storage[mix.arithmetic]) == (1.0, arithmetic.in_storage)


@pytest.mark.parametrize("size", [0.003, 0.01, 0.03])
@pytest.mark.parametrize("lean", [0, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("seed", [0, 1])
def test_honest_siblings_stay_quiet(lean: float, size: float, seed: int) -> None:
    """Training that leans on the same data as a release's, however far, never reproduces the bits of a mix."""
    suspect = case(sibling(lean, size, seed), pair(size))
    planted(blend.analyze, [], [suspect])
    mix = mix_of(suspect)
    assert mix is None or mix.reproduced < GREY_REPRODUCED


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("lean", [0.5, 0.7])
def test_a_union_of_two_releases_data_stays_quiet(lean: float, seed: int) -> None:
    """An honest model that leans on two releases at once has a blend's coefficients and none of its bits."""
    own = Delta.draw(np.random.default_rng(6000 + seed), 0.03)
    change = {n: lean * (delta(1).change[n] + delta(2).change[n]) + 0.3 * own.change[n] for n in own.change}
    suspect = case(trained(base_weights(), Delta(change)), family())
    planted(blend.analyze, [], [suspect])
    aligned = suspect.aligned
    assert aligned is not None
    assert len(select(aligned.suspect, aligned.candidates, nearest_model(aligned)).parents) >= 2
    mix = mix_of(suspect)
    assert mix is None or mix.reproduced < GREY_REPRODUCED


def test_training_on_a_blend_is_no_blend() -> None:
    """A model trained on from a blend of known models no longer has the blend's bits."""
    planted(blend.analyze, [], [case(trained(two(), delta(8, 0.01)), family())])


def test_nobody_answers_for_an_ancestor() -> None:
    """Where a known blend explains the upload as well as the mix does, the mix is not charged to the upload."""
    blended = known("someone/Blend", two())
    planted(blend.analyze, [], [case(noisy(two(), 1e-3), [*family(), blended])])


def cut(found: Sketch, tensors: int) -> Sketch:
    """Keep the first tensors of a sketch."""
    keys = sorted(found.samples)[:tensors]
    return Sketch(found.ref, found.spec, {k: found.samples[k] for k in keys})


@pytest.mark.parametrize("tensors", [1, 2, 3])
def test_too_little_is_never_a_blend(tensors: int) -> None:
    """However well a mix fits, a few tensors are not enough to call it a blend."""
    suspect = case_of(cut(sketch(SUSPECT, two()), tensors), family(), declaring(), NOW)
    finding = blend.analyze(suspect)
    assert finding is None or (finding.kind, finding.parents) == ("inconclusive", ())


def test_too_few_decisive_weights_are_never_a_blend() -> None:
    """Where nearly every weight is equal in all parents, the few others cannot carry a verdict."""
    base = base_weights()
    release = {
        n: np.where(np.arange(w.size).reshape(w.shape) % 97 == 0, 2 * w.astype(F32), w).astype(BF16)
        for n, w in base.items()
    }
    references = [known(BASE, base, "base"), known(RELEASE, release)]
    suspect = case(mixed([release, base], [0.7, 0.3]), references)
    mix = mix_of(suspect)
    assert mix is None or mix.decisive < 200
    finding = blend.analyze(suspect)
    assert finding is None or finding.kind == "inconclusive"


def test_noise_takes_exactness_away() -> None:
    """A blend with noise of a thousandth or three on top is still told, and is not exact."""
    noises = [case(noisy(two(), size), family()) for size in (1e-3, 3e-3)]
    planted(blend.analyze, [(c, Planted("blend", SHARES, exact=False)) for c in noises], [])


def test_more_noise_is_inconclusive() -> None:
    """A blend with so much noise that half its bits are gone is neither accused nor cleared."""
    finding = blend.analyze(case(noisy(two(), 5e-3), family()))
    assert finding is not None
    assert (finding.kind, finding.parents) == ("inconclusive", ())


def test_a_parent_of_a_later_blend_is_no_blend() -> None:
    """A blend that is known as a reference never makes its own, earlier parents look like blends of it."""
    references = [known(BASE, base_weights(), "base", days=90), known("someone/Blend", two(), days=5)]
    earlier = case(release_weights(1), references, at=NOW - timedelta(days=10))
    assert "someone/Blend" not in {k.reference.repo_id for k in earlier.kin}
    planted(blend.analyze, [], [earlier])


def test_a_mirror_is_not_named_in_place_of_the_original() -> None:
    """Of references with equal weights the one that was published first is the parent."""
    mirrors = [known("mirror/Release", release_weights(1), days=3), known("a-mirror/Base", base_weights(), days=99)]
    for references in ([*family(), *mirrors], [*mirrors, *family()]):
        planted(blend.analyze, [(case(two(), references), Planted("blend", SHARES, exact=True))], [])


def test_a_declared_mirror_counts() -> None:
    """Where the card names the mirror, the mirror is the parent: it holds the same weights."""
    references = [*family(), known("mirror/Release", release_weights(1), days=3)]
    truth = Planted("blend", {"mirror/Release": 0.565, BASE: 0.435}, exact=True)
    planted(blend.analyze, [(case(two(), references, ["Mirror/release"]), truth)], [])


def test_one_tensor_from_elsewhere_is_not_exact() -> None:
    """One recipe has to hold in every tensor: with a foreign one among them no blend is exact."""
    name = "lm_head.weight"
    patched = dict(two()) | {name: release_weights(7)[name]}
    planted(blend.analyze, [(case(patched, family()), Planted("blend", SHARES, exact=False))], [])


def test_the_claim_holds_its_numbers() -> None:
    """A finding says what was mixed, how, and how much of it is reproduced, largest share first."""
    finding = blend.analyze(case(two(), family()))
    assert finding is not None
    assert [p.ref.repo_id for p in finding.parents] == [RELEASE, BASE]
    assert finding.claim.startswith(f"0.565 {RELEASE} + 0.435 {BASE} reproduces 1.0000 of")
    assert float(finding.measured["reproduced"]) >= EXACT_REPRODUCED
    assert int(finding.measured["decisive"]) > 5000
    assert (finding.family, finding.further_training) == ("linear", False)


def test_a_known_blend_that_was_trained_on_in_float32_is_not_charged_to_the_upload() -> None:
    """What lies in finer steps than the mix is made of says nothing against the one model that has all the rest."""
    rng = np.random.default_rng(3)
    wide = stored_as(two(), F32)
    trained_on = {
        n: (widen(w) + 2e-4 * rng.standard_normal(w.shape)).astype(np.float32) if "mlp" in n else w
        for n, w in wide.items()
    }
    hidden = known("someone/Blend", two(), days=10)
    planted(blend.analyze, [(case(trained_on, family()), Planted("blend", SHARES, exact=True))], [])
    suspect = case(trained_on, [*family(), hidden])
    assert suspect.aligned is not None
    assert 0 < len(suspect.aligned.keys) < len(suspect.suspect.samples)
    assert one_is_enough(suspect, 1.0, suspect.aligned.suspect.size)
    planted(blend.analyze, [], [suspect])
    assert {p.ref.repo_id for p in explain(suspect).parents} == {"someone/Blend"}
    # where it explains no more than half of the same tensors, the mix stands
    half = {n: w if "self_attn" in n else release_weights(1)[n] for n, w in two().items()}
    assert not one_is_enough(case(trained_on, [*family(), known("someone/Half", half, days=10)]), 1.0, 10_000)


def test_models_without_common_coordinates_are_not_aligned() -> None:
    """Nothing is put side by side where two models were not sampled at the same places."""
    whole = sketch(SUSPECT, two())
    empty = Sketch(whole.ref, whole.spec, {})
    assert align(empty, family()) is None
    assert align(whole, []) is None
