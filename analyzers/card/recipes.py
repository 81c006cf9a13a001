"""Recipes quoted in a card: a merging tool's YAML and training programs' settings, fenced or not, whole or not.

They are read key by key and not as YAML: what people paste is cut, indented anew, or lies on one line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analyzers.card.front_matter import models_in
from analyzers.card.markdown import Block

MAX_RECIPES = 16
MAX_RECIPE_CHARS = 20_000
MAX_VALUES = 400

_VALUE = r"[\"']?([^\s\"',}\]\[{|]{1,300})"
_LEAD = r"(?:^|[\s{,\[(])[\"']?(?:- *|\* *|\| *|--)?"
_MODEL = re.compile(
    rf"^(?P<off>[ \t>|-]*#[^\n]*)$|{_LEAD}(?P<key>model|base_model|source_model|model_name_or_path|"
    rf"base_model_name_or_path|adapter_name_or_path|sft_model_path|student|path|"
    rf"pretrained_model_name_or_path)[\"']?(?:[ \t]*[:=][ \t]*|[ \t]+(?=[^\s:=]))(?:-[ \t]+)?{_VALUE}",
    re.MULTILINE,
)
_ID = r"[\w.-]{1,96}/[\w.-]{1,96}"
_LIST = re.compile(
    rf"(?:^|\s)(?:models|experts|base_models?):[ \t|]*((?:\n?[ \t|]{{0,20}}- *[\"']?{_ID}[\"']?[ \t|]{{0,20}})+)"
)
_METHOD = re.compile(r"merge_method[\"']?[ \t]*:[ \t|]*[\"']?([A-Za-z][\w-]{1,30})")
_OF_MERGES = re.compile(
    r"merge_method|source_model|\bexperts:|\bslices:|layer_range|- sources:|gate_mode|\bdensity:|\bint8_mask|"
    r"tokenizer_source|\bmodels:(?=[\s|-]*model:)|(?s:- *model:.{1,400}?- *model:)|mergekit-\w+"
)
_SETTINGS = re.compile(r"\bbase_model(?:_name_or_path)?[\"']?[ \t]*[:=]|model_name_or_path|sft_model_path|\bstudent:")
_TRAINING = re.compile(r"--(?:train_type|dataset|output_dir|learning_rate)\b")
_STAGE = re.compile(r"(?:^|\s)(?:stage|rl)[ \t]*:[ \t]*[\"']?(dpo|kto|ppo|sft|orpo|grpo)\b")


@dataclass(frozen=True, slots=True)
class Recipe:
    """One quoted recipe. `method` is the merging tool's name of it, "" where none is given; `stage`: of training."""

    models: tuple[str, ...]
    merges: bool
    method: str
    stage: str
    text: str


def recipes(blocks: Sequence[Block]) -> Iterator[Recipe]:
    """Yield the recipes in a card's code, and what stands like one in its text."""
    found = [b.text for b in blocks if b.kind == "code"]
    # a parser takes the marks from a list: they are put back, so that a list of "model: X" reads as it was written
    found.append(
        "\n".join(
            f"- {b.text}" if b.kind == "item" else b.text for b in blocks if b.kind in ("text", "item", "rest", "row")
        )
    )
    kept = 0
    for text in found:
        if kept < MAX_RECIPES and (recipe := read_recipe(text[:MAX_RECIPE_CHARS])):
            kept += 1
            yield recipe


def read_recipe(text: str) -> Recipe | None:
    """Return what a text says as a recipe; None where it is none."""
    merges = _OF_MERGES.search(text) is not None
    trains = _TRAINING.search(text) is not None
    if not merges and not trains and not _SETTINGS.search(text):
        return None
    method, stage = _METHOD.search(text), _STAGE.search(text)
    models = tuple(dict.fromkeys(_models(text, merges=merges, plain=merges or trains)))
    if not models and not method:
        return None
    return Recipe(models, merges, method[1].lower() if method else "", stage[1] if stage else "", text)


def _models(text: str, *, merges: bool, plain: bool) -> Iterator[str]:
    data = "datasets:" in text  # there `path` names data sets
    for number, match in enumerate(_MODEL.finditer(text)):
        key = match["key"]
        if (
            number >= MAX_VALUES
            or match["off"]
            or (key == "model" and not plain)
            or (key == "path" and not merges)
            or (key == "path" and data)
        ):
            continue
        for one in match[3].split("+"):  # "model+adapter"
            yield from models_in(one.rstrip(",;"))
    if merges:
        for match in _LIST.finditer(text):
            yield from (m for one in re.findall(_ID, match[1]) for m in models_in(one))
