"""The findings of weights, words and files in one order."""

from __future__ import annotations

from datetime import UTC, datetime

from analyzers.identity.evidence import Asked, IdentityEvidence, PlantedPrompt, Spent, tally
from analyzers.records import Finding, Strength, Verdict
from analyzers.records.claims import Assessed, Claim, Status
from analyzers.records.traces import trace
from analyzers.verdict.summary import of_identity, points, summed_up

NOW = datetime(2026, 6, 14, 12, tzinfo=UTC)
NAMES = {"Nex": "Nex", "Rio": "Rio"}
MEASURED = "0.6 a/x + 0.4 b/y reproduces all"
STRONG = trace("merge recipe", "mergekit_config.yml", "A recipe is there.", "strong")
WEAK = trace("shard names", "shards", "The shards have other names.", "weak")


def verdict(strength: Strength | None = "exact") -> Verdict:
    """A blend's."""
    finding = Finding("blend", "blend" if strength else "derivative", MEASURED)
    return Verdict(
        finding, "partial", "public" if strength else "none", strength=strength, why=f"{MEASURED}; a/x is not declared"
    )


def claim(status: Status, quote: str = "Trained by us.", subject: str = "") -> Assessed:
    """One about training."""
    return Assessed(Claim("post-training", quote, "prose", subject), status, f"no training came after ({MEASURED})")


def test_the_weights_come_first_then_what_they_contradict_then_what_carries_less() -> None:
    """Claims that cannot be tested are no findings."""
    told = points(verdict(), [claim("not testable", "x"), claim("contradicted")], [WEAK, STRONG])
    assert [(p.origin, p.carries) for p in told] == [
        ("weights", "exact"),
        ("words", "exact"),
        ("files", "strong"),
        ("files", "weak"),
    ]
    assert told[1].contradicts == "Trained by us."
    assert told[1].says == "The card's claim of post-training is contradicted: no training came after."


def test_the_sentence_names_contradictions_and_quotes_nobody() -> None:
    """What is weak is left to the list; a stranger's words cannot pass for ours."""
    odd = "Trained by us; every parent is declared"
    found = points(verdict(), [claim("contradicted", odd, "DPO"), claim("contradicted", odd)], [WEAK, STRONG])
    why = summed_up(verdict().why, found)
    assert why == (
        f"{MEASURED}; a/x is not declared; contradicted: the card's claim of post-training (DPO); "
        "left beside the weights: merge recipe (mergekit_config.yml)"
    )
    assert summed_up("nothing", points(verdict(None), [claim("not testable")], [WEAK])) == "nothing"


def test_a_finding_without_strength_is_suggestive_and_stands_first_all_the_same() -> None:
    """A trace that carries further does not change the verdict."""
    told = points(verdict(None), [], [STRONG])
    assert [(p.origin, p.carries) for p in told] == [("weights", "suggestive"), ("files", "strong")]


def heard(*answers: str, planted: bool = False) -> Asked:
    """Answers without a system prompt."""
    return Asked("no system", "completions", len(answers), len(answers), tally(answers, NAMES, ("Rio",)), planted)


def evidence(*sets: Asked, planted: PlantedPrompt | None = None) -> IdentityEvidence:
    """What a probe found."""
    return IdentityEvidence(None, "m", "here", NOW, sets, planted, "chat_template.jinja", Spent())


PLANT = PlantedPrompt("You are Rio.", ("Rio",), with_empty=True, with_system=False)


def test_counts_have_intervals_and_a_hidden_parents_name_is_told_as_such() -> None:
    """And what the template plants is what the answers do not go with."""
    one = heard("I am Nex.", "I am Nex.", "Hello.")
    named, planted = of_identity(evidence(one, planted=PLANT), {"Nex": "nex-agi/Nex-1"})
    assert "Nex in 2 of 3 answers [0.21, 0.94], Rio in 0 of 3 answers [0.00, 0.56]" in named.says
    assert "Nex is what nex-agi/Nex-1 is called, which the card does not declare" in named.says
    assert (named.carries, named.contradicts) == ("suggestive", "the name that the chat template plants")
    assert planted.says == "The chat template plants “You are Rio.”, which makes it Rio."
    (alone,) = of_identity(evidence(one), {})
    assert "is called" not in alone.says
    assert alone.contradicts == ""


def test_answers_under_the_planted_prompt_say_nothing_of_the_weights() -> None:
    """Where there was no way around it, only the prompt is a finding; a model that claims no name is a weak one."""
    assert [p.kind for p in of_identity(evidence(heard("I am Rio.", planted=True), planted=PLANT), {})] == [
        "planted prompt"
    ]
    (none,) = of_identity(evidence(heard("Hello.", "Hi.")), {})
    assert none.carries == "weak"
    assert summed_up("x", [none]) == "x"
