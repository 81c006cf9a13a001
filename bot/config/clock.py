"""The clock of the service: time, durations and sleep. A test moves it by hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final


@dataclass(frozen=True, slots=True)
class Clock:
    """`now`: returns UTC. `seconds`: monotonic. `sleep`: takes seconds, which pass on both."""

    now: Callable[[], datetime]
    seconds: Callable[[], float]
    sleep: Callable[[float], None]


REAL: Final = Clock(lambda: datetime.now(UTC), time.monotonic, time.sleep)
