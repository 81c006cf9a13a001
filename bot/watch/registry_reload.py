"""Reload the registry's files while a watch runs: changes count from the next pass on, without a restart."""

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
EMPTY: Final = "its files name no models any more"  # more likely an unmounted volume than an intended change

log = logging.getLogger("blendwatch")


@dataclass
class RegistryReload:
    """Reads the files anew and compares their content: a volume or a swapped link may not signal a change.

    Files with mistakes change nothing: the last good registry stays in use, and the operator is notified.
    """

    paths: Sequence[Path]
    known: KnownModels
    news: News
    _logged: str = field(default="", init=False)  # the mistakes that were logged last

    def look(self) -> bool:
        """Use a changed registry; return True if it has changed. Raises StateError."""
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
