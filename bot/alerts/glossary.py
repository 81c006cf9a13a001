"""Terms of an alert, marked in the catalogues: [exact](#exact). Readers see the word; the evidence explains it."""

from __future__ import annotations

import re
from typing import Final

_TERM: Final = re.compile(r"\[([^\[\]\\]+)\]\(#([a-z-]+)\)")


def unlinked(text: str) -> str:
    """Return a text of a catalogue with its terms as plain words, as a reader sees them."""
    return _TERM.sub(r"\1", text)


def terms_in(text: str) -> list[str]:
    """Return the terms that a text of a catalogue marks, each once and in order."""
    return list(dict.fromkeys(found[2] for found in _TERM.finditer(text)))
