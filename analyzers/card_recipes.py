"""Recipes quoted in a card: mergekit's YAML, and the settings of training programs that name what they start from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import yaml

from analyzers.card_front import BAD_YAML
from analyzers.card_names import PART, REPO_ID
from analyzers.card_text import Line

MAX_YAML_CHARS = 12_000  # YAML is read at some 40 kB a second; a longer recipe is read line by line
MAX_RECIPES_CHARS = 200_000  # of all recipes of a card together
MAX_RECIPES = 16
MAX_NODES = 2_000
MAX_DEPTH = 40

_START = re.compile(
    r"^[ \t>]{0,12}(?:merge_method|base_model|model_name_or_path|models|slices|- sources)[ \t]*:", re.MULTILINE
)
_KEYS = frozenset({"model", "base_model", "path", "source_model", "model_name_or_path"})
_OF_MERGES = frozenset({"model", "path", "source_model"})  # in other settings these name data sets and more
_LINE = re.compile(
    rf"(?:^|[\s{{,-])(model|base_model|source_model|model_name_or_path)[ \t]*:[ \t]*[\"']?({REPO_ID})", re.M
)
_METHOD = re.compile(r"^[ \t{,-]*merge_method[ \t]*:[ \t]*[\"']?([A-Za-z][\w-]{1,30})", re.MULTILINE)
_ID = re.compile(rf"({REPO_ID})(?:[@+:].*)?")
_LOCAL = re.compile(rf"[^\n]{{0,300}}[\\/]([A-Za-z0-9][A-Za-z0-9.-]{{0,60}})_({PART})[\\/]?")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a quoted recipe names. `method` is mergekit's name of it, "" where it is no merge."""

    models: tuple[str, ...]
    method: str
    text: str


def recipes(lines: Sequence[Line]) -> Iterator[Recipe]:
    """Yield the recipes in a card's code, fenced or only indented, in their order."""
    budget, yaml_budget = MAX_RECIPES_CHARS, 3 * MAX_YAML_CHARS
    for whole in islice(_candidates(lines), MAX_RECIPES):
        text = whole[:budget]
        budget -= len(text)
        as_yaml = len(text) <= min(MAX_YAML_CHARS, yaml_budget)
        yaml_budget -= len(text) if as_yaml else 0
        method = _METHOD.search(text)
        models = tuple(dict.fromkeys(_models(text, merge=method is not None, as_yaml=as_yaml)))
        if models or method:
            yield Recipe(models, method[1].lower() if method else "", text)


def _candidates(lines: Sequence[Line]) -> Iterator[str]:
    loose: list[str] = []
    for line in lines:
        if line.kind == "code":
            if line.lang in ("", "yaml", "yml", "text", "json") and _START.search(line.text):
                yield line.text
        elif line.kind in ("text", "item"):
            loose.append(line.text)
    plain = "\n".join(loose)
    if "merge_method" in plain:
        yield plain


def _models(text: str, *, merge: bool, as_yaml: bool) -> Iterator[str]:
    keys = _KEYS if merge else _KEYS - _OF_MERGES
    try:
        nodes = Nodes(keys)
        for part in re.split(r"^---[ \t]*$", text, flags=re.MULTILINE) if as_yaml else ():
            nodes.walk(yaml.safe_load(part))
        found = nodes.found
    except BAD_YAML:
        found = []
    if not found:
        found = [m[2] for m in _LINE.finditer(text) if m[1] in keys]
        found += [
            m[1]
            for m in re.finditer(
                r"(?:model|base_model)[ \t]*:[ \t]*[\"']?([^\s\"',}]{1,300}[\\/][^\s\"',}]{1,300})", text
            )
        ]
    for value in found:
        if repo_id := named_in(value):
            yield repo_id


def named_in(value: str) -> str:
    """Return the repo id in a recipe's value; of a local path, the one in mergekit's habit of "org_name"."""
    value = value.strip().strip("\"'").removeprefix("https://huggingface.co/")
    if found := _ID.fullmatch(value):
        return found[1]
    if found := _LOCAL.fullmatch(value):
        return f"{found[1]}/{found[2]}"
    return ""


class Nodes:
    """Walks a document, each node once, and keeps the text under some keys."""

    def __init__(self, keys: frozenset[str]) -> None:
        self.keys = keys
        self.found: list[str] = []
        self._seen: set[int] = set()

    def walk(self, node: object, depth: int = 0) -> None:
        """Visit at most MAX_NODES nodes down to MAX_DEPTH."""
        if len(self._seen) >= MAX_NODES or depth > MAX_DEPTH or id(node) in self._seen:
            return
        if isinstance(node, dict):
            self._seen.add(id(node))
            for key, value in node.items():
                if key in self.keys and isinstance(value, str):
                    self.found.append(value[:300])
                self.walk(value, depth + 1)
        elif isinstance(node, list):
            self._seen.add(id(node))
            for value in node[:MAX_NODES]:
                self.walk(value, depth + 1)
