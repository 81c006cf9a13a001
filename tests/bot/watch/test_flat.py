"""No query of a pass, an alert, a follow-up or a scrape of metrics grows with what the watch has seen."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from bench.faults.runs import CAST, NOW, REPOS
from bench.simulated import Moved, World, world
from bench.year import fill
from bot import build
from demo.hub.server import LoopbackHub
from state.data_folder import DATABASE
from state.store import OutboxMessage, Store

GROWING = ("uploads", "outbox", "events", "evidence", "cases", "case_notes", "conditions", "publications", "remarks")
OPEN = "ix_outbox_(open|unreported)"  # partial indexes: they hold what is still to be done
STEPS = 20  # instructions of SQLite's machine that are counted as one
SOME = 100 * STEPS  # instructions that do not count as growth


class Watched:
    """Every statement that a database executed, with its parameters, and how many instructions it took at most."""

    def __init__(self, engine: Engine) -> None:
        self.statements: dict[str, Any] = {}
        self.steps: Counter[str] = Counter()
        self._now: dict[int, tuple[str, int]] = {}
        event.listen(engine, "checkout", lambda raw, *_: raw.set_progress_handler(lambda: self._step(id(raw)), STEPS))
        event.listen(engine, "before_cursor_execute", self._begin)

    def _begin(self, connection: Any, _cursor: object, statement: str, parameters: Any, _: object, many: bool) -> None:
        self.statements[statement] = parameters[0] if many else parameters
        raw = connection.connection.dbapi_connection
        self._now[id(raw)] = statement, 0

    def _step(self, raw: int) -> int:
        if raw in self._now:
            statement, so_far = self._now[raw]
            self._now[raw] = statement, so_far + STEPS
            self.steps[statement] = max(self.steps[statement], so_far + STEPS)
        return 0


@contextmanager
def after(days: int, folder: Path) -> Iterator[tuple[World, Watched]]:
    """Open a watch on a database of so many days, with a pass that alerts, a follow-up and a scrape behind it."""
    folder.mkdir()
    (folder / "data").mkdir()
    fill(folder / "data" / DATABASE, days, large=10, small=20)
    moved = Moved(NOW)
    with LoopbackHub(REPOS.values()) as hub, world(folder, hub, moved, CAST.registry) as at:
        watched = Watched(at.store.engine)
        assert at.one_pass()
        assert at.told.alerts
        asked = _last_follow_up(folder)
        moved.sleep(7_200)
        assert at.one_pass()
        assert _last_follow_up(folder) > asked
        _alert(at, moved)
        with build.service(at.watch_pass.watcher.settings, clock=moved.clock, seen=at.store) as service:
            build.monitoring(service, at.store).metrics.text()
        yield at, watched


def _alert(at: World, moved: Moved) -> None:
    """Do what an alert over the hourly cap needs."""
    at.store.post([OutboxMessage("k", "console", {"alert": True}, 1)], moved.now())
    digests = at.store.alert_digests
    (row,) = digests.claim_alerts("console", moved.now(), 60, 9)
    assert not at.store.sending_before("console", row.id)
    assert (digests.alerts_before("console", row.id), digests.last_digest("console", moved.now())) == (0, None)
    digests.hold([row.id], moved.now())
    digests.drop_retracted([row.id])
    digests.mark_digest_sent([row.id], "1", moved.now())
    digests.alerts_since("console", moved.now())


def _last_follow_up(folder: Path) -> datetime:
    """Return when the newest case was followed up, by an engine of its own, which is not watched."""
    with Store.open(f"sqlite:///{folder / 'data' / DATABASE}") as other:
        return other.cases.all(1)[0].asked_at


def test_every_query_is_flat(tmp_path: Path) -> None:
    """Plans name no scan of a growing table, and four times the history costs no statement more.

    The shorter history is longer than the 180 days that the watch looks back at most.
    """
    with after(190, tmp_path / "short") as (_, short):
        pass
    with after(760, tmp_path / "long") as (at, long), at.store.engine.connect() as connection:
        plans = {
            statement: [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            for statement, parameters in dict(long.statements).items()
            if re.match("SELECT|INSERT|UPDATE|DELETE", statement)
        }
    assert len(plans) > 40
    scans = re.compile(rf"SCAN ({'|'.join(GROWING)})\b(?!.* INDEX {OPEN})")
    assert {s: p for s, p in plans.items() if any(scans.match(line) for line in p)} == {}
    grown = {s: (short.steps[s], n) for s, n in long.steps.items() if n > 1.5 * short.steps[s] + SOME}

    assert grown == {}, {s: plans[s] for s in grown if s in plans}
