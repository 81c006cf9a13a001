"""Channels that Apprise posts to, and which of them asked for an alert. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from bot.alerts.filters import Filters
from bot.config.channels import Channel

PREFIX: Final = "channel"


def destination_of(name: str) -> str:
    """Return the destination of messages to a channel of the settings."""
    return f"{PREFIX}:{name}"


@dataclass(frozen=True, slots=True)
class Channels:
    """Filters of each destination, by its name."""

    wishes: Mapping[str, Filters] = field(default_factory=dict)

    @classmethod
    def of_settings(cls, channels: Sequence[Channel]) -> Self:
        """Return the channels of the settings."""
        return cls({destination_of(one.name): Filters.read(one.model_dump()) for one in channels})

    def asking_for(self, report: Mapping[str, Any]) -> list[str]:
        """Return the destinations that asked for an alert like this one."""
        return [where for where, wish in self.wishes.items() if wish.match(report)]
