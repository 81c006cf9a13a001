"""What is said to people, in their language: one plain file for each, all with the same keys and placeholders.

A file's name is the language as Discord names it (`pt-BR.toml`); another joins by being put beside them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final

DEFAULT: Final = "en"
_NUMBER: Final = re.compile(r"[−-]?\d{1,3}(,\d{3})*(\.\d+)?|[−-]?\d+\.\d+")


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of one language, by keys such as "alert.title"."""

    locale: str
    texts: Mapping[str, str] = field(repr=False)

    def __call__(self, key: str, **values: object) -> str:
        """The text with its placeholders filled in; the values must be harmless already."""
        return self.texts[key].format(**{name: self.local(value) for name, value in values.items()})

    def local(self, value: object) -> str:
        """Return a value as text, a number with this language's signs between thousands and before decimals."""
        text = str(value)
        if not _NUMBER.fullmatch(text):
            return text
        return text.translate({ord(","): self.texts["number.group"], ord("."): self.texts["number.point"]})

    def get(self, key: str) -> str:
        """The text of a key that may not be there; "" then."""
        return self.texts.get(key, "")


@cache
def catalogues() -> Mapping[str, Words]:
    """Every language there is, by its name."""
    found = {}
    for file in sorted(files(__package__).iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".toml"):
            name = file.name.removesuffix(".toml")
            found[name] = Words(name, dict(_flat(tomllib.loads(file.read_text(encoding="utf-8")), "")))
    return found


@cache
def words_for(locale: str) -> Words:
    """The catalogue for a reader's locale: its own, that of its language, or English."""
    known = catalogues()
    language = locale.partition("-")[0]
    near = next((name for name in known if name.partition("-")[0] == language), DEFAULT)
    return known.get(locale) or known[near]


def _flat(section: Mapping[str, Any], before: str) -> Iterator[tuple[str, str]]:
    for name, value in section.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield before + name, str(value)
