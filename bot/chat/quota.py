"""Limit how often members may ask for a check: each reads weights, which costs the Hub and this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

PER_USER_SECONDS: Final = 60.0
PER_SERVER_SECONDS: Final = 15.0
AT_ONCE: Final = 4  # checks that wait or run
A_DAY: Final = 300
DAY_SECONDS: Final = 86_400.0


@dataclass(slots=True)
class Budget:
    """Counts in memory; `seconds` is a clock that never goes back. Used from one thread."""

    seconds: Callable[[], float]
    running: int = 0
    _last: dict[str, float] = field(default_factory=dict)
    _day: list[float] = field(default_factory=list)

    def take(self, user: str, server: str) -> float:
        """Take one check: 0.0 if it may begin now, else the seconds until it is worth asking again."""
        now = self.seconds()
        self._last = {who: at for who, at in self._last.items() if now - at < PER_USER_SECONDS}
        self._day = [at for at in self._day if now - at < DAY_SECONDS]
        waits = [self._left(f"user {user}", PER_USER_SECONDS, now)]
        waits += [self._left(f"server {server}", PER_SERVER_SECONDS, now)] if server else []
        waits += [PER_SERVER_SECONDS] if self.running >= AT_ONCE else []
        waits += [DAY_SECONDS - (now - self._day[0])] if len(self._day) >= A_DAY else []
        if max(waits) > 0:
            return max(waits)
        self.running += 1
        self._day.append(now)
        self._last[f"user {user}"] = now
        if server:
            self._last[f"server {server}"] = now
        return 0.0

    def give_back(self) -> None:
        """A check has ended."""
        self.running -= 1

    def _left(self, who: str, seconds: float, now: float) -> float:
        return max(seconds - (now - self._last[who]), 0.0) if who in self._last else 0.0
