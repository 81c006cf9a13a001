"""Asking again, a few times, later each time, and only where that can help."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from bot.hub.http.errors import Transient
from bot.hub.http.rate_limit import LONGEST_WAIT

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how long. Waits double from `first` up to `longest` seconds, each cut by up to half by chance."""

    sleep: Callable[[float], None]
    tries: int = 3
    first: float = 0.5
    longest: float = 8.0
    chance: random.Random = field(default_factory=random.Random)

    def __call__(self, action: Callable[[], T]) -> T:
        """What `action` returns; its last Transient once the tries are used up, any other error at once."""
        for attempt in range(1, self.tries):
            try:
                return action()
            except Transient as error:
                seconds = self._wait(attempt, error.retry_after)
                if seconds > LONGEST_WAIT:
                    raise
                self.sleep(seconds)
        return action()

    def _wait(self, attempt: int, asked_for: float | None) -> float:
        if asked_for is not None:
            return asked_for + self.chance.random()  # a second at most, so that not everyone comes back at once
        return float(min(self.longest, self.first * 2 ** (attempt - 1)) * self.chance.uniform(0.5, 1.0))
