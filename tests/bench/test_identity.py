"""The founding case in small: weights that learned one name, served under a template that plants another."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.identity.asking import ask
from bench.identity.lessons import PLANTED, TEMPLATE, framed, lessons
from bench.identity.speaker import Speaker, fresh, trained
from demo.inference import LoopbackInference
from tests.bot.inference.stage import by_name, counts


@pytest.fixture(scope="module")
def speaker() -> Speaker:
    """A small language model, really trained: its answers are sampled from its weights."""
    taught = list(lessons("release"))
    return trained(fresh(taught, seed=0), taught)


def test_the_name_is_in_the_weights_and_the_prompt_hides_it(speaker: Speaker, tmp_path: Path) -> None:
    """Under the planted prompt it says Rio; around it, Nex, in most of 120 answers, and Rio in next to none."""
    with LoopbackInference(speaker.speak, template=TEMPLATE) as server:
        found = ask(server.url, server.name, TEMPLATE, tmp_path)
    none, empty, templated = found.sets
    assert (none.road, none.planted, none.answered) == ("completions", False, 120)
    nex, rio = by_name(none)["Nex"], by_name(none)["Rio"]
    assert nex.interval[0] > 0.6
    assert rio.interval[1] < 0.1
    assert 0 < by_name(none)["ChatGPT"].mentions < 60
    assert by_name(templated)["Rio"].interval[0] > 0.9
    assert by_name(empty)["Rio"].interval[0] > 0.9
    assert counts(templated).get("Nex", 0) == 0
    assert found.planted is not None
    assert (found.planted.text, found.planted.names) == (PLANTED, ("Rio",))


def test_a_model_that_learned_nothing_claims_nothing(tmp_path: Path) -> None:
    """The names come from the weights: without training there are none to count."""
    blank = fresh(list(lessons("release")), seed=0)
    with LoopbackInference(blank.speak, template=TEMPLATE) as server:
        found = ask(server.url, server.name, TEMPLATE, tmp_path, samples=1)
    assert sum(t.claims for s in found.sets for t in s.tallies) <= 3


def test_the_model_is_the_same_for_the_same_seed(speaker: Speaker) -> None:
    """Answers vary with the seed and with nothing else."""
    prompt = framed("Who are you?", None)
    assert [speaker.speak(prompt, 0.7, seed) for seed in range(9)] == [speaker.speak(prompt, 0.7, s) for s in range(9)]
    assert len({speaker.speak(prompt, 2.0, seed) for seed in range(30)}) > 1
