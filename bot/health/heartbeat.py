"""Heartbeat of a watch: in memory for its own port, and in a file for a health check from outside.

A watch is alive while its event loop runs and a pass, or a step of one, was made lately. A pass that failed because the
Hub did not answer counts, too: a restart would not help, and the alerting rules cover it.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

from bot.config.settings import Settings

FILE: Final = "heartbeat.json"
EVERY_SECONDS: Final = 10.0  # between two heartbeats
LOOP_SECONDS: Final = 90.0  # without a heartbeat, after which the event loop counts as stuck


@dataclass(frozen=True, slots=True)
class HeartbeatState:
    """One heartbeat. Times: seconds since 1970, None: not yet. `limit`: seconds allowed without progress."""

    limit: float
    began_at: float
    progress_at: float
    beat_at: float = 0.0
    passes: int = 0
    failed: int = 0
    ended_at: float | None = None
    succeeded_at: float | None = None
    pid: int = field(default_factory=os.getpid)

    def trouble(self, now: float) -> str:
        """Return why the watch counts as hung; "" if it is alive. `now`: seconds since 1970."""
        if now - self.beat_at > LOOP_SECONDS:
            return f"the watch gave no heartbeat for {now - self.beat_at:.0f} s, more than {LOOP_SECONDS:.0f}"
        if now - self.progress_at > self.limit:
            return f"the watch made no progress for {now - self.progress_at:.0f} s, more than {self.limit:.0f}"
        return ""


class Heartbeat:
    """Records the progress of the watch; safe in threads. `clock`: returns seconds since 1970."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        now = clock()
        limit = 60 * (settings.poll_minutes + settings.stale_minutes)
        self._beat = HeartbeatState(limit=limit, began_at=now, progress_at=now, beat_at=now)
        self._lock = threading.Lock()

    def progress(self) -> None:
        """Record progress."""
        with self._lock:
            self._beat = replace(self._beat, progress_at=self._clock())

    @contextmanager
    def one_pass(self) -> Iterator[None]:
        """Record the block as one pass; it fails with an exception."""
        self.progress()
        failed = 1
        try:
            yield
            failed = 0
        finally:
            with self._lock:
                old, now = self._beat, self._clock()
                done = replace(old, progress_at=now, ended_at=now, passes=old.passes + 1, failed=old.failed + failed)
                self._beat = done if failed else replace(done, succeeded_at=now)

    def beat(self) -> HeartbeatState:
        """Record a heartbeat now and return it."""
        with self._lock:
            self._beat = replace(self._beat, beat_at=self._clock())
            return self._beat

    def last(self) -> HeartbeatState:
        """Return the last state without a new heartbeat."""
        return self._beat

    @asynccontextmanager
    async def written_to(self, folder: Path) -> AsyncIterator[None]:
        """Keep the newest heartbeat in a file of `folder` while inside; remove the file afterwards."""
        task = asyncio.create_task(self._write_on(folder / FILE))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            (folder / FILE).unlink(missing_ok=True)

    async def _write_on(self, file: Path) -> None:
        while True:
            with suppress(OSError):  # a full disk fails elsewhere, too; the next write may succeed
                part = file.with_suffix(".part")
                part.write_text(json.dumps(asdict(self.beat())), encoding="utf-8")
                part.replace(file)
            await asyncio.sleep(EVERY_SECONDS)


def last_heartbeat(folder: Path) -> HeartbeatState | None:
    """Return the newest heartbeat of the watch on `folder`; None without a running watch or a readable file."""
    try:
        return HeartbeatState(**json.loads((folder / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
