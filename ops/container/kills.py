"""Ten kills in one pass: it ends with the rows and alerts of an undisturbed pass."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bot.watch.watcher import DIED, SET_ASIDE
from ops.container.container import Running, folder, until
from ops.container.engine import Engine, Wrong
from ops.container.scene import Loopback, Outcome

# At which request of a life it dies: at the listing, in the first upload's look, among the known models, in a second
# look, and, after the alert, in later uploads.
BEFORE_THE_ALERT = (1, 20, 60, 100)
AFTER_THE_ALERT = (2, 12, 60, 60, 100)


@dataclass(frozen=True, slots=True)
class Killed:
    """Watch that was killed ten times and has not finished yet."""

    data: Path
    flags: list[str]

    @classmethod
    def ten_times(cls, engine: Engine, world: Loopback, place: Path, flags: Sequence[str]) -> Killed:
        """Kill the watch ten times, always on the same data."""
        data = folder(place / "killed")
        made = cls(data, [*flags, *world.flags(), "-v", f"{data}:/data"])
        for request in BEFORE_THE_ALERT:
            made._kill_at(engine, world, request)
        made._kill_at_the_alert(engine, world)
        for request in AFTER_THE_ALERT:
            made._kill_at(engine, world, request)
        return made

    def _kill_at(self, engine: Engine, world: Loopback, request: int) -> None:
        with world.frozen_at(request) as wait:
            life = Running.start(engine, "killed", self.flags, "watch", "--once")
            wait()
            life.kill()

    def _kill_at_the_alert(self, engine: Engine, world: Loopback) -> None:
        """Kill it when Discord has the alert and has not answered: the one moment at which an alert comes twice."""
        before = world.discord.requests
        world.discord.faults.stalled = True
        life = Running.start(engine, "killed", self.flags, "watch", "--once")
        until(lambda: world.discord.requests > before, "the alert at Discord")
        life.kill()
        world.discord.faults.stalled = False

    def _end_waits(self) -> None:
        """Date the waits back that end in minutes: one row is leased, and what died three times is set aside."""
        with closing(sqlite3.connect(self.data / "blendwatch.sqlite")) as store, store:
            query = "UPDATE uploads SET retry_at = '2000-01-01 00:00:00.000000' WHERE reason LIKE ?"
            store.execute(query, [f"{DIED}%"])
            query = "UPDATE outbox SET leased_until = '2000-01-01 00:00:00.000000' WHERE state = 'sending'"
            leased = store.execute(query).rowcount
        if leased != 1:
            raise Wrong(f"after a kill in the middle of an alert {leased} messages are leased, and not 1")

    def finish(self, engine: Engine, world: Loopback, expected: dict[str, list[Outcome]], alerts: Sequence[str]) -> str:
        """Let it finish, as if what waits for minutes had waited; compare. Raises Wrong."""
        self._end_waits()
        life = Running.start(engine, "killed", [*self.flags, "-e", "BLENDWATCH_POLL_MINUTES=0.05"], "watch")
        until(lambda: len(world.alerts()) > len(alerts), "the alerts that were due")
        until(lambda: life.logs().count("0 new uploads") > 1, "one more pass after all")
        life.stop()
        got, sent = world.outcomes(self.data), Counter(world.alerts())
        aside = {title for title in sent if title.endswith(SET_ASIDE)}
        # the first was at Discord when its sender was killed
        wanted = Counter(alerts) + Counter(aside) + Counter(world.alerts()[:1])
        if got != expected:
            raise Wrong(f"after ten kills the outcomes are {got}, undisturbed {expected}")
        if sent != wanted:
            raise Wrong(f"after ten kills Discord has {dict(sent)}, and should have {dict(wanted)}")
        return f"{len(got)} outcomes and {len(alerts)} alerts as undisturbed, one alert twice, killed before its mark"
