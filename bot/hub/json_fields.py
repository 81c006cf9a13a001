"""Read fields of untrusted JSON; each function returns an empty value for a wrong type."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from bot.hub.http.hub_client import HFValidationError, validate_repo_id

HUB_ID = re.compile(r"[0-9a-f]{24}")
MOST_BYTES = 4  # of a parameter: with more the count may be false, and the files are read instead
MOST_COUNTED = (1 << 63) - 1
REVISION = re.compile(r"[0-9a-f]{40}")


def table(value: object) -> dict[str, object]:
    """Return a JSON object; an empty one for any other value."""
    return value if isinstance(value, dict) else {}


def rows(value: object) -> list[dict[str, object]]:
    """Return the objects of a JSON array; none for any other value."""
    return [r for r in value if isinstance(r, dict)] if isinstance(value, list) else []


def text(value: object) -> str | None:
    """Return a text, or None."""
    return value if isinstance(value, str) else None


def count(value: object) -> int | None:
    """Return a whole number from zero that a database can hold, or None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_COUNTED else None


def revision(value: object) -> str | None:
    """Return a commit's 40 hex digits, or None."""
    return value if isinstance(value, str) and REVISION.fullmatch(value) else None


def hub_id(value: object) -> str | None:
    """Return the Hub's own 24 hex digits, or None."""
    return value if isinstance(value, str) and HUB_ID.fullmatch(value) else None


def moment(value: object) -> datetime | None:
    """Return a time in UTC, or None."""
    if not isinstance(value, str):
        return None
    try:
        said = datetime.fromisoformat(value)
        return said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def born(value: object) -> datetime | None:
    """Return the UTC time that the Hub's own id of a repository begins with, or None."""
    name = hub_id(value)
    return datetime.fromtimestamp(int(name[:8], 16), UTC) if name else None


def repo_id(value: object) -> str | None:
    """Return an "organisation/name" that the Hub allows, or None."""
    if not isinstance(value, str) or value.count("/") != 1:
        return None
    try:
        validate_repo_id(value)
    except HFValidationError:
        return None
    return value


def parameters_in(value: object, stored: object = None) -> int | None:
    """Return the parameter count of a `safetensors` property; None without one, or if `stored` bytes contradict it.

    It is the larger of the total and the sum over types: the total may come from the uploader's index.
    """
    counted = table(value)
    types = [n for v in table(counted.get("parameters")).values() if (n := count(v)) is not None]
    counts = [n for n in (count(counted.get("total")), sum(types) if types else None) if n is not None]
    if not counts or (count(stored) or 0) > MOST_BYTES * max(counts):
        return None
    return max(counts)
