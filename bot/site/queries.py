"""Questions to the API: filters of cases, and pages of them by cursor. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from bot.site.api_models import Finding, State, Strength, state_of
from bot.site.published import PublishedCase

MOST: Final = 100  # cases of one page
NAME: Final = 200  # characters of a name
CURSOR: Final = "^[0-9]{1,20}-[0-9a-f]{12}$"  # microseconds of 1970 and later, and the id of a case
RFC3339: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:.]{8,18}([Zz]|[+-][0-9]{2}:[0-9]{2})")
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _rfc3339(value: object) -> object:
    """Refuse what pydantic would take for a time besides: seconds since 1970, a day alone."""
    if isinstance(value, str) and not RFC3339.fullmatch(value):
        raise ValueError("must be a time with its offset, such as 2026-01-31T00:00:00Z")
    return value


Time = Annotated[AwareDatetime, BeforeValidator(_rfc3339)]


class Filters(BaseModel):
    """Filters of a query for cases. Names are compared ignoring case; an empty field filters nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    organisation: str | None = Field(default=None, max_length=NAME, description="of the upload")
    family: str | None = Field(default=None, max_length=NAME, description="of a parent, as the registry names it")
    parent: str | None = Field(default=None, max_length=NAME, description="the name of a parent, org/name")
    finding: Finding | None = Field(default=None, description="no withdrawn case has one")
    strength: Strength | None = Field(default=None, description="no withdrawn case has one")
    state: State | None = None
    updated_since: Time | None = Field(default=None, description="time of the last event, at least; RFC 3339")
    limit: int = Field(default=50, ge=1, le=MOST, description="cases of one page")
    cursor: str | None = Field(default=None, pattern=CURSOR, description="`next` of the page before")

    def match(self, case: PublishedCase) -> bool:
        """Tell whether a case is one of those. A withdrawn one is still found by the names that it was about."""
        parents = {parent.repo_id.lower() for parent in case.parents}
        families = {name.lower() for name in case.families}
        return (
            (self.organisation is None or self.organisation.lower() == case.upload.organisation.lower())
            and (self.family is None or self.family.lower() in families)
            and (self.parent is None or self.parent.lower() in parents)
            and (self.state is None or self.state == state_of(case))
            and (self.updated_since is None or case.updated_at >= self.updated_since)
            and self._match_finding(case)
        )

    def _match_finding(self, case: PublishedCase) -> bool:
        said = ((self.finding, case.finding), (self.strength, case.strength))
        return all(wish is None or (not case.withdrawn and found == wish) for wish, found in said)


def page(cases: Sequence[PublishedCase], wish: Filters) -> tuple[list[PublishedCase], str | None]:
    """Return the cases of one page, the newest first, and the cursor of the next one.

    The order is that of opening, which never changes: a case that comes or changes meanwhile moves no other.
    """
    after = _key_of(wish.cursor) if wish.cursor is not None else None
    found = [case for case in sorted(cases, key=_key) if wish.match(case) and (after is None or _key(case) > after)]
    kept = found[: wish.limit]
    return kept, _cursor(kept[-1]) if len(found) > len(kept) else None


def _key(case: PublishedCase) -> tuple[int, str]:
    return -((case.opened_at - EPOCH) // timedelta(microseconds=1)), case.id


def _cursor(case: PublishedCase) -> str:
    opened, case_id = _key(case)
    return f"{-opened}-{case_id}"


def _key_of(cursor: str) -> tuple[int, str]:
    opened, _, case_id = cursor.partition("-")
    return -int(opened), case_id


def parameters() -> list[dict[str, Any]]:
    """Return the filters as OpenAPI describes parameters of a query."""
    properties: dict[str, dict[str, Any]] = Filters.model_json_schema()["properties"]
    return [
        {"name": name, "in": "query", "required": False, "description": field.pop("description", ""), "schema": field}
        for name, field in ((name, _without_null(field)) for name, field in properties.items())
    ]


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a value that is given: a query has no null."""
    kinds = [kind for kind in field.get("anyOf", ()) if kind.get("type") != "null"]
    kept = {key: value for key, value in field.items() if key not in ("anyOf", "title", "default") or value is not None}
    kept = {key: value for key, value in kept.items() if key not in ("anyOf", "title")}
    return kept | (kinds[0] if kinds else {})
