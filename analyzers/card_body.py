"""A card below its front matter, read once for all that asks: its lines, recipes, and the parents that it declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from analyzers.card_declared import declared
from analyzers.card_names import NameIndex
from analyzers.card_recipes import Recipe, recipes
from analyzers.card_text import Line, lines_of


@dataclass(frozen=True, slots=True)
class Body:
    """What the body of a card says. `declared`: (repo id, sentence) in the order of the text."""

    lines: tuple[Line, ...]
    index: NameIndex
    recipes: tuple[Recipe, ...]
    declared: tuple[tuple[str, str], ...]


def read_body(body: str, names: Mapping[str, str] | None) -> Body:
    """Read it; `names` as in analyzers.disclosure. Most of the work on a card is here, and two ask for each card."""
    return _read(body, tuple((names or {}).items()))


@lru_cache(maxsize=1)
def _read(body: str, names: tuple[tuple[str, str], ...]) -> Body:
    lines, index = tuple(lines_of(body)), NameIndex(dict(names))
    return Body(lines, index, tuple(recipes(lines)), tuple(declared(lines, index)))
