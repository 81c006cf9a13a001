"""A process that dies at one commit of a write transaction, and what it and its successor leave behind.

A Play is a scenario in steps. `perform` plays it on a fresh data folder. The first process may die right before a
commit, which then is rolled back, or right after it. A new process on the same folder repeats that step later.
"""

from __future__ import annotations

import json
import re
import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, Protocol
from unittest import mock

from sqlalchemy.engine.default import DefaultDialect

from bot.alerts.delivery import LEASE_SECONDS
from state.database.engine import open_engine, transaction
from state.database.tables import log_checkpoints, log_entries, log_nodes, metadata
from state.proof.log import ProofLog

When = Literal["before", "after"]
MOST: Final = 10  # commits of which each one is died at; of more, the first of each call site
LATER: Final = timedelta(seconds=LEASE_SECONDS + 30)  # after a death: every lease has run out, and no retry is due
TIMES: Final = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d\\?:\d\d(?:\\?:\d\d(?:\.\d+)?)?)?(?:\+00\\?:00|Z)?|<t:\d+(?::\w)?>"
)
# Numbers of rows and messages follow from what was doubled; a claim of a row counts as an attempt; work costs again.
LEFT_OUT: Final = {
    *("id", "cost", "looks", "attempts of outbox"),
    *(f"{column} of {kind}" for column in ("digest", "size") for kind in ("identity", "verdict")),
}
JSON: Final = {"report", "payload", "filters"}  # columns
OPENING: Final = "state.store.Store.open"
IDS: Final = re.compile(r"\d{17,20}")
PEOPLE: Final = "100200300400500"  # how the ids of people begin, which are the same in each run
Kept = Mapping[str, Counter[str]]  # rows of each table, messages of each place


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


@dataclass
class Life:
    """A process that dies at one commit: `at` is the road to it, and how often that was taken before.

    None: it lives. `sites`: the road to each commit; `openers`: the functions that opened the transactions.
    """

    at: tuple[str, int] | None = None
    when: When = "before"
    sites: list[str] = field(default_factory=list)
    openers: set[str] = field(default_factory=set)
    dead: bool = False
    paused: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count every commit inside the block."""
        real: Callable[[DefaultDialect, Any], None] = DefaultDialect.do_commit

        def do_commit(dialect: DefaultDialect, connection: Any) -> None:
            self._commit(lambda: real(dialect, connection))

        with mock.patch.object(DefaultDialect, "do_commit", do_commit):
            yield

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Do not count what this thread commits inside the block: it is the world's doing."""
        self.paused = True
        try:
            yield
        finally:
            self.paused = False

    def _commit(self, commit: Callable[[], None]) -> None:
        with self._lock:
            if self.dead:  # the other threads of a dead process
                raise Killed
            if self.paused and threading.current_thread() is threading.main_thread():
                commit()
                return
            opener, site = _site()
            dies = self.at == (site, self.sites.count(site))
            self.openers.add(opener)
            self.sites.append(site)
            if not dies:
                commit()
                return
            if self.when == "after":
                commit()
            self.dead = True
            raise Killed


def _site() -> tuple[str, str]:
    """Return the function that opened the transaction, and the road to it: state's entry and, if seen, its caller."""
    frame, opener, entry = sys._getframe().f_back, "", ""
    while frame is not None:
        module, name = str(frame.f_globals.get("__name__", "")), f"{frame.f_code.co_qualname}"
        if module.startswith("bot."):
            return opener, f"{entry} < {module}.{name}"
        if module.startswith("state.") and name != transaction.__name__:
            entry = f"{module}.{name}"
            opener = opener or entry
        frame = frame.f_back
    return opener, entry


Steps = Iterator[tuple[int, timedelta]]  # numbers of steps, each with how long after its time it is done


