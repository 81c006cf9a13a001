"""Reading JSON that somebody else wrote, field by field, without believing any."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from bot.hub.http.library import HFValidationError, validate_repo_id

HUB_ID = re.compile(r"[0-9a-f]{24}")
MOST_BYTES = 4  # of a parameter: of more the count may be false, and the files themselves are looked at
MOST_COUNTED = (1 << 63) - 1
REVISION = re.compile(r"[0-9a-f]{40}")


def table(value: object) -> dict[str, object]:
    """A JSON object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def rows(value: object) -> list[dict[str, object]]:
    """The objects of a JSON array; nothing for anything else."""
    return [r for r in value if isinstance(r, dict)] if isinstance(value, list) else []


def text(value: object) -> str | None:
    """A text, or None."""
    return value if isinstance(value, str) else None


def count(value: object) -> int | None:
    """A whole number of zero or more that a database can hold, or None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_COUNTED else None


def revision(value: object) -> str | None:
    """A commit's 40 hex digits, or None."""
    return value if isinstance(value, str) and REVISION.fullmatch(value) else None


def hub_id(value: object) -> str | None:
    """The Hub's own 24 hex digits, or None."""
    return value if isinstance(value, str) and HUB_ID.fullmatch(value) else None


def moment(value: object) -> datetime | None:
    """A time in UTC, or None."""
    if not isinstance(value, str):
        return None
    try:
        said = datetime.fromisoformat(value)
        return said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def born(value: object) -> datetime | None:
    """The UTC time that the Hub's own id of a repository begins with, or None."""
    name = hub_id(value)
    return datetime.fromtimestamp(int(name[:8], 16), UTC) if name else None


def repo_id(value: object) -> str | None:
    """An "organisation/name" as the Hub allows it, or None."""
    if not isinstance(value, str) or value.count("/") != 1:
        return None
    try:
        validate_repo_id(value)
    except HFValidationError:
        return None
    return value


def parameters_in(value: object, stored: object = None) -> int | None:
    """Return the count in a `safetensors` property; None where there is none, or `stored` bytes contradict it.

    The largest of the total and the sum over types: the total may come from the uploader's index.
    """
    counted = table(value)
    types = [n for v in table(counted.get("parameters")).values() if (n := count(v)) is not None]
    told = [n for n in (count(counted.get("total")), sum(types) if types else None) if n is not None]
    if not told or (count(stored) or 0) > MOST_BYTES * max(told):
        return None
    return max(told)
