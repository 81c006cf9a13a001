"""Cards, honest and not: what they declare, what they merely mention, and what is meant to hurt the reader."""

from __future__ import annotations

import pytest

from analyzers.card.markdown import split_front_matter
from analyzers.card.reader import MAX_DECLARED, read_card
from analyzers.records import Disclosure

A, B = "tidepool-ai/Coder", "aurora-labs/Base-7B"
NAMES = {"Borealis Coder": "tidepool-ai/Borealis-Coder", "Borealis": "aurora-labs/Borealis"}
FRONT = {
    "a string": (f"base_model: {A}", [A]),
    "a list": (f"base_model:\n- {A}\n- {B}", [A, B]),
    "an inline list": (f"base_model: [{A}, {B}]", [A, B]),
    "another spelling": (f"base_models: [{A}]", [A]),
    "an address": (f"base_model: https://huggingface.co/{A}", [A]),
    "a short address": (f"base_model: https://hf.co/{A}/", [A]),
    "a quoted id": (f'base_model: "{A}"', [A]),
    "a bare name": ("base_model: Coder", ["Coder"]),
    "nothing": ("license: mit", []),
    "null": ("base_model:", []),
    "a number": ("base_model: 7", []),
    "a mapping": (f"base_model: {{name: {A}, revision: main}}", [A]),
    "a list of mappings": (f"base_model:\n- name: {A}\n- name: {B}", [A, B]),
    "a revision": (f"base_model: {A}@main", [A]),
    "the Hub's cache": (
        "base_model: /home/u/.cache/huggingface/hub/models--North--Pine-8B/snapshots/0a1b",
        ["North/Pine-8B"],
    ),
    "another cache": ("base_model: /root/.cache/modelscope/hub/models/North/Pine-14B", ["North/Pine-14B"]),
    "a folder of the author's": ("base_model: ./outputs/checkpoint-500", []),
    "a comment behind": (f"base_model: {A}  # thanks!", [A]),
    "duplicated from": (f"duplicated_from: {A}", [A]),
    "a data set beside it": (f"base_model: {A}\ndatasets:\n- {B}", [A]),
    "lost dashes": (f"license: mit\nbase_model:\n- {A}\nlibrary_name: transformers", [A]),
    "a list with strange members": (f"base_model: [7, null, [x], {A}]", [A]),
    "a path": ("base_model: /home/me/models/x", []),
    "broken YAML": (f"base_model: {A}\nlicense: [mit", [A]),
    "broken YAML with a list": (f"base_model:\n- {A}\n- {B}\ntags: {{", [A, B]),
    "broken YAML without it": ("license: [mit", []),
    "a time that is none": (f"base_model: {A}\nat: !!timestamp x", [A]),
    "a number that is none": (f"base_model: {A}\nat: !!int ''", [A]),
    "a truth that is none": (f"base_model: {A}\nat: !!bool x", [A]),
    "no mapping": (f"- {A}", []),
    "a comment": (f"# base_model: {A}\nlicense: mit", []),
}
DECLARING = {
    "merge of two": (f"This is a merge of {A} and {B}.", [A, B]),
    "fine-tuned from": (f"Fine-tuned from {A} on web code.", [A]),
    "fine-tuned version": (f"This model is a fine-tuned version of {A}.", [A]),
    "finetune of": (f"A finetune of {A}.", [A]),
    "based on": (f"It is based on {A}.", [A]),
    "built on top of": (f"Built on top of {A} with love.", [A]),
    "derived from": (f"Weights derived from {A}.", [A]),
    "quantized": (f"Quantized from {A} to 8 bits.", [A]),
    "converted": (f"Converted from {A} by a script.", [A]),
    "continued": (f"Continued pretraining from {A}.", [A]),
    "initialized": (f"We initialized the weights from {A}.", [A]),
    "combines": (f"Duet combines {A} with {B}.", [A, B]),
    "slerp": (f"A SLERP of {A} and {B}", [A, B]),
    "as base": (f"We used {A} as the base and trained for a week.", [A]),
    "base model line": (f"**Base model:** {A}", [A]),
    "table": (f"| Base model | {A} |", [A]),
    "bold": (f"This is a merge of **{A}** and *{B}*.", [A, B]),
    "code": (f"Fine-tuned from `{A}`.", [A]),
    "link": (f"Fine-tuned from [{A}](https://huggingface.co/{A}).", [A]),
    "address": (f"Fine-tuned from https://huggingface.co/{A}.", [A]),
    "list": (f"This is a merge of the following models:\n\n- {A}\n- {B}\n", [A, B]),
    "numbered list": (f"This is a merge of the following models:\n1. {A}\n2. {B}\n", [A, B]),
    "list of links": (f"A merge of the following models:\n* [{A}](https://huggingface.co/{A})\n", [A]),
    "heading": (f"## Base model\n\n{A}\n", [A]),
    "merged models": (f"### Models Merged\n\nThe following models were included in the merge:\n* {A}\n* {B}\n", [A, B]),
    "recipe": (f"```yaml\nmodels:\n  - model: {A}\n  - model: {B}\nmerge_method: linear\n```", [A, B]),
    "recipe with a base": (f"```yaml\nbase_model: {B}\nmerge_method: ties\nmodels:\n- model: '{A}'\n```", [B, A]),
    "distilled into": (f"Distilled from teacher-x/Large into {A}.", [A]),
    "known name": ("Fine-tuned from Borealis Coder on code.", ["tidepool-ai/Borealis-Coder"]),
    "longest known name": ("A merge of Borealis Coder and Borealis.", list(NAMES.values())),
    "praise after": (f"Fine-tuned from {A}, it outperforms {B}.", [A]),
}
SILENT = {
    "unlike": f"Unlike {A}, this model was trained from nothing.",
    "not": f"This is not a merge of {A}.",
    "not derived": f"It was never derived from {A}.",
    "is not fine-tuned": f"The model isn't fine-tuned from {A}.",
    "outperforms": f"It outperforms {A} on all benchmarks.",
    "comparison": f"| {A} | 71.2 |\n| ours | 73.4 |",
    "compared": f"We compared it with {A}.",
    "instead of": f"We trained our own instead of building on {A}.",
    "teacher": f"Distilled from {A}.",
    "teacher data": f"Trained on answers generated by {A}.",
    "teacher role": f"We used {A} as a teacher.",
    "thanks": f"Thanks to the team of {A} for inspiration.",
    "code": "```python\nmodel = load('me/Mine')\n```",
    "a data set": "The data is open-corpus/web-text.",
    "a path": "See docs/usage.md and src/train.py.",
    "a bare mention": f"See also {A}.",
    "no names": "A model.",
}