class Play(Protocol):
    """A scenario of `steps` steps on one data folder; `database`: where that keeps its rows."""

    steps: ClassVar[int]
    database: Path

    def before(self, step: int) -> None:
        """Change the world as it is before a step. No process of ours does that, and it happens once."""
        ...

    def live(self, steps: Steps, life: Life) -> None:
        """Build everything anew, do the steps, and end, as one process does."""
        ...

    def messages(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Return what stands in each place on Discord, by the name of the place."""
        ...

    def names(self) -> Mapping[str, str]:
        """Return the names of places by their ids, which differ from run to run."""
        ...


Scenario = Callable[[Path], AbstractContextManager[Play]]


def perform(play: Play, life: Life) -> Kept:
    """Play all steps; where the process dies, another one repeats the step and goes on. Return what is left."""
    reached = -1

    def steps(first: int, late: timedelta) -> Steps:
        nonlocal reached
        for step in range(first, play.steps):
            if step > reached:
                with life.aside():
                    play.before(step)
                reached = step
            yield step, late if step == first else timedelta(0)

    with suppress(Killed), life.counted():
        play.live(steps(0, timedelta(0)), life)
    if life.dead:
        play.live(steps(max(reached, 0), LATER), Life())
    return kept(play)


def chosen(sites: Sequence[str]) -> list[tuple[str, int]]:
    """Return the commits to die at: all of few, else the first of each road. Opening has tests of its own."""
    numbered = [(site, sites[:number].count(site)) for number, site in enumerate(sites) if site != OPENING]
    return numbered if len(numbered) <= MOST else [(site, before) for site, before in numbered if not before]


def kept(play: Play) -> Kept:
    """Return what a play has left in its database and on Discord, without the times."""
    found: dict[str, Counter[str]] = {}
    with closing(sqlite3.connect(play.database)) as connection:
        connection.row_factory = sqlite3.Row
        for table in metadata.sorted_tables:
            if table in (log_nodes, log_checkpoints):  # hashes of salted entries; the audit below reads them
                continue
            rows = [dict(row) for row in connection.execute(f"SELECT * FROM {table.name}")]
            found[table.name] = Counter(_line(table.name, row) for row in rows)
        ids = [row[0] for row in connection.execute("SELECT message_id FROM outbox WHERE destination != 'rooms'")]
    places, names = play.messages(), play.names()

    def named(line: str) -> str:
        return IDS.sub(lambda m: names.get(m[0], m[0] if m[0].startswith(PEOPLE) else "an id"), line)

    engine = open_engine(f"sqlite:///{play.database}")
    found["faults of the log of proofs"] = Counter(ProofLog(engine).audit())
    engine.dispose()
    there = {str(m["id"]) for messages in places.values() for m in messages}
    found["messages that are marked and not there"] = Counter(str(i) for i in ids if i and i not in there)
    found |= {f"#{name}": Counter(_shown(m) for m in messages) for name, messages in places.items()}
    return {name: Counter(named(line) for line in lines.elements()) for name, lines in found.items()}


def _line(table: str, row: Mapping[str, Any]) -> str:
    if table == log_entries.name:  # its text is salted, and holds times
        return json.dumps({"kind": row["kind"], "upload_id": row["upload_id"]})
    kind = f" of {row.get('kind')}" if table == "evidence" else f" of {table}"
    plain = {n: _plain(json.loads(v) if v and n in JSON else v) for n, v in row.items() if not {n, n + kind} & LEFT_OUT}
    if plain.get("message_id"):
        plain["message_id"] = "some"
    return json.dumps(plain, sort_keys=True)


def _shown(message: Mapping[str, Any]) -> str:
    """Return what a reader sees of a message."""
    buttons = [b.get("label") for row in message.get("components") or [] for b in row["components"]]
    seen = {"content": message.get("content") or "", "embeds": message.get("embeds") or [], "buttons": buttons}
    return json.dumps(_plain(seen), sort_keys=True)


def _plain(value: object) -> object:
    if isinstance(value, str):
        return TIMES.sub("a time", value)
    if isinstance(value, dict) and value.get("name") == "Cost":
        return "a cost"
    if isinstance(value, dict):
        return {_plain(k): _plain(v) for k, v in value.items() if k not in LEFT_OUT}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value


def differences(found: Kept, expected: Kept, may_double: str = "") -> list[str]:
    """Say what differs. `may_double`: the place where one message may stand twice, by the promise of the README."""
    said = []
    for name in sorted({*found, *expected}):
        got, meant = found.get(name, Counter()), expected.get(name, Counter())
        said += [f"{name}: {n} lost: {text}" for text, n in (meant - got).items()]
        more = got - meant
        if name == may_double and more.total() == 1 and _footer(next(iter(more))) in map(_footer, meant):
            continue
        said += [f"{name}: {n} too many: {text}" for text, n in more.items()]
    return said


def _footer(shown: str) -> str:
    """Return the footer of a message, which names its case: a copy that was not edited later has the same."""
    return str(json.loads(shown)["embeds"][0].get("footer"))
