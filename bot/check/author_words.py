"""The author's words outside the card: recipes, adapter settings, file names, commit messages.

They are read only where an alert may follow: a parent that they name is not hidden.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from analyzers.card.front_matter import models_in
from analyzers.card.reader import Place
from analyzers.card.recipes import read_recipe
from analyzers.records import Mention
from bot.sources.interface import Source, SourceError, Unavailable

ADAPTER_FILE: Final = "adapter_config.json"
FILES: Final = (
    ADAPTER_FILE,
    *(f"mergekit{kind}_config.{ending}" for kind in ("", "_moe") for ending in ("yml", "yaml")),
)
MAX_FILES: Final = 3  # of one upload
MAX_BYTES: Final = 100_000
MAX_PATHS: Final = 1_000
ADAPTER: Final = "base_model_name_or_path"


@dataclass(frozen=True, slots=True)
class AuthorWords:
    """Words outside a card. `declared`: by recipes; `problems`: a sentence for each thing that was not read."""

    places: tuple[Place, ...]
    declared: tuple[Mention, ...] = ()
    problems: tuple[str, ...] = ()


def read_author_words(source: Source, *, complete: bool = False) -> AuthorWords:
    """Read the words outside the card. `complete`: raise Unavailable where something cannot be read now."""
    facts = source.facts()
    places = [Place("\n".join(f.path for f in facts.files[:MAX_PATHS]), "file names")]
    declared: list[Mention] = []
    problems: list[str] = []
    wanted = [f for f in facts.files if PurePosixPath(f.path).name in FILES and f.size <= MAX_BYTES]
    wanted.sort(key=lambda f: (f.path.endswith(ADAPTER_FILE), f.path.count("/"), f.path))
    for file in wanted[:MAX_FILES]:
        try:
            text = (source.file(file.path, MAX_BYTES) or b"").decode("utf-8", "replace")
        except SourceError as error:
            if complete and isinstance(error, Unavailable):
                raise
            problems.append(f"its {file.path} could not be read: {error}")
        else:
            if not file.path.endswith(ADAPTER_FILE):  # a tool writes the rest of an adapter's settings
                places.append(Place(text, file.path))
            declared += [
                Mention(name, file.path, "recipe", f"{file.path}: {name}") for name in _models(file.path, text)
            ]
    try:
        places.append(Place("\n\n".join(source.titles()), "commit messages"))
    except SourceError as error:
        if complete and isinstance(error, Unavailable):
            raise
        problems.append(f"its commit messages could not be read: {error}")
    own = facts.ref.repo_id.lower()
    return AuthorWords(tuple(places), tuple(m for m in declared if m.repo_id.lower() != own), tuple(problems))


def _models(path: str, text: str) -> Iterator[str]:
    if path.endswith(ADAPTER_FILE):
        try:
            value = json.loads(text).get(ADAPTER)
        except (ValueError, AttributeError, RecursionError):
            return
        yield from models_in(value, bare=True) if isinstance(value, str) else ()
    elif (recipe := read_recipe(text)) is not None:
        yield from recipe.models
