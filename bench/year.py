"""A pass, a metrics scrape, memory and disk of a watch whose database holds a day, a month or a year.

    OMP_NUM_THREADS=1 python -m bench.year [--days 1 30 365] [--large 300] [--small 6000]

The rows are what the watch leaves at that pace: judged uploads with reports of 3 kB and three pieces of evidence, the
small ones of the last 30 days, events, three alerts a day with a case and its notes, five notices a day. Each span
runs in a process of its own: a first pass judges the demo's uploads, then quiet passes with a follow-up are timed.
Memory is that of the watch; the loopback Hub and its models are subtracted. Ends with status 1 where an idle watch
takes over 150 MB, one at work over 250 MB, or where the longest span costs a pass or a scrape more than twice what
the shortest does.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.faults.runs import CAST, NOW, REPOS
from bench.simulated import Moved, world
from bot import build
from bot.check.method import method
from demo.hub.server import LoopbackHub
from state.backup.retention import Retention
from state.data_folder import DATABASE
from state.database.engine import open_engine

DAY: Final = timedelta(days=1)
ASKED_DAYS = 15  # models of younger open cases are asked their names
CASES_A_DAY, NEWS_A_DAY = 3, 5
FINDINGS: Final = ("derivative", "unrelated", "inconclusive")
IDLE_MB, BUSY_MB, MOST_GROWTH = 150, 250, 2.0
PASSES = 9

Row = dict[str, Any]


def fill(file: Path, days: int, large: int = 300, small: int = 6_000, now: datetime = NOW) -> None:
    """Write the rows of so many days before `now` into a new database."""
    open_engine(f"sqlite:///{file}").dispose()
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("PRAGMA synchronous=OFF")
        kept = min(days, Retention().small_days)
        _insert(database, "uploads", (_skipped(n, small, now) for n in range(kept * small, 0, -1)))
        _insert(database, "events", (_created(f"small/{n}", n, small, now) for n in range(kept * small, 0, -1)))
        first = kept * small + 1
        _insert(database, "uploads", (_judged(n, large, now) for n in range(days * large, 0, -1)))
        _insert(database, "events", (_created(f"large/{n}", n, large, now) for n in range(days * large, 0, -1)))
        _insert(database, "evidence", (_evidence(first, i, large, now) for i in range(days * large * 3)))
        cases = days * CASES_A_DAY
        _insert(database, "cases", (_case(n, first + n * large // CASES_A_DAY, now) for n in range(cases)))
        _insert(database, "case_notes", (_note(i, now) for i in range(cases * 4)))
        _insert(database, "outbox", (_alert(n, first + n * large // CASES_A_DAY, now) for n in range(cases)))
        _insert(database, "outbox", (_notice(n, now) for n in range(days * NEWS_A_DAY)))
        _insert(database, "conditions", (_condition(n, now) for n in range(days)))


def _insert(database: sqlite3.Connection, table: str, rows: Iterator[Row]) -> None:
    first = next(rows)
    marks = ", ".join(f":{name}" for name in first)
    statement = f"INSERT INTO {table} ({', '.join(first)}) VALUES ({marks})"
    database.execute(statement, first)
    database.executemany(statement, rows)


def _at(number: int, pace: float, now: datetime) -> str:
    """Return the time of the `number`th last of `pace` a day, as SQLite stores it."""
    return (now - DAY * number / pace - timedelta(hours=3)).strftime("%Y-%m-%d %H:%M:%S.%f")


def _upload(name: str, at: str) -> Row:
    same = {"identity": f"{name}'s id", "listed_revision": f"{hash(name):x}".rjust(40, "0")[:40], "repo_id": name}
    return same | {"repo_key": name, "created_at": at, "first_seen": at, "settled_at": at, "gated": 0, "attempts": 1}


def _skipped(number: int, pace: int, now: datetime) -> Row:
    reason = "1,000,000 parameters, fewer than 3,000,000,000"
    row = _upload(f"small/{number}", _at(number, pace, now))
    return row | {"state": "skipped", "reason": reason, "parameters": 1_000_000}


def _judged(number: int, pace: int, now: datetime) -> Row:
    finding = FINDINGS[number % len(FINDINGS)]
    old = number / pace > Retention().report_days
    report = {"finding": finding, "alert": False, "audience": "none", "parents": [], "why": "x" * 3_000}
    row = _upload(f"large/{number}", _at(number, pace, now)) | {"state": "found", "reason": "nothing found"}
    digest, stored = f"{number:064x}", None if old else json.dumps(report)
    return row | {"parameters": 7_000_000_000, "finding": finding, "report": stored, "weights_digest": digest}


def _created(name: str, number: int, pace: int, now: datetime) -> Row:
    row = {"identity": f"{name}'s id", "repo_id": name, "repo_key": name, "kind": "created", "detail": ""}
    return row | {"unique_key": f"{name}:created", "seen_at": _at(number, pace, now)}


def _evidence(first: int, number: int, pace: int, now: datetime) -> Row:
    upload, kind = divmod(number, 3)
    row = {"upload_id": first + upload, "kind": ("card", "config", "files")[kind], "digest": f"{number:064x}"}
    return row | {"size": 1_000, "gated": 0, "kept_at": _at(0, pace, now)}


def _case(number: int, upload: int, now: datetime) -> Row:
    at = _at(number, CASES_A_DAY, now)
    report = {"finding": "blend", "alert": True, "suspect": {"repo_id": f"large/{upload}"}, "parents": []}
    state = "open" if number / CASES_A_DAY > ASKED_DAYS else "retracted"
    row = {"case_id": f"{number:012x}", "upload_id": upload, "state": state, "method": method(), "opened_at": at}
    return row | {"report": json.dumps(report), "asked_at": at, "due_at": _at(-40, 1, now)}


def _note(number: int, now: datetime) -> Row:
    row = {"case_id": f"{number // 4:012x}", "kind": "card", "text": "its card changed", "unique_key": f"n{number}"}
    return row | {"noted_at": _at(number // 4, CASES_A_DAY, now)}


def _alert(number: int, upload: int, now: datetime) -> Row:
    at, payload = _at(number, CASES_A_DAY, now), json.dumps({"alert": True, "why": "x" * 3_000})
    row = {"dedupe_key": f"key:{number:012x}", "destination": "console", "payload": payload, "state": "sent"}
    return row | {"attempts": 1, "next_at": at, "upload_id": upload, "created_at": at, "sent_at": at, "message_id": at}


def _notice(number: int, now: datetime) -> Row:
    at, payload = _at(number, NEWS_A_DAY, now), json.dumps({"operator": {"title": "news", "text": "x" * 100}})
    row = {"dedupe_key": f"news:{number}", "destination": "console", "payload": payload, "attempts": 1, "next_at": at}
    ends: Row = {"state": "sent", "last_error": None, "sent_at": at}
    if number % 50 == 0:
        ends = {"state": "dead", "last_error": "gone; the operator was told", "sent_at": None}
    return row | ends | {"created_at": at}


def _condition(number: int, now: datetime) -> Row:
    at = _at(number, 1, now)
    return {"name": "disk nearly full", "text": "1 MB left", "began_at": at, "ended_at": at}


def measure(days: int, large: int, small: int) -> dict[str, float]:
    """Fill a database and time the watch on it. Milliseconds of processor time, MB."""
    moved = Moved(NOW)
    with tempfile.TemporaryDirectory() as folder, LoopbackHub(REPOS.values()) as hub:
        harness = _rss() - _own_imports()
        file = Path(folder) / "data" / DATABASE
        file.parent.mkdir()
        began = time.monotonic()
        fill(file, days, large, small)
        filled = time.monotonic() - began
        with world(Path(folder), hub, moved, CAST.registry) as at:
            at.one_pass()
            busy = _rss()
            passes = [_milliseconds(at.one_pass, moved) for _ in range(PASSES)]
            settings = at.watch_pass.watcher.settings
            with build.service(settings, clock=moved.clock, seen=at.store) as service:
                metrics = build.monitoring(service, at.store).metrics
                scrapes = [_milliseconds(metrics.text, moved) for _ in range(PASSES)]
            rows = at.store.counts()
        size = sum(path.stat().st_size for path in file.parent.glob(f"{DATABASE}*")) / 1e6
    return {
        "days": days,
        "uploads": sum(number for name, number in rows.items() if name.startswith("uploads.")),
        "fill s": round(filled, 1),
        "pass ms": round(median(passes), 1),
        "scrape ms": round(median(scrapes), 2),
        "idle MB": round(_rss() - harness),
        "at work MB": round(busy - harness),
        "disk MB": round(size),
    }


def _milliseconds(act: Callable[[], object], moved: Moved) -> float:
    """Return the processor time of one act, an hour after the one before it."""
    moved.sleep(3_700)
    began = time.process_time()
    act()
    return 1000 * (time.process_time() - began)


def _own_imports() -> float:
    """Return the resident memory of a process that has only imported the watch, in MB."""
    code = "import bot.cli.watch, bot.cases.rendering, bot.alerts.sinks; print(open('/proc/self/status').read())"
    return _resident(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


def _resident(status: str) -> float:
    return int(status.split("VmRSS:")[1].split(maxsplit=1)[0]) / 1024


def _rss() -> float:
    """Return the resident memory in MB."""
    return _resident(Path("/proc/self/status").read_text(encoding="ascii"))


def main() -> int:
    """Measure each span in a process of its own, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, nargs="+", default=[1, 30, 365])
    parser.add_argument("--large", type=int, default=300)
    parser.add_argument("--small", type=int, default=6_000)
    parser.add_argument("--one", action="store_true", help="measure one span here, as JSON")
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(args.days[0], args.large, args.small)))
        return 0
    found = []
    for days in args.days:
        words = ["--one", "--days", str(days), "--large", str(args.large), "--small", str(args.small)]
        command = [sys.executable, "-m", "bench.year", *words]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found.append(json.loads(done.stdout.splitlines()[-1]))
        if len(found) == 1:
            print("| " + " | ".join(found[0]) + " |\n|" + " --- |" * len(found[0]))
        print("| " + " | ".join(f"{value:,}" for value in found[-1].values()) + " |", flush=True)
    grown = max(found[-1][what] / found[0][what] for what in ("pass ms", "scrape ms"))
    memory = max(one["idle MB"] / IDLE_MB for one in found), max(one["at work MB"] / BUSY_MB for one in found)
    return 1 if grown > MOST_GROWTH or max(memory) > 1 else 0


if __name__ == "__main__":
    sys.exit(main())
