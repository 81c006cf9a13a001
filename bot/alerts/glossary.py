"""Terms of an alert as links into docs/glossary.md, where the package says at which address its documentation lies."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, metadata
from typing import Final

PAGE: Final = "glossary.md"
_TERM: Final = re.compile(r"\[([^\[\]\\]+)\]\(#([a-z-]+)\)")  # as the catalogues write it: [exact](#exact)
_LINK: Final = re.compile(rf"\[([^\[\]\\]+)\]\(https://[^\s)]+/{re.escape(PAGE)}#[a-z-]+\)")


def documentation() -> str:
    """Return the address of the folder docs/, from the project's URL "Documentation"; "" where there is none."""
    try:
        urls = metadata("blendwatch").get_all("Project-URL") or []
    except PackageNotFoundError:  # run from a checkout that was never installed
        return ""
    found = (address for name, _, address in (url.partition(", ") for url in urls) if name == "Documentation")
    return next(found, "").rstrip("/")


def linked(text: str, base: str) -> str:
    """Return a text of a catalogue with its terms as links below `base`, or as plain words where that is ""."""
    return _TERM.sub(rf"[\1]({base}/{PAGE}#\2)" if base else r"\1", text)


def unlinked(text: str) -> str:
    """Return a text with its terms as plain words, as a reader sees them."""
    return _LINK.sub(r"\1", _TERM.sub(r"\1", text))
