"""Terms of an alert, which the catalogues mark: [exact](#exact). They link to the glossary, or are plain words."""

from __future__ import annotations

import re
from typing import Final

_TERM: Final = re.compile(r"\[([^\[\]\\]+)\]\(#([a-z-]+)\)")


def linked(text: str, glossary: str) -> str:
    """Return a text of a catalogue with a link for each term; plain words where `glossary`, an address, is empty."""
    return _TERM.sub(lambda term: f"[{term[1]}]({glossary}#{term[2]})" if glossary else term[1], text)


def terms_in(text: str) -> list[str]:
    """Return the terms that a text of a catalogue marks, each once and in order."""
    return list(dict.fromkeys(found[2] for found in _TERM.finditer(text)))
