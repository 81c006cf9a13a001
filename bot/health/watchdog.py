"""Check the watch itself once a pass, and notify the operator of anything that it misses or lacks."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from bot.alerts.operator import News
from bot.config.settings import Settings
from bot.config.trial import Trial, described
from bot.health.canary import run_canary
from bot.hub import Hub
from bot.text.sanitize import size
from state.database.tables import MARK
from state.store import OutboxMessage, OutboxRow, Store

LONGEST_WAIT = timedelta(hours=24)  # of an upload before the operator is notified of a backlog
DEAD_SHOWN = 10  # by name; the others are counted
DAY = timedelta(hours=24)
CANARY = f"{MARK}canary"  # its cursor: the time of the last canary

log = logging.getLogger("blendwatch")


@dataclass(frozen=True, slots=True)
class Watchdog:
    """Checks backlog, quotas, disk, clock, undelivered messages and the canary."""

    store: Store
    news: News
    settings: Settings
    hub: Hub

    def look(self) -> None:
        """Notify the operator of conditions that begin or end. Every check runs; the first error is raised last.

        The canary, the most expensive check, comes last.
        """
        free = partial(_disk, self.settings.data, self.settings.min_free_bytes)
        looks: tuple[Callable[[], object], ...] = (
            lambda: self.news.set("backlog", self._backlog()),
            lambda: self.news.set("rate limit used up", self._starved()),
            lambda: self.news.set("disk nearly full", free()),
            lambda: self.news.set("clocks differ", self._skewed()),
            self._dead,
            self._canary,
        )
        failed = [error for look in looks if (error := _error_of(look))]
        if failed:
            raise failed[0]

    def notify_of_trial(self) -> None:
        """Notify the operator that the trial of a new install has begun or ended."""
        until = Trial(self.store, self.settings.shadow_days).until(self.news.clock())
        begun = self.store.began_at() is not None
        self.news.set("trial week", described(self.settings, until) if until and begun else None)

    def _canary(self) -> None:
        """Run the canary once a day, and at every pass after it failed."""
        cursor = self.store.cursor(CANARY)
        if cursor is not None and self.news.clock() - cursor < DAY and not self._lasting("canary"):
            return
        self.news.set("canary", run_canary())
        self.store.record(CANARY, [], self.news.clock(), self.news.clock())

    def _lasting(self, name: str) -> bool:
        return any(c.name == name for c in self.store.conditions())

    def _backlog(self) -> str | None:
        number, oldest = self.store.waiting()
        late = oldest is not None and self.news.clock() - oldest > LONGEST_WAIT
        if number <= self.settings.max_backlog and not late:
            return None
        since = f", the oldest since {oldest:%Y-%m-%d %H:%M} UTC" if oldest else ""
        return f"{number:,} uploads wait to be judged{since}"

    def _starved(self) -> str | None:
        used = self.hub.used_up()
        quotas = ", ".join(f"{name} for another {seconds:.0f} s" for name, seconds in sorted(used.items()))
        return f"the Hub's quota is used up: {quotas}; a token raises it" if used else None

    def _skewed(self) -> str | None:
        seconds = self.hub.skew
        if seconds is None or abs(seconds) < DAY.total_seconds() / 2:
            return None
        which = "ahead of" if seconds > 0 else "behind"
        return f"this machine's clock is {abs(seconds) / 3600:.0f} h {which} the Hub's: the order of uploads is unknown"

    def _dead(self) -> None:
        """Notify the operator in one message of alerts that were given up since; of each once."""
        self.store.notify_dead(self._given_up, self.news.clock())

    def _given_up(self, rows: Sequence[OutboxRow]) -> OutboxMessage:
        shown = ", ".join(f"{row.dedupe_key} to {row.destination}" for row in rows[:DEAD_SHOWN])
        rest = f", … and {len(rows) - DEAD_SHOWN} more" if len(rows) > DEAD_SHOWN else ""
        number = "1 alert was" if len(rows) == 1 else f"{len(rows):,} alerts were"
        text = f"{rows[-1].last_error} Once that is mended, blendwatch alerts retry sends again: {shown}{rest}"
        return self.news.message(f"dead:{rows[-1].id}:{self.news.clock().isoformat()}", f"{number} not delivered", text)


def _error_of(look: Callable[[], object]) -> Exception | None:
    try:
        look()
    except Exception as error:  # a fault of ours may cost one check only
        log.exception("a check of the watchdog failed")
        return error
    return None


def _disk(folder: Path, least: int) -> str | None:
    free = shutil.disk_usage(folder).free
    return f"{size(free)} are free where {folder} lies, less than {size(least)}" if free < least else None
