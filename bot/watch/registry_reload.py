"""The registry's files while a watch runs: what was changed counts from the next pass on, without a restart."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bot.alerts.operator import News
from bot.known.models import KnownModels
from bot.known.registry_diff import summary
from state.errors import RegistryError
from state.registry.models import load

CONDITION: Final = "registry"
EMPTY: Final = "its files name no models any more"  # more likely a volume that has gone than somebody's wish

log = logging.getLogger("blendwatch")


@dataclass
class Reload:
    """Reads the files anew and compares what they say: a volume or a swapped link need not tell of a change.

    A set with mistakes changes nothing: the last good one stays in use, and the operator is told.
    """

    paths: Sequence[Path]
    known: KnownModels
    news: News
    _logged: str = field(default="", init=False)  # the mistakes that the log has

    def look(self) -> bool:
        """Take in what has changed; return whether anything has. Raises StateError."""
        try:
            registry = load(self.paths)
        except RegistryError as error:
            return self._refuse(str(error))
        if self.known.registry.models and not registry.models:
            return self._refuse(EMPTY)
        self._logged = ""
        self.news.set(CONDITION, None)
        if registry == self.known.registry:
            return False
        log.info("the registry has changed: %s", summary(self.known.registry, registry))
        self.known.use(registry)
        return True

    def _refuse(self, text: str) -> bool:
        self.news.set(CONDITION, f"{text}\nWhat was read before stays in use.")
        if text != self._logged:
            log.warning("the registry cannot be used, the last good one stays: %s", text)
            self._logged = text
        return False
