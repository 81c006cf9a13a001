"""Retry a few times with growing delays, and only where that can help."""

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
    """A retry policy. Delays double from `first` up to `longest` seconds; jitter cuts each by up to half."""

    sleep: Callable[[float], None]
    tries: int = 3
    first: float = 0.5
    longest: float = 8.0
    chance: random.Random = field(default_factory=random.Random)

    def __call__(self, action: Callable[[], T]) -> T:
        """Return the result of `action`; raise its last Transient after all tries, any other error at once."""
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
            return asked_for + self.chance.random()  # jitter of up to a second
        return float(min(self.longest, self.first * 2 ** (attempt - 1)) * self.chance.uniform(0.5, 1.0))