def read(text: str, tags: tuple[str, ...] = (), names: dict[str, str] | None = None) -> Disclosure:
    """Return what a card declares."""
    return read_card(text, tags, names).disclosure("r")


def card(front: str, body: str = "# A model") -> str:
    """A card with front matter."""
    return f"---\n{front}\n---\n{body}\n"


@pytest.mark.parametrize(("front", "parents"), FRONT.values(), ids=FRONT)
def test_front_matter(front: str, parents: list[str]) -> None:
    """What the front matter names as base models is declared, also where its YAML is broken elsewhere."""
    found = read(card(front))
    assert list(found.parents) == parents
    assert {m.where for m in found.mentions} <= {"front matter"}


@pytest.mark.parametrize(("text", "parents"), DECLARING.values(), ids=DECLARING)
def test_sentences_that_declare(text: str, parents: list[str]) -> None:
    """A plain sentence, list, table, heading or recipe that names parents declares them."""
    assert set(read(text, names=NAMES).parents) == set(parents)


@pytest.mark.parametrize("text", SILENT.values(), ids=SILENT)
def test_sentences_that_declare_nothing(text: str) -> None:
    """Denials, comparisons, teachers, thanks and mentions in passing declare no parent."""
    assert read(text, names=NAMES).parents == ()


@pytest.mark.parametrize("relation", ["merge", "finetune", "quantized", "adapter"])
def test_the_relation_is_kept(relation: str) -> None:
    """The declared relation is kept with the mention."""
    found = read(card(f"base_model: {A}\nbase_model_relation: {relation}"))
    assert (found.relation, found.mentions[0].relation, found.problems) == (relation, relation, ())


