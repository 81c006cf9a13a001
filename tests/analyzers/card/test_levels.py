"""Declared, named, absent: on cards that another hand wrote, who had not seen the reader."""

from __future__ import annotations

import json
from typing import Any

import pytest

from analyzers.card.reader import Card, read_card
from analyzers.model_ids import is_a_name, same_model
from bench.cards import REGISTRY, found_claims
from state.registry.models import load
from tests import ROOT

DATA = ROOT / "tests" / "data" / "cards"
# it declares unsloth/Mistral-Nemo-Instruct-2407-bnb-4bit, and a declared form of a model declares the model
FORM = "unsloth/Mistral-Nemo-Instruct-2407-bnb-4bit"


def written(name: str) -> list[dict[str, Any]]:
    """Return the cards of one file."""
    found: list[dict[str, Any]] = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    return found


def level(card: Card, repo_id: str, titles: list[str]) -> str:
    """Return how a card's words stand to a model."""
    if any(same_model(m.repo_id, repo_id) for m in card.declared):
        return "declared"
    found = card.spells(repo_id, titles)
    return "named" if found is not None and found.relation == "named" else "absent"


HIDING = [e for e in written("hiding") if FORM not in e["text"]]


@pytest.mark.parametrize("entry", HIDING, ids=lambda e: f"{e['kind']} {e['own']}")
def test_what_a_card_hides_is_absent(entry: dict[str, Any]) -> None:
    """A base, a sibling, a family, a rival or a longer name says nothing of the model that is hidden."""
    names = dict.fromkeys(entry["titles"], entry["hidden"])  # as the registry would know it
    card = read_card(entry["text"], (), names, entry["own"])
    assert level(card, entry["hidden"], entry["titles"]) == "absent"
    assert entry["hidden"].lower() not in {m.repo_id.lower() for m in (*card.declared, *card.named)}


def test_there_are_enough_of_them() -> None:
    """Ten languages, more than forty cards."""
    assert len(HIDING) == 89


def test_a_declared_form_declares_its_model() -> None:
    """The one card that names the model's four-bit copy."""
    (entry,) = (e for e in written("hiding") if FORM in e["text"])
    assert level(read_card(entry["text"]), entry["hidden"], []) == "declared"


# German has its size behind the verb's object: "die Instruct-Fassung von Llama 3.3 mit 70B Parametern"
NOT_SEEN = ["meta-llama/Llama-3.3-70B-Instruct"]


def test_what_a_card_names_is_named_or_declared() -> None:
    """A model that a card spells is never absent, except in one order of words."""
    found = {e["text"]: level(read_card(e["text"]), e["model"], e["titles"]) for e in written("naming")}
    assert [e["model"] for e in written("naming") if found[e["text"]] == "absent"] == NOT_SEEN


def test_what_is_named_for_another_reason_is_not_declared() -> None:
    """Teachers, rivals, thanks and tables name a model and declare nothing."""
    for entry in (e for e in written("naming") if e["expect"] == "named"):
        card = read_card(entry["text"], (), dict.fromkeys(entry["titles"], entry["model"]))
        assert level(card, entry["model"], entry["titles"]) != "declared", entry["text"]


@pytest.mark.parametrize(
    ("text", "relation"),
    [
        ("Not based on nex-agi/Nex-N2-Pro.", "denied"),
        ("<!-- nex-agi/Nex-N2-Pro -->\nOur own model.", "hidden comment"),
        ("Is it Nex-N2-Pro? No, it is ours.", "denied"),
        ("It was compared with Nex-N2-Pro. It was not made from Nex-N2-Pro.", "named"),
        ("Unlike others, it is ours.", None),
    ],
)
def test_denials_and_comments_are_quoted(text: str, relation: str | None) -> None:
    """A denial or a comment does not name a model, and is found for the quote; one plain mention is enough to name."""
    found = read_card(text).spells("nex-agi/Nex-N2-Pro", ["Nex N2 Pro"])
    assert (found.relation if found else None) == relation
    assert found is None or "Nex-N2-Pro" in found.quote


@pytest.mark.parametrize(
    "front",
    [
        "merged_from: [nex-agi/Nex-N2-Pro]",
        "Base_Model: nex-agi/Nex-N2-Pro",
        "description: a cousin of Nex-N2-Pro",
        "a: [{",
    ],
)
def test_all_front_matter_is_the_authors_text(front: str) -> None:
    """A key that nobody knows names a model all the same."""
    found = read_card(f"---\n{front}\n---\n# Own\n").spells("nex-agi/Nex-N2-Pro")
    assert (found is not None) is ("N2" in front)
    assert found is None or (found.where, found.relation) == ("front matter", "named")


@pytest.mark.parametrize("text", ["Kein Training, nur Nex-N2-Pro.", "Not affiliated with the makers of Nex-N2-Pro."])
def test_a_denial_of_something_else_denies_no_parent(text: str) -> None:
    """Its clause ends before the name, or it denies company."""
    found = read_card(text).spells("nex-agi/Nex-N2-Pro")
    assert found is not None
    assert found.relation == "named"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("The 27B version of Qwen 3.6 won.", True),
        ("Qwen 3.6 27B won.", True),
        ("qwen3.6-27b won.", True),
        ("See Qwen3.6-27B-GGUF.", True),
        ("results/qwen3.6-27b_scores.json", True),
        ("Qwen 3.6 35B won over all at 27B.", False),
        ("Qwen3.6-27B-Coder won.", False),
        ("Qwen 3.6 27B Sunrise won.", False),
        ("Qwen 3.6 has 2.7B.", False),
        ("Qwen won 3.6 to 27B.", False),
    ],
)
def test_all_parts_of_a_name_as_whole_words(text: str, *, named: bool) -> None:
    """In any order, beside each other; a longer name is another's."""
    assert (read_card(text).spells("Qwen/Qwen3.6-27B") is not None) is named


