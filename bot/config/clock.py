"""The one clock of the service: what time it is, how long something took, and waiting. A test moves it by hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final


@dataclass(frozen=True, slots=True)
class Clock:
    """`now`: in UTC. `seconds`: never goes back. `sleep`: for so many seconds, and as many pass on both."""

    now: Callable[[], datetime]
    seconds: Callable[[], float]
    sleep: Callable[[float], None]


REAL: Final = Clock(lambda: datetime.now(UTC), time.monotonic, time.sleep)
