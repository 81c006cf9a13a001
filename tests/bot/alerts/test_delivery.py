"""Every alert arrives at least once, no alert holds back another, and nothing is tried for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from bot.alerts.delivery import (
    FIRST_DELAY_SECONDS,
    LEASE_SECONDS,
    LONGEST_DELAY_SECONDS,
    MOST_ATTEMPTS,
    PASS_SECONDS,
    Delivered,
    TryLater,
    Undeliverable,
    deliver,
)
from bot.alerts.sinks import PATIENCE_SECONDS, WebhookSink
from demo.discord.server import LoopbackDiscord
from state.database.engine import transaction
from state.database.tables import outbox
from state.store import OutboxMessage, OutboxRow, Store
from tests.bot.alerts.test_embeds import report
from tests.state.events import event

START = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that goes when it is told to."""

    now: datetime = START

    def __call__(self) -> datetime:
        """The time it was told."""
        return self.now

    def go(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


@dataclass
class Rows:
    """Messages about one upload in a real outbox."""

    store: Store
    upload_id: int

    def add(self, destination: str = "console", **changes: Any) -> int:
        """Post one message; the number of its row among these."""
        message = OutboxMessage(f"m{len(self.all)}", destination, report(**changes), self.upload_id)
        self.store.post([message], START)
        return len(self.all) - 1

    @property
    def all(self) -> list[OutboxRow]:
        """All of them as they are stored now."""
        return self.store.messages_of(self.upload_id)

    def __getitem__(self, number: int) -> OutboxRow:
        return self.all[number]


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[Rows]:
    """An upload without messages."""
    with Store.open(f"sqlite:///{tmp_path / 'state.db'}") as store:
        store.record("feed", [event("org/m")], None, START)
        yield Rows(store, store.history("org/m")[0].id)


@dataclass
class Listener:
    """A sink that keeps what it gets, and raises what it is given to raise for a case."""

    troubles: dict[str, BaseException] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)

    async def send(self, given_report: Mapping[str, Any]) -> str:
        """Keep the case's id."""
        case = str(given_report["case"])
        if case in self.troubles:
            raise self.troubles[case]
        self.heard.append(case)
        return f"m{len(self.heard)}"


def run(rows: Rows, sink: Listener, clock: Clock, limit: int = 50, chance: float = 0.0) -> Delivered:
    """One pass with one sink, called console."""
    return asyncio.run(deliver(rows.store, {"console": sink}, clock, limit=limit, chance=lambda: chance))


def test_what_was_sent_is_not_sent_again(rows: Rows) -> None:
    """Two passes over one message send it once, and its message id is kept."""
    sink, clock = Listener(), Clock()
    rows.add()
    assert run(rows, sink, clock) == Delivered(sent=1)
    clock.go(7 * 24 * 3600)
    assert run(rows, sink, clock) == Delivered()
    assert (rows[0].state, rows[0].message_id, sink.heard) == ("sent", "m1", ["1a2b3c"])


def test_one_bad_row_holds_back_no_other(rows: Rows) -> None:
    """Refusals, outages, our own mistakes and unknown destinations each end their own row only."""
    clock = Clock()
    sink = Listener({"bad": Undeliverable("No."), "down": TryLater("Later."), "bug": ZeroDivisionError("a secret")})
    for case in sink.troubles:
        rows.add(case=case)
    lost = rows.add("pigeon")
    rows.add(case="good")
    assert run(rows, sink, clock) == Delivered(sent=1, failed=2, dead=2)
    assert [row.state for row in rows.all] == ["dead", "pending", "pending", "dead", "sent"]
    assert rows[lost].last_error == "No destination is called 'pigeon'; configured: console."
    assert rows[2].last_error == "Sending to 'console' failed with an unexpected ZeroDivisionError."


def test_waits_grow_to_six_hours_and_end_after_twelve_attempts(rows: Rows) -> None:
    """Each wait is about twice the last, from a minute to six hours, and the twelfth failure is the last."""
    clock, sink = Clock(), Listener({"1a2b3c": TryLater("Discord is away.")})
    rows.add()
    waits = []
    for _ in range(MOST_ATTEMPTS - 1):
        assert run(rows, sink, clock) == Delivered(failed=1)
        waits.append((rows[0].next_at - clock.now).total_seconds())
        assert run(rows, sink, clock) == Delivered(), "a row that waits was tried"
        clock.now = rows[0].next_at
    assert run(rows, sink, clock) == Delivered(dead=1)
    assert waits[:3] == [FIRST_DELAY_SECONDS, 2 * FIRST_DELAY_SECONDS, 4 * FIRST_DELAY_SECONDS]
    assert waits[-1] == LONGEST_DELAY_SECONDS / 2
    assert sum(waits) > 12 * 3600, "an outage of half a day must be survived"
    assert (rows[0].state, rows[0].last_error) == ("dead", "Discord is away.")


