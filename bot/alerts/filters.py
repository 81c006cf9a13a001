"""Which cases a channel asked to be alerted about. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot.text.sanitize import entries, number, section, string

STRENGTHS: Final = ("indicative", "strong", "exact")  # each holds the ones after it
KINDS: Final = ("blend", "copy", "derivative")
TEXT_LENGTH: Final = 100  # of a base's or an organisation's name
LARGEST: Final = 1_000_000.0  # billions of parameters


@dataclass(frozen=True, slots=True)
class Filters:
    """The wishes of a channel; an empty one matches every case."""

    billions: float = 0.0  # parameters of the upload, at least
    kind: str = ""
    base: str = ""  # part of a parent's name
    organisation: str = ""  # of the upload
    strength: str = ""  # at least

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Filters:
        """From what the database holds; what is not of the kind it should be asks for nothing."""
        texts = {name: string(stored.get(name))[:TEXT_LENGTH] for name in ("kind", "base", "organisation", "strength")}
        return cls(max(number(stored.get("billions")) or 0.0, 0.0), **texts)

    def stored(self) -> dict[str, Any]:
        """For the database: only what is asked for."""
        return {name: getattr(self, name) for name in Filters.__slots__ if getattr(self, name)}

    def match(self, report: Mapping[str, Any]) -> bool:
        """Is a case with this report one of those?"""
        suspect = section(report.get("suspect"))
        parents = [string(section(parent).get("repo_id")).lower() for parent in entries(report.get("parents"))]
        strength = string(report.get("strength"))
        least = STRENGTHS.index(self.strength) if self.strength in STRENGTHS else 0
        return (
            (number(suspect.get("parameters")) or 0.0) >= self.billions * 1e9
            and self.kind in {"", string(report.get("finding"))}
            and (not self.base or any(self.base.lower() in name for name in parents))
            and self.organisation.lower() in {"", organisation_of(report)}
            and (strength in STRENGTHS[least:] or not self.strength)
        )


def organisation_of(report: Mapping[str, Any]) -> str:
    """Return the uploader in lower case; "" where the report does not say."""
    return string(section(report.get("suspect")).get("repo_id")).partition("/")[0].lower()
