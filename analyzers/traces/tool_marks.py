"""Marks of merging, training and converting programs: their recipes, tags, card templates and files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import yaml

from analyzers.card.front_matter import BAD_YAML, models_in
from analyzers.card.recipes import read_recipe
from analyzers.records import RepoFile
from analyzers.records.traces import Meaning, Trace, listed, one_line, trace

RECIPE: Final = "mergekit_config.yml"
MAX_RECIPE_BYTES: Final = 100_000
MAX_CARD_CHARS: Final = 200_000
MAX_YAML_CHARS: Final = 12_000  # YAML is read at some 40 kB a second
MAX_NODES: Final = 2_000
MAX_DEPTH: Final = 40

# words of the cards that programs write, in lower case and on one line, and whose they are
CARDS: Final = (
    ("merge words", "merge of pre-trained language models created using [mergekit]", "mergekit"),
    ("merge words", "is a merge of the following models using [mergekit]", "LazyMergekit"),
    ("merge words", "is a merge of the following models using [lazymergekit]", "LazyMergekit"),
    ("merge words", "automated merge created by [maxime labonne]", "automerger"),
    ("training words", "built with axolotl", "axolotl"),
    ("training words", "axolotl version: `", "axolotl"),
    ("training words", "trained 2x faster with [unsloth]", "unsloth"),
    ("training words", "it has been trained using [trl]", "TRL"),
    ("training words", "generated automatically according to the information the trainer had access to", "Trainer"),
    ("conversion words", "was converted to mlx format from", "MLX"),
    ("conversion words", "was converted to gguf format from", "llama.cpp"),
)
TAGS: Final = {
    "mergekit": ("merge words", "mergekit"),
    "merge": ("merge words", "a merge"),
    "lazymergekit": ("merge words", "LazyMergekit"),
    "automerger": ("merge words", "automerger"),
    "axolotl": ("training words", "axolotl"),
    "unsloth": ("training words", "unsloth"),
    "llama-factory": ("training words", "LLaMA-Factory"),
    "trl": ("training words", "TRL"),
    "generated_from_trainer": ("training words", "Trainer"),
    "mlx": ("conversion words", "MLX"),
}
LEFT_BY_TRAINING: Final = {
    "training_args.bin": "Trainer",
    "trainer_state.json": "Trainer",
    "trainer_log.jsonl": "LLaMA-Factory",
    "training_loss.png": "LLaMA-Factory",
    "adapter_config.json": "PEFT",
}
_WORDS: Final = {
    "merge words": "say that {} made it",
    "training words": "say that it was trained with {}",
    "conversion words": "say that it was converted with {}",
}
_SETTINGS: Final = ("weight", "density", "t", "lambda", "gamma", "epsilon", "normalize")
_VERSION: Final = re.compile(r"[\w.+-]{1,40}")


def of_recipe(data: bytes, own: str = "") -> tuple[list[Trace], str]:
    """Return what mergekit_config.yml says, or the reason why nothing could be read of it."""
    text = data[:MAX_RECIPE_BYTES].decode("utf-8", "replace")
    found = read_recipe(text)
    if found is None:
        return [], f"{RECIPE} names no model and no method"
    settings = _settings(text)
    models = [m for m in found.models if m.lower() != own.lower()]
    told = [f"{m} ({settings[m]})" if settings.get(m) else m for m in models]
    what = f"a merge by {found.method}" if found.method else "a merge"
    claim = f"{RECIPE} describes {what}" + (f" of {listed(told)}" if told else "")
    return [trace("merge recipe", RECIPE, f"{claim}.", "strong", models, text)], ""


def of_marks(index: Mapping[str, object], marks: Mapping[str, Mapping[str, str]]) -> Iterator[Trace]:
    """Yield mergekit's own mark in the index's metadata or in a shard's."""
    where = "model.safetensors.index.json"
    places = {where: index} | {shard: marks[shard] for shard in sorted(marks)}
    for place, metadata in places.items():
        version = metadata.get("mergekit_version")
        if isinstance(version, str) and _VERSION.fullmatch(version):
            claim = f"The metadata of {place} say that mergekit {version} wrote the weights."
            yield trace("merge mark", place, claim, "strong", (), f"mergekit_version: {version}")
            return


def of_words(card: str, tags: Sequence[str]) -> Iterator[Trace]:
    """Yield what tags and card templates say of programs, one trace a program and place."""
    text = " ".join(card[:MAX_CARD_CHARS].lower().split())
    told: set[tuple[str, str]] = set()
    for kind, words, tool in CARDS:
        if words in text and (kind, tool) not in told:
            told.add((kind, tool))
            claim = f"The card's words {_WORDS[kind].format(tool)}."
            yield trace(kind, "card", claim, _reach(kind), (), words)
    for tag in dict.fromkeys(t.lower() for t in tags):
        if tag in TAGS:
            kind, tool = TAGS[tag]
            what = "say that it is a merge" if tag == "merge" else _WORDS[kind].format(tool)
            yield trace(kind, "tags", f"The tags {what}.", _reach(kind), (), tag)


def of_files(files: Sequence[RepoFile]) -> Iterator[Trace]:
    """Yield what the mere presence of files says."""
    names = {f.path for f in files if "/" not in f.path}
    if RECIPE in names:
        yield trace(
            "merge recipe", RECIPE, f"It has a {RECIPE}, which mergekit writes beside what it merges.", "strong"
        )
    left = sorted(names & LEFT_BY_TRAINING.keys())
    if left:
        tools = listed(dict.fromkeys(LEFT_BY_TRAINING[n] for n in left))
        yield trace("training files", left[0], f"It has {listed(left)}, which {tools} leaves after training.", "weak")


def _reach(kind: str) -> Meaning:
    return "suggestive" if kind == "merge words" else "weak"


def _settings(text: str) -> dict[str, str]:
    """Return each model's own settings in a recipe, as "weight 0.6, density 0.5"; nothing where it is no YAML."""
    if len(text) > MAX_YAML_CHARS:
        return {}
    try:
        # The base loader makes texts of all scalars: it has no constructors that a tag could set off.
        document = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - it builds texts, lists and tables only
    except BAD_YAML:
        return {}
    found: dict[str, str] = {}
    waiting, seen = [(document, 0)], 0
    while waiting and seen < MAX_NODES:
        node, depth = waiting.pop()
        seen += 1
        if isinstance(node, dict):
            model, parameters = node.get("model"), node.get("parameters")
            if isinstance(model, str) and isinstance(parameters, dict):
                found.setdefault(next(iter(models_in(model[:300])), ""), _told(parameters))
        if depth < MAX_DEPTH and isinstance(node, dict | list):
            children = list(node.values() if isinstance(node, dict) else node)[: MAX_NODES - seen]
            waiting += [(child, depth + 1) for child in children]
    return found


def _told(parameters: Mapping[object, object]) -> str:
    pairs = [(key, parameters[key]) for key in _SETTINGS if isinstance(parameters.get(key), str)]
    return ", ".join(f"{key} {one_line(str(value), 20)}" for key, value in pairs)
