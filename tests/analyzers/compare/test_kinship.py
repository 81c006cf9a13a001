"""How near two models are is measured weight by weight, where both were sampled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analyzers.compare.case import case_of
from analyzers.compare.kinship import Kinship, common_keys, kin_among, kinship
from analyzers.records import Disclosure, Sketch
from analyzers.sketch.fixed_width import SketchClass
from analyzers.thresholds import (
    NOISE_DISPERSION,
    NOISE_ROW_DEPENDENCE,
    RELATED_CORRELATION,
)
from demo.models import Weights, fresh, trained
from tests.analyzers.makers import (
    BASE,
    BF16,
    F32,
    base_weights,
    delta,
    known,
    noisy,
    release_weights,
    sketch,
    stored_as,
)


def near(weights: Weights) -> Kinship:
    """Measure a model against the base."""
    found = kinship(sketch("new/Model", weights), known(BASE, base_weights(), "base"), 4)
    assert found is not None
    return found


def test_a_model_is_nearest_to_itself() -> None:
    """Equal weights have no distance, also when they are stored in a wider type."""
    for weights in (base_weights(), stored_as(base_weights(), F32)):
        found = near(weights)
        assert (found.equal, found.tensors_equal, found.distance, found.dispersion) == (1.0, 1.0, 0.0, 0.0)
        assert (found.row_dependence, found.weights) == (0.0, sketch("a/b", weights).weights)


@pytest.mark.parametrize("size", [0.003, 0.03, 0.2])
def test_distance_is_the_size_of_training(size: float) -> None:
    """The distance is about the size of the delta, relative to the weights."""
    assert near(trained(base_weights(), delta(5, size))).distance == pytest.approx(size, rel=0.35)


def test_unrelated_models_do_not_correlate() -> None:
    """Models trained from different beginnings have no correlation beyond chance."""
    assert abs(near(fresh(np.random.default_rng(99))).correlation) < RELATED_CORRELATION / 2


def test_training_is_told_from_noise() -> None:
    """Training differs in size between tensors and moves rows together; noise does neither."""
    training, noise = near(release_weights(1)), near(noisy(base_weights(), 5e-3))
    assert training.dispersion > NOISE_DISPERSION > noise.dispersion
    assert training.row_dependence > NOISE_ROW_DEPENDENCE > noise.row_dependence > 0


def test_models_without_a_common_matrix_are_not_measured() -> None:
    """Matrices of another width are at other coordinates, and nothing is measured."""
    narrow = {name: w[:, : w.shape[1] // 2] for name, w in base_weights().items() if w.ndim == 2}
    other = known("narrow/Model", narrow)
    suspect = sketch("new/Model", base_weights())
    assert common_keys(suspect, other.sketch) == ()
    assert kinship(suspect, other, 4) is None


def test_empty_sketches_share_nothing() -> None:
    """A model of which nothing was sampled shares nothing."""
    full = sketch("new/Model", base_weights())
    assert common_keys(Sketch(full.ref, full.spec, {}), full) == ()


def test_constant_tensors_measure_as_nothing() -> None:
    """Tensors of zeros are no weights; in an old sketch they have neither correlation nor distance."""
    zeros = {name: np.zeros_like(w) for name, w in base_weights().items()}
    assert kinship(sketch("new/Model", base_weights()), known("zero/Model", zeros), 4) is None
    old = replace(known("zero/Model", base_weights()), sketch=filled(sketch("zero/Model", base_weights()), 0.0))
    found = kinship(sketch("new/Model", base_weights()), old, 4)
    assert found is not None
    assert (found.correlation, found.distance, found.dispersion) == (0.0, 0.0, 0.0)


def filled(one: Sketch, value: float) -> Sketch:
    """Return a sketch as an older version may have stored it, of one value throughout."""
    samples = {key: replace(s, values=np.full_like(s.values, value)) for key, s in one.samples.items()}
    return replace(one, samples=samples)


@pytest.mark.parametrize("dtype", [BF16, F32])
@pytest.mark.parametrize("moved", [False, True])
def test_kin_among_many_records_are_those_that_a_case_finds(dtype: np.dtype[np.generic], *, moved: bool) -> None:
    """Of many stored sketches at once: trained ones, strangers, one with a few layers of the model, one of NaN."""
    ours = base_weights(dtype=dtype)
    strange = stored_as(fresh(np.random.default_rng(77)), dtype)
    few = {name: ours[name] if ".1." in name else w for name, w in strange.items()}
    models = [trained(ours, delta(5, 0.2)), strange, few if moved else ours]
    sketches = [sketch(f"new/Model-{i}", stored_as(w, dtype)) for i, w in enumerate(models)]
    sketches.append(filled(sketches[1], np.nan))
    of = SketchClass.of(sketches[0])
    records = np.frombuffer(b"".join(of.pack(s) for s in sketches), np.uint8).reshape(len(sketches), of.width)
    reference = known(BASE, ours, "base")
    expected = [bool(case_of(s, [reference], Disclosure("a"), None).kin) for s in sketches]
    with np.errstate(all="ignore"):
        assert kin_among(reference.sketch, of, records).tolist() == expected
    assert expected == [True, False, True, False]
    assert not kin_among(sketch("a/b", {}), of, records).any()


def test_what_is_not_finite_counts_nowhere() -> None:
    """A few spoiled numbers change no measure, and equal ones on both sides make no copy."""
    rng = np.random.default_rng(4)

    def spoiled(share: float) -> Weights:
        found = {}
        for name, weights in base_weights().items():
            values = weights.copy()
            values[rng.random(values.shape) < share] = np.nan
            found[name] = values
        return found

    few = near(spoiled(0.01))
    assert (few.equal, few.tensors_equal, few.distance) == (1.0, 1.0, 0.0)
    assert few.weights < sketch("a/b", base_weights()).weights
    assert not sketch("new/Model", spoiled(0.9)).samples  # mostly no number: no weights
    both = kinship(sketch("new/Model", spoiled(0.01)), known(BASE, spoiled(0.01), "base"), 4)
    assert both is not None
    assert both.weights < few.weights
