"""Canonical JSON (RFC 8785): equal values are equal bytes, so that a digest of them can be repeated anywhere."""

from __future__ import annotations

from typing import Any

import rfc8785

EXACT = 2**53 - 1  # the largest integer that every reader of JSON keeps


def canonical(value: Any) -> bytes:
    """Return JSON values as canonical bytes; the same as `rfc8785.dumps` of `as_text(value)`."""
    return rfc8785.dumps(as_text(value))


def as_text(value: Any) -> Any:
    """Return a value with text instead of what canonical JSON cannot hold: larger integers, halves of surrogates."""
    if isinstance(value, dict):
        return {as_text(str(key)): as_text(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_text(inner) for inner in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > EXACT:
        return str(value)
    return value
