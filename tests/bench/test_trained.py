"""The parts of the trained benchmark that need no training: its code, its recipes, its bound and its measures."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from analyzers.numbers.rounding import BF16, Floats, round_to, widen
from bench.trained.catalogue import entries
from bench.trained.corpus import Code, alphabet, learn
from bench.trained.departure import departure, inside, variances
from bench.trained.folder import Weights
from bench.trained.judging import summary
from bench.trained.recipes import Blend, Checkpoint, blended
from bench.trained.shapes import SHAPES, fresh
from bench.trained.worlds import WORLDS, World


def references(rng: np.random.Generator, size: float = 0.02, weights: int = 20_000) -> Floats:
    """A base and three releases whose deltas share nothing, float64[4, weights]."""
    base = rng.uniform(0.01, 0.04, weights)  # away from zero, where a few weights would decide
    deltas = rng.normal(0, 0.02 * size, (3, weights))
    return widen(round_to(np.stack([base, *(base + deltas)]), BF16))


@pytest.mark.parametrize("weighting", range(3))
def test_a_pure_mix_is_explained_and_reproduced(weighting: int) -> None:
    """Rounding is all that is left of it."""
    known = references(np.random.default_rng(1))
    stored = round_to(0.6 * known[1] + 0.4 * known[2], BF16)
    found = departure(stored, known, variances(stored, known)[weighting])
    assert found.coefficients == pytest.approx([0, 0.6, 0.4, 0], abs=5e-3)
    assert found.explained > 0.99
    decisive, share = inside(stored, known, found)
    assert decisive > 5_000
    assert share > 0.9


@pytest.mark.parametrize("weighting", range(3))
def test_a_training_of_its_own_is_not_explained(weighting: int) -> None:
    """A delta unlike any other."""
    rng = np.random.default_rng(2)
    known = references(rng)
    stored = round_to(known[0] + rng.normal(0, 4e-4, known.shape[1]), BF16)
    found = departure(stored, known, variances(stored, known)[weighting])
    assert abs(found.explained) < 0.05
    assert inside(stored, known, found)[1] < 0.5


@pytest.mark.parametrize("weighting", range(3))
def test_the_share_explained_is_that_of_the_variance(weighting: int) -> None:
    """Half the departure from the nearest is the mix, half its own."""
    rng = np.random.default_rng(3)
    known = references(rng)
    own = rng.normal(0, 1, known.shape[1]) * np.std(0.5 * (known[1] - known[0]))
    stored = round_to(0.5 * known[0] + 0.5 * known[1] + own, BF16)
    found = departure(stored, known, variances(stored, known)[weighting])
    assert found.explained == pytest.approx(0.5, abs=0.05)


def test_what_equals_a_reference_has_no_departure_to_explain() -> None:
    """Nothing is divided by nothing."""
    known = references(np.random.default_rng(4))
    stored = round_to(known[2], BF16)
    assert np.isnan(departure(stored, known, variances(stored, known)[0]).explained)


def report(finding: str, alert: bool, *parents: str) -> dict[str, Any]:
    """What summary reads of a report."""
    return {"finding": finding, "alert": alert, "parents": [{"repo_id": p, "coefficient": None} for p in parents]}


def test_false_alarms_innocents_and_finds_are_counted() -> None:
    """One innocent accused, one blend found, one with a wrong parent."""
    honest = {"alert": False, "parents": {"a/base": None}}
    planted = {"alert": True, "parents": {"a/base": 0.4, "b/one": 0.6}}
    truth = {"x/fine": honest, "x/accused": honest, "x/hidden": planted, "x/other": planted}
    reports = {
        "x/fine": report("derivative", False, "a/base"),
        "x/accused": report("blend", True, "a/base", "b/one"),
        "x/hidden": report("blend", True, "a/base", "b/one"),
        "x/other": report("blend", True, "a/base", "c/two"),
    }
    told = summary(reports, truth)
    assert "false alarms: x/accused\n" in told
    assert "innocents named: x/accused: b/one; x/other: c/two\n" in told
    assert "planted: 1 of 2 found" in told


@pytest.mark.parametrize("world", WORLDS, ids=lambda w: w.name)
def test_every_model_comes_after_what_it_is_made_from(world: World) -> None:
    """Starts, teachers and parents."""
    made: set[str] = set()
    for entry in entries(world):
        source = entry.source
        needs: set[str] = set()
        if isinstance(source, Checkpoint):
            needs = {source.run.start, *source.run.teachers}
            assert source.step <= source.run.steps
        elif isinstance(source, Blend):
            needs = set(source.parents)
        assert needs <= made, entry.key
        made.add(entry.key)


@pytest.mark.parametrize("world", WORLDS, ids=lambda w: w.name)
def test_only_hidden_blends_may_be_alerted_about_and_their_cards_hide_a_parent(world: World) -> None:
    """The truth agrees with the cards."""
    base = entries(world)[0].repo_id
    for entry in entries(world):
        if entry.group == "honest":
            assert entry.truth["alert"] is False
        if entry.group == "planted":
            assert entry.truth["alert"] is True
            assert entry.declares == (base,)
            assert set(entry.truth["parents"]) - set(entry.declares)


def test_the_worlds_share_no_model_and_have_three_shapes() -> None:
    """A model of one world is no relative of another's."""
    names = [entry.repo_id for world in WORLDS for entry in entries(world)]
    assert len(names) == len(set(names))
    assert {world.shape for world in WORLDS} == set(SHAPES)
    assert len({world.seed for world in WORLDS}) == len(WORLDS)
    assert sum(entry.group == "honest" for world in WORLDS for entry in entries(world)) >= 150


@pytest.mark.parametrize("shape", SHAPES)
def test_fresh_weights_have_the_dimensions_of_their_shape(shape: str) -> None:
    """And other seeds give other weights."""
    one, other = fresh(SHAPES[shape], 1), fresh(SHAPES[shape], 2)
    assert {name: w.shape for name, w in one.items()} == SHAPES[shape].tensors
    assert not np.array_equal(one["lm_head.weight"], other["lm_head.weight"])


def test_a_blend_is_rounded_once_and_noise_moves_it() -> None:
    """Before it is stored noise moves more than after."""
    rng = np.random.default_rng(5)
    one, two = (rng.normal(0, 0.02, 500).astype(BF16) for _ in range(2))
    published: dict[str, Weights] = {"one": {"w": one}, "two": {"w": two}}
    pure = blended(Blend({"one": 0.6, "two": 0.4}), published)["w"]
    exact = np.float32(0.6) * one.astype(np.float32) + np.float32(0.4) * two.astype(np.float32)
    assert np.array_equal(pure, exact.astype(BF16))
    shaken = [
        np.mean(blended(Blend({"one": 0.6, "two": 0.4}, 1e-3, stored), published)["w"] != pure)
        for stored in (False, True)
    ]
    assert 0.05 < shaken[0] < 0.3  # a thousandth against a step of about five
    assert shaken[1] < 0.05


def test_tokens_spell_the_text() -> None:
    """And are fewer than its characters."""
    text = "the cat, the hat\n    the end"
    code = Code(learn(Counter({"the": 3, " the": 5, " hat": 2}), len(alphabet()) + 4))
    spelling = {i: s for s, i in code.vocabulary.items()}
    tokens = code.encode(text)
    assert "".join(spelling[int(t)] for t in tokens) == text
    assert len(tokens) < len(text)