def test_waits_are_spread(rows: Rows) -> None:
    """Rows that failed together do not come back together, and never wait longer than six hours."""
    clock, sink = Clock(), Listener({"1a2b3c": TryLater("Later.")})
    first, old = rows.add(), rows.add()
    with transaction(rows.store.engine) as connection:
        connection.execute(update(outbox).where(outbox.c.id == rows[old].id).values(attempts=10))
    run(rows, sink, clock, chance=0.999)
    assert FIRST_DELAY_SECONDS * 1.9 < (rows[first].next_at - START).total_seconds() < FIRST_DELAY_SECONDS * 2
    assert LONGEST_DELAY_SECONDS * 0.99 < (rows[old].next_at - START).total_seconds() <= LONGEST_DELAY_SECONDS


def test_a_time_that_the_other_side_names_is_kept(rows: Rows) -> None:
    """Asked to wait longer than our own first wait, we do, up to six hours."""
    clock = Clock()
    sink = Listener({"an-hour": TryLater("Later.", 3600.0), "a-year": TryLater("Later.", 3e7)})
    rows.add(case="an-hour")
    rows.add(case="a-year")
    run(rows, sink, clock)
    assert [(row.next_at - START).total_seconds() for row in rows.all] == [3600.0, LONGEST_DELAY_SECONDS]


def test_a_send_that_is_cancelled_is_made_up_for_after_the_lease(rows: Rows) -> None:
    """A process stopped in the middle of sending marks nothing; the row is sent once its lease has run out."""
    clock = Clock()
    rows.add()
    with pytest.raises(asyncio.CancelledError):
        run(rows, Listener({"1a2b3c": asyncio.CancelledError()}), clock)
    assert (rows[0].state, rows[0].last_error) == ("sending", None)
    assert LEASE_SECONDS > 2 * PATIENCE_SECONDS, "a lease must outlive any send"
    assert run(rows, Listener(), clock) == Delivered(), "the lease was not respected"
    clock.go(LEASE_SECONDS)
    assert run(rows, Listener(), clock) == Delivered(sent=1)


def test_a_pass_ends_in_time(rows: Rows) -> None:
    """A pass begins no further row after its time is up, and takes no more rows than it may."""
    clock = Clock()
    for _ in range(9):
        rows.add()

    class Slow(Listener):
        async def send(self, given_report: Mapping[str, Any]) -> str:
            clock.go(PASS_SECONDS / 3)
            return await super().send(given_report)

    assert run(rows, Slow(), clock) == Delivered(sent=3)
    assert run(rows, Listener(), clock, limit=4) == Delivered(sent=4)


class Killed(BaseException):
    """Stands for the end of a process."""


def die(*_: object) -> None:
    """End the process in place of a method."""
    raise Killed


def test_a_kill_between_send_and_mark_sends_twice_and_never_not_at_all(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least once, over real sockets: after the lease the alert comes again, with the same case in its footer."""
    rows.add("discord")
    clock = Clock()
    with LoopbackDiscord() as server:
        sinks = {"discord": WebhookSink(server.webhook_url, server.api_base)}
        with monkeypatch.context() as dying:
            dying.setattr(Store, "mark_sent", die)
            with pytest.raises(Killed):
                asyncio.run(deliver(rows.store, sinks, clock))
        assert asyncio.run(deliver(rows.store, sinks, clock)) == Delivered()
        clock.go(LEASE_SECONDS)
        assert asyncio.run(deliver(rows.store, sinks, clock)) == Delivered(sent=1)
        footers = [message["embeds"][0]["footer"]["text"] for message in server.messages]
    assert [footer.partition(" · ")[0] for footer in footers] == ["case 1a2b3c"] * 2
    assert rows[0].message_id == server.messages[1]["id"]


def test_a_connection_cut_after_arrival_sends_twice(rows: Rows) -> None:
    """Where Discord took the message and its answer was lost, the alert is sent again rather than forgotten."""
    clock = Clock()
    rows.add("discord")
    with LoopbackDiscord() as server:
        server.faults.drops = 1
        sinks = {"discord": WebhookSink(server.webhook_url, server.api_base)}
        assert asyncio.run(deliver(rows.store, sinks, clock)) == Delivered(failed=1)
        clock.now = rows[0].next_at
        assert asyncio.run(deliver(rows.store, sinks, clock)) == Delivered(sent=1)
        assert len(server.messages) == 2


def test_a_deleted_webhook_ends_in_a_dead_row(rows: Rows) -> None:
    """What Discord will never take is dead at once, and the row says why."""
    clock = Clock()
    rows.add("discord")
    with LoopbackDiscord() as server:
        server.faults.unknown_webhook = True
        sinks = {"discord": WebhookSink(server.webhook_url, server.api_base)}
        assert asyncio.run(deliver(rows.store, sinks, clock)) == Delivered(dead=1)
    assert (rows[0].state, server.requests) == ("dead", 1)
    assert "the webhook was deleted" in str(rows[0].last_error)
