"""Paths of the site's files, the same on a static host and in the service. Pure."""

from __future__ import annotations

from typing import Final

SAFE: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")
API: Final = "api/v1"


def slug(text: str) -> str:
    """Return a name as one part of a path: small letters, digits, "-", "_" and "."; others as "~" and their number.

    Two names that differ in more than case have two slugs. None begins with a dot or has two in a row.
    """
    found = "".join(sign if sign in SAFE else f"~{ord(sign):x}~" for sign in text.lower()).replace("..", ".~2e~")
    return f"~2e~{found[1:]}" if found.startswith(".") else found


def case_page(case_id: str) -> str:
    """Return the path of a case's page."""
    return f"cases/{case_id}.html"