def test_tags_declare() -> None:
    """The Hub's own tags name parents; other tags and broken ones do not."""
    tags = [
        f"base_model:{A}",
        f"base_model:merge:{B}",
        "license:mit",
        "base_model:",
        f"base_model:odd:{A}/x",
        "x" * 999,
    ]
    found = read("", tuple(tags))
    assert [(m.repo_id, m.where, m.relation) for m in found.mentions] == [(A, "tag", "base_model"), (B, "tag", "merge")]


@pytest.mark.parametrize(
    ("front", "problem"),
    [("license: [mit", "not valid YAML in line"), ("- a", "not a mapping"), ("text", "not a mapping")],
)
def test_problems_are_told(front: str, problem: str) -> None:
    """Front matter that cannot be read is told as a problem, not raised."""
    assert problem in read(card(front)).problems[0]


def test_windows_newlines_and_a_byte_order_mark() -> None:
    """A card written on Windows declares the same."""
    text = "\ufeff" + card(f"base_model: {A}", f"A merge of the following models:\n\n- {B}\n").replace("\n", "\r\n")
    assert read(text).parents == (A, B)


def test_no_card() -> None:
    """No card declares nothing and is no problem."""
    found = read("")
    assert (found.mentions, found.problems, found.from_scratch) == ((), (), False)


@pytest.mark.parametrize(
    ("text", "front"),
    [("---\na: 1\n---\nb", "\na: 1"), ("---\nno end", ""), ("text\n---\na\n---", ""), ("\n\n---\na\n---\n", "\na")],
)
def test_front_matter_stands_first(text: str, front: str) -> None:
    """Front matter begins the card and has an end."""
    assert split_front_matter(text)[0] == front


@pytest.mark.parametrize(
    ("text", "claimed"),
    [
        ("Trained from scratch on 2T tokens.", True),
        ("Pre-trained entirely from scratch.", True),
        ("It was not trained from scratch.", False),
        ("We didn't train this from scratch.", False),
        ("Not a merge. Trained from scratch.", True),
        ("The tokenizer is ours.", False),
        ("Training from random initialisation.", True),
    ],
)
def test_from_scratch(text: str, claimed: bool) -> None:
    """A claim of training from nothing is noticed, and a denial is none."""
    assert read(text).from_scratch is claimed


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(12)
)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        "A merge of " + " ".join(f"org{i}/model{i}" for i in range(12_000)),
        "merge of " * 22_000,
        "merge of a/b not " * 12_000,
        "from scratch trained " * 10_000,
        "- x/y\n" * 33_000,
        "A merge of the following models:\n" + "- x/y\n" * 33_000,
        "#" * 200_000,
        "```\n" * 50_000,
        "```merge_method" + " model" * 30_000,
        "a/" * 100_000,
        "." * 200_000,
        " \n" * 100_000,
        "|" * 200_000,
        card("base_model: " + "[" * 50_000),
        card("a: " + "{b: " * 15_000),
        card(BOMB + "base_model: *m"),
        card(f"base_model: [{', '.join([A] * 3000)}]"),
        "---\n" * 50_000,
        "distilled from x/y " * 10_000,
        "fine-tuned " + "word " * 40_000 + A,
    ],
    ids=lambda text: text[:24].replace("\n", " "),
)
def test_hostile_cards_are_read_in_time(text: str) -> None:
    """A card made to be slow to read is read all the same, and declares a bounded number of parents."""
    found = read(text, names=NAMES)
    assert len(found.mentions) <= MAX_DECLARED
