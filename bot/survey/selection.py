"""Which models a survey checks, and how the Hub lists them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from analyzers.records import HubEvent
from bot.config.settings import SettingsError
from bot.hub.hub import Hub
from state.registry.models import Registry


@dataclass(frozen=True, slots=True)
class Selection:
    """Exactly one of a family of the registry, an organisation, and a time; all three empty select every model.

    `family`: models that declare a base of it. `since`: UTC, by creation. `least`: parameters.
    """

    family: str = ""
    organisation: str = ""
    since: datetime | None = None
    least: int = 0

    @property
    def file_name(self) -> str:
        """Return the name of the file of its results."""
        what = f"{self.family.lower()}\n{self.organisation.lower()}\n{self.since}\n{self.least}"
        return f"{hashlib.sha256(what.encode()).hexdigest()[:16]}.jsonl"

    def __str__(self) -> str:
        if self.family:
            return f"models that declare a base of the family {self.family}"
        if self.organisation:
            return f"models of {self.organisation}"
        return f"models created since {self.since:%Y-%m-%d}" if self.since else "all models"


def listed(hub: Hub, registry: Registry, selection: Selection) -> Iterator[HubEvent]:
    """Yield the selected models that the Hub lists with a size, each once, newest first; raises Unavailable.

    Raises SettingsError for a family without a known base.
    """
    seen: set[str] = set()
    for event in _events(hub, registry, selection):
        if selection.since is not None and event.created_at < selection.since:
            if selection.family:
                continue  # the next base may have newer ones
            return
        if event.repo_id.lower() not in seen:
            seen.add(event.repo_id.lower())
            yield event


def _events(hub: Hub, registry: Registry, selection: Selection) -> Iterator[HubEvent]:
    if selection.family:
        for base in _bases(registry, selection.family):
            yield from hub.every(f"the models of {base}", {"filter": f"base_model:{base}"}, selection.least)
    elif selection.organisation:
        yield from hub.every(str(selection), {"author": selection.organisation}, selection.least)
    else:
        yield from hub.every(str(selection), {}, selection.least)


def _bases(registry: Registry, family: str) -> list[str]:
    bases = [m.repo_id for m in registry.models if m.family.lower() == family.lower() and m.role == "base"]
    if not bases:
        raise SettingsError(f"no known base belongs to the family {family}; blendwatch registry list shows families")
    return bases
