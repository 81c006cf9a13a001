"""The author's words beside the card: recipes, adapter settings, names of files, commit messages.

They are read only before an alert would go out: a parent that one of them names is not hidden.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from analyzers.card.front_matter import models_in
from analyzers.card.reader import Place
from analyzers.card.recipes import read_recipe
from analyzers.records import Mention
from bot.source import Source, SourceError, Unavailable

RECIPES: Final = ("mergekit_config.yml", "mergekit_moe_config.yml", "adapter_config.json")
MAX_BYTES: Final = 100_000
MAX_PATHS: Final = 1_000
ADAPTER: Final = "base_model_name_or_path"


@dataclass(frozen=True, slots=True)
class Beside:
    """Words beside a card. `declared`: parents that recipes declare; `problems`: one sentence for what was not read."""

    places: tuple[Place, ...]
    declared: tuple[Mention, ...] = ()
    problems: tuple[str, ...] = ()


def words_beside(source: Source, *, complete: bool = False) -> Beside:
    """Read them. `complete`: raise Unavailable where something cannot be read just now."""
    facts = source.facts()
    places = [Place("file names", "\n".join(f.path for f in facts.files[:MAX_PATHS]))]
    declared: list[Mention] = []
    problems: list[str] = []
    for file in (f for f in facts.files if f.path in RECIPES and f.size <= MAX_BYTES):
        try:
            text = (source.file(file.path, MAX_BYTES) or b"").decode("utf-8", "replace")
        except SourceError as error:
            if complete and isinstance(error, Unavailable):
                raise
            problems.append(f"its {file.path} could not be read: {error}")
        else:
            declared += [
                Mention(name, file.path, "recipe", f"{file.path}: {name}") for name in _models(file.path, text)
            ]
    try:
        places.append(Place("commit messages", "\n\n".join(source.titles())))
    except SourceError as error:
        if complete and isinstance(error, Unavailable):
            raise
        problems.append(f"its commit messages could not be read: {error}")
    own = facts.ref.repo_id.lower()
    return Beside(tuple(places), tuple(m for m in declared if m.repo_id.lower() != own), tuple(problems))


def _models(path: str, text: str) -> Iterator[str]:
    if path == "adapter_config.json":
        try:
            value = json.loads(text).get(ADAPTER)
        except (ValueError, AttributeError, RecursionError):
            return
        yield from models_in(value) if isinstance(value, str) else ()
    elif (recipe := read_recipe(text)) is not None:
        yield from recipe.models
