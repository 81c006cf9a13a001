"""The whole service in one process on a clock that is moved by hand: real requests on loopback, simulated time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from analyzers.errors import BlendwatchError
from bot import build
from bot.config.clock import Clock
from bot.config.settings import Settings
from bot.watch.one_pass import OnePass
from demo.hub.server import LoopbackHub
from state.store import Store, Upload

TOKEN = "hf_loopback_0123456789"  # what must not be seen at a foreign host
TIMEOUT = 0.5  # real seconds without a byte
POLL = timedelta(minutes=10)
MOST_PASSES = 60  # until everything is settled for good: the longest row of retries takes seven
QUIET = timedelta(minutes=35)  # longer than a known model that is out of reach is left alone
FAR = timedelta(days=3650)


class Moved:
    """A time that passes only when somebody waits or says so. Safe in threads."""

    def __init__(self, began_at: datetime) -> None:
        self._began_at = began_at
        self._passed = 0.0
        self._lock = threading.Lock()

    def seconds(self) -> float:
        """Seconds that have passed."""
        return self._passed

    def now(self) -> datetime:
        """The time in UTC."""
        return self._began_at + timedelta(seconds=self._passed)

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass at once."""
        with self._lock:
            self._passed += seconds

    @property
    def clock(self) -> Clock:
        """What the service takes for its clock."""
        return Clock(self.now, self.seconds, self.sleep)


class Told:
    """A sink that keeps the uploads it was alerted about, and when, and the titles of an operator's news."""

    def __init__(self, moved: Moved) -> None:
        self._moved = moved
        self.alerts: list[tuple[str, datetime]] = []
        self.news: list[str] = []

    async def send(self, report: Mapping[str, Any]) -> str:
        """See Sink."""
        if "operator" in report:
            self.news.append(str(report["operator"]["title"]))
        elif "follow_up" not in report and "head" not in report:
            self.alerts.append((str(report["suspect"]["repo_id"]), self._moved.now()))
        return str(len(self.alerts) + len(self.news))


@dataclass(frozen=True, slots=True)
class World:
    """A service on its Hub."""

    hub: LoopbackHub
    store: Store
    watch_pass: OnePass
    told: Told
    moved: Moved

    def one_pass(self) -> bool:
        """Run a pass; whether the Hub could be read."""
        try:
            asyncio.run(self._run())
        except BlendwatchError:
            return False
        return True

    async def _run(self) -> None:
        try:
            await self.watch_pass.run(lambda _: None)
        finally:
            await self.watch_pass.rest()

    def waiting(self) -> list[Upload]:
        """Return the uploads that are not settled for good."""
        return self.store.due(self.moved.now() + FAR, 1_000_000)

    def settle(self) -> int:
        """Run passes, each when something is due, until all is settled; return how many. Raises where it never is."""
        rest = 2  # passes after the last one with something to do: what is out of reach is asked for again
        for number in range(1, MOST_PASSES + 1):
            good = self.one_pass()
            waiting = self.waiting()
            rest = rest - 1 if good and not waiting and not self.store.conditions() else 2
            if rest < 0:
                return number
            due = min((u.retry_at for u in waiting if u.retry_at), default=self.moved.now() + QUIET)
            self.moved.sleep(max(POLL, due - self.moved.now()).total_seconds())
        raise AssertionError(f"not settled after {MOST_PASSES} passes: {self.waiting()} {self.store.conditions()}")


@contextmanager
def world(folder: Path, hub: LoopbackHub, moved: Moved, registry: str, **values: Any) -> Iterator[World]:
    """Open a service on a Hub that is up."""
    (folder / "registry.yaml").write_text(registry)
    (folder / "data").mkdir(exist_ok=True)
    settings = Settings(
        data=folder / "data",
        registry=str(folder / "registry.yaml"),
        hf_endpoint=hub.url,
        hf_token=SecretStr(TOKEN),
        **{"min_parameters": 0, "min_bytes": 0, "min_free_bytes": 0, "shadow_days": 0, **values},
    )
    told = Told(moved)
    automatic = settings.automatic_references
    with (
        build.store(settings) as store,
        build.service(settings, automatic=automatic, clock=moved.clock, timeout=TIMEOUT, seen=store) as service,
    ):
        watch_pass = build.one_pass(service, store, {"console": told}, build.monitoring(service, store))
        yield World(hub, store, watch_pass, told, moved)
