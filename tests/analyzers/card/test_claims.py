"""Claims: read where a sentence makes them, not where it denies them, and never an exception."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.card.claims import MAX_CLAIMS
from analyzers.card.reader import MAX_DECLARED, read_card
from analyzers.records.claims import MAX_QUOTE_CHARS, Claim, ClaimKind

A, B = "tidepool-ai/Coder-7B", "aurora-labs/Base-7B"
NAMES = {"Borealis Coder 7B": "tidepool-ai/Borealis-Coder-7B", "Quill-R1-Distill-32B": "quill/Quill-R1-Distill-32B"}
MADE = {
    "on-policy distillation": (f"Post-trained from {A} with on-policy distillation.", "post-training"),
    "dpo": ("Aligned with DPO.", "post-training"),
    "grpo": ("We used group-relative policy optimization.", "post-training"),
    "sft": ("After supervised fine-tuning it follows instructions.", "post-training"),
    "continued pre-training": ("We did continued pre-training on law.", "post-training"),
    "no method": ("Post-trained by our team.", "post-training"),
    "from scratch": ("Trained from scratch.", "from scratch"),
    "from scratch, Portuguese": ("Treinado do zero.", "from scratch"),
    "merge": (f"A merge of {A} and {B}.", "merge"),
    "slerp": (f"A SLERP merge of {A} and {B}.", "merge"),
    "distilled": (f"Distilled from {A}.", "distillation"),
    "distilled, Chinese": (f"从 {A} 蒸馏得到。", "distillation"),
    "own data": ("Trained on our own dataset.", "own data"),
    "own compute": ("Trained on our own GPU cluster.", "own compute"),
    "a method without a source": ("Trained with HyperFlux, our novel training method.", "method"),
}
NOT_MADE = {
    "denied": "No RLHF was applied.",
    "not distilled": f"It is not distilled from {A}.",
    "a name": "Compared with Quill-R1-Distill-32B.",
    "another's training": f"{A} was trained with DPO.",
    "another's training, in a clause": f"A finetune of {A}, which was trained with RLHF.",
    "possible": f"You can merge it with {A}.",
    "an adapter": "The adapter was merged back.",
    "a method with a source": "Trained with HyperFlux (https://arxiv.org/abs/2501.00001), our new method.",
    "a tool": "Made with mergekit.",
    "not from scratch": "It was not trained from scratch.",
}


def kinds(text: str) -> set[ClaimKind]:
    """Return the kinds of claims in a text, declared parents apart."""
    return {c.kind for c in read_card(text, names=NAMES).claims if c.kind != "parent"}


@pytest.mark.parametrize(("text", "kind"), MADE.values(), ids=MADE)
def test_claims_that_are_made(text: str, kind: str) -> None:
    """A plain sentence that claims something gives that claim, quoted as written."""
    found = [c for c in read_card(text, names=NAMES).claims if c.kind == kind][:1]
    assert [c.quote.rstrip(".。") for c in found] == [text.rstrip(".。")]


@pytest.mark.parametrize("text", NOT_MADE.values(), ids=NOT_MADE)
def test_claims_that_are_not_made(text: str) -> None:
    """What is denied, said of another model or only possible is no claim."""
    assert kinds(text) == set()


def test_a_claim_after_the_merge_is_told_from_one_before() -> None:
    """Training that follows a merge is a claim about the merge; a merge of trained models is none."""
    after = read_card(f"Built through a merge of {A} and {B}, followed by on-policy distillation.").claims
    before = read_card(f"We used DPO and SFT, then merged {A} and {B}.").claims
    assert [c.after_merge for c in after if c.kind == "post-training"] == [True]
    assert {c.after_merge for c in before if c.kind == "post-training"} == {False}


def test_front_matter_tags_and_recipes_claim() -> None:
    """Parents, relation, method and licence are claims wherever they are declared, each once."""
    card = (
        f"---\nbase_model: [{A}]\nbase_model_relation: merge\nlicense: apache-2.0\n---\n"
        f"```yaml\nmodels:\n- model: {B}\nmerge_method: dare_ties\n```\n"
    )
    found = read_card(card, [f"base_model:merge:{A}", "license:apache-2.0"]).claims
    assert {(c.kind, c.subject, c.where) for c in found} == {
        ("parent", A, "front matter"),
        ("merge", "", "front matter"),
        ("licence", "apache-2.0", "front matter"),
        ("parent", B, "recipe"),
        ("merge", "dare_ties", "recipe"),
    }


def test_the_licence_of_a_tag_and_of_a_name() -> None:
    """Without front matter the Hub's tag names the licence; "other" gives way to its name."""
    assert read_card("", ["license:mit"]).claims == (Claim("licence", "license:mit", "tag", "mit"),)
    named = read_card("---\nlicense: other\nlicense_name: qwen-research\n---\n").claims
    assert [c.subject for c in named] == ["qwen-research"]


def test_an_upload_is_no_parent_of_itself() -> None:
    """A card that names its own repository in a recipe does not declare it."""
    text = f"A merge of {A} and {B}."
    assert [c.subject for c in read_card(text, own=A).claims if c.kind == "parent"] == [B]
    assert read_card(text, own=A.upper()).disclosure("r").parents == (B,)


PIECES = f"""{A}@{B}@Borealis Coder 7B@merge of @fine-tuned from @not @を@をベースに@基于@를 기반으로 @- @| @|---|@
```yaml
@```@models:
@  - model: @merge_method: ties
@---
@base_model: @[@](@)@https://huggingface.co/@<a href=@<td>@<!--@-->@# @## Base model
@: @, @. @? Yes.@0.5 * @ -> @SFT @DPO, then @our own data @from scratch @trained @license: mit
@*@_@&a@{{@}}@\x00@

@
"""
pieces = st.sampled_from(PIECES.split("@"))
cards = st.lists(pieces | st.text(max_size=12), max_size=40).map("".join)


@settings(max_examples=300, deadline=None)
@given(cards, st.lists(pieces | st.text(max_size=20), max_size=4), st.dictionaries(st.text(max_size=9), st.just(A)))
def test_any_text_gives_a_value(text: str, tags: list[str], more: dict[str, str]) -> None:
    """Whatever a card, its tags and the known names hold: bounded claims and mentions, and no exception."""
    card = read_card(text, tags, NAMES | more)
    disclosure, claims = card.disclosure("r"), card.claims
    assert len(disclosure.mentions) <= MAX_DECLARED
    assert len(claims) <= MAX_CLAIMS
    assert all(len(c.quote) <= MAX_QUOTE_CHARS for c in claims)
    declared = {c.subject.lower() for c in claims if c.kind == "parent"}
    assert len(claims) == MAX_CLAIMS or {p.lower() for p in disclosure.parents} == declared