def test_a_repository_named_after_its_parents_names_them() -> None:
    """Its own name counts in the author's favour, and names nobody else."""
    card = read_card("", own="me/Nex-N2-Pro-Qwen3.5-397B-merge")
    found = card.spells("nex-agi/Nex-N2-Pro")
    assert found is not None
    assert (found.where, found.relation) == ("repository name", "named")
    assert card.spells("nex-agi/Nex-N2-Mini") is None


def test_a_short_or_common_name_names_nobody_by_itself() -> None:
    """`merged` or `phi-2` may be a word of any card; the whole id is not."""
    assert read_card("A merged model.").spells("some-org/merged") is None
    assert read_card("Like phi-2.").spells("microsoft/phi-2") is None
    assert read_card("Like microsoft/phi-2.").spells("microsoft/phi-2") is not None


MISREAD_PARENTS = {"h-generator-tr"}  # a generator that is named before the word that says so, in Turkish


def test_short_cards() -> None:
    """220 cards of a few lines in sixteen languages: no parent is missed; what is wrongly declared is listed."""
    missed: list[str] = []
    wrong: set[str] = set()
    declared = parents = 0
    for entry in written("short"):
        card = read_card(entry["text"], own=entry["own"])
        found, expected = (
            {n.lower() for n in names} for names in ([m.repo_id for m in card.declared], entry["parents"])
        )
        named = {m.repo_id.lower() for m in card.named}
        missed += sorted(expected - found - named)
        parents, declared = parents + len(expected), declared + len(expected & found)
        if found - expected:
            wrong.add(entry["kind"])
    assert (missed, wrong) == ([], MISREAD_PARENTS)
    assert declared >= 0.88 * parents


MISREAD_CLAIMS = {
    "i-false-friends-en",  # insurance plans and a data protection officer
    "i-merge-unusual-zh",
    "i-merge-unusual-ru",
    "i-merge-unusual-es",
}


def test_claims_of_short_cards() -> None:
    """Claims are those that a sentence makes of this very model; four unusual ones are listed."""
    written_down = [e for e in written("short") if e["claims"] is not None]
    found = {e["kind"]: found_claims(read_card(e["text"], own=e["own"])) - {"data", "compute"} for e in written_down}
    short = {"distillation": "distill"}
    wrong = {e["kind"] for e in written_down if found[e["kind"]] != {short.get(c, c) for c in e["claims"]}}
    assert wrong == MISREAD_CLAIMS


Q = "Qwen/Qwen2.5-7B-Instruct"
NOT_DENIED = [
    "Qwen2.5-7B-Instruct plus Mistral-7B-v0.1, merged.",
    "Built on the Qwen2.5-7B-Instruct base.",
    "It does not refuse, made from Qwen2.5-7B-Instruct.",
    "Unlike the original Qwen2.5-7B-Instruct, this one doesn't refuse.",
    "This model would not exist without Qwen2.5-7B-Instruct.",
    "Weights are not modified from Qwen2.5-7B-Instruct.",
    "This is not the official repository of Qwen2.5-7B-Instruct; it is a mirror.",
    "Qwen2.5-7B-Instruct (false refusals removed)",
    "Não censurado, baseado em Qwen2.5-7B-Instruct",
    "Niet gecensureerd model op basis van Qwen2.5-7B-Instruct",
    "Model tanpa sensor berbasis Qwen2.5-7B-Instruct",
    "没有审查的Qwen2.5-7B-Instruct模型",
    "不是官方版本,由Qwen2.5-7B-Instruct合并而来",
    "Qwen2.5-7B-Instructをマージしただけで、追加学習は行っていません",
    "No es un modelo oficial, es una copia de Qwen2.5-7B-Instruct",
    "Is it Qwen2.5-7B-Instruct? No idea why it works, but we merged it.",
    "---\ntags:\n- not-for-all-audiences\n- merge\n- Qwen2.5-7B-Instruct\n---",
    "Not for all audiences\nA mix, Qwen2.5-7B-Instruct",
]


@pytest.mark.parametrize("text", NOT_DENIED)
def test_an_author_who_says_it_is_never_absent(text: str) -> None:
    """A negation of something else, or an ordinary word behind the name, does not hide the parent."""
    card = read_card(text, names={"Qwen2.5-7B-Instruct": Q})
    assert level(card, Q, []) in ("named", "declared")


def test_a_known_model_is_spelled_by_its_own_last_part() -> None:
    """Also where that ends in a storage format; only short and common names need more."""
    registry = load([REGISTRY])
    last = {m.repo_id: m.repo_id.rpartition("/")[2] for m in registry.models}
    unseen = [i for i, name in last.items() if read_card(f"A merge of {name} and others").spells(i) is None]
    assert all(not is_a_name(last[i]) for i in unseen)


def test_tuned_is_a_variant() -> None:
    """Only behind "instruction" it says nothing more."""
    assert not same_model("acme/Nova-7B", "acme/Nova-7B-Tuned")
    assert same_model("acme/Nova-7B-Instruct", "mirror/Nova-7B-instruction-tuned")
