"""Every alert arrives at least once, no alert holds back another, and nothing is tried for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.alerts.delivery import (
    FIRST_DELAY_SECONDS,
    LEASE_SECONDS,
    LONGEST_DELAY_SECONDS,
    MOST_ATTEMPTS,
    PASS_SECONDS,
    Delivered,
    Outbox,
    TryLater,
    Undeliverable,
    deliver,
)
from bot.alerts.sinks import PATIENCE_SECONDS, WebhookSink
from demo.discord.server import LoopbackDiscord
from tests.bot.alerts.test_embeds import report

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
class Row:
    """A message in memory, with all that an outbox knows of it."""

    id: int
    destination: str
    payload: Mapping[str, Any]
    attempts: int = 0
    dedupe_key: str = ""
    state: str = "pending"
    due: datetime = START
    leased_until: datetime | None = None
    message_id: str | None = None
    error: str = ""
    created_at: datetime = START


@dataclass
class MemoryOutbox:
    """An outbox that keeps its word on leases, in memory."""

    rows: list[Row] = field(default_factory=list)

    def add(self, destination: str = "console", **changes: Any) -> Row:
        """Post one message."""
        self.rows.append(Row(len(self.rows) + 1, destination, report(**changes)))
        return self.rows[-1]

    def claim(self, now: datetime, lease_seconds: float, limit: int) -> list[Row]:
        """The oldest rows that are due and not leased."""
        open_rows = [row for row in self.rows if row.state == "pending" and row.due <= now]
        free = [row for row in open_rows if row.leased_until is None or row.leased_until <= now][:limit]
        for row in free:
            row.leased_until = now + timedelta(seconds=lease_seconds)
            row.attempts += 1
        return free

    def mark_sent(self, row_id: int, message_id: str | None, now: datetime) -> None:
        """The row has arrived."""
        row = self.rows[row_id - 1]
        row.state, row.message_id, row.leased_until = "sent", message_id, None

    def mark_failed(self, row_id: int, error: str, next_at: datetime | None, now: datetime) -> None:
        """The row waits until `next_at`, or for ever."""
        row = self.rows[row_id - 1]
        row.state, row.due = ("pending", next_at) if next_at else ("dead", row.due)
        row.error, row.leased_until = error, None

    def mark_untold(self, row_id: int, why: str) -> None:
        """The row is settled, and has arrived nowhere."""
        row = self.rows[row_id - 1]
        row.state, row.error, row.leased_until = "sent", why, None


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


def run(outbox: Outbox, sink: Listener, clock: Clock, limit: int = 50, chance: float = 0.0) -> Delivered:
    """One pass with one sink, called console."""
    return asyncio.run(deliver(outbox, {"console": sink}, clock, limit=limit, chance=lambda: chance))


def test_what_was_sent_is_not_sent_again() -> None:
    """Two passes over one message send it once, and its message id is kept."""
    outbox, sink, clock = MemoryOutbox(), Listener(), Clock()
    row = outbox.add()
    assert run(outbox, sink, clock) == Delivered(sent=1)
    clock.go(7 * 24 * 3600)
    assert run(outbox, sink, clock) == Delivered()
    assert (row.state, row.message_id, sink.heard) == ("sent", "m1", ["1a2b3c"])


def test_one_bad_row_holds_back_no_other() -> None:
    """Refusals, outages, our own mistakes and unknown destinations each end their own row only."""
    outbox, clock = MemoryOutbox(), Clock()
    sink = Listener({"bad": Undeliverable("No."), "down": TryLater("Later."), "bug": ZeroDivisionError("a secret")})
    bad, down, bug = (outbox.add(case=case) for case in sink.troubles)
    lost = outbox.add("pigeon")
    good = outbox.add(case="good")
    assert run(outbox, sink, clock) == Delivered(sent=1, failed=2, dead=2)
    assert [row.state for row in (bad, down, bug, lost, good)] == ["dead", "pending", "pending", "dead", "sent"]
    assert lost.error == "No destination is called 'pigeon'; configured: console."
    assert bug.error == "Sending to 'console' failed with an unexpected ZeroDivisionError."


def test_waits_grow_to_six_hours_and_end_after_twelve_attempts() -> None:
    """Each wait is about twice the last, from a minute to six hours, and the twelfth failure is the last."""
    outbox, clock, sink = MemoryOutbox(), Clock(), Listener({"1a2b3c": TryLater("Discord is away.")})
    row, waits = outbox.add(), []
    for _ in range(MOST_ATTEMPTS - 1):
        assert run(outbox, sink, clock) == Delivered(failed=1)
        waits.append((row.due - clock.now).total_seconds())
        assert run(outbox, sink, clock) == Delivered(), "a row that waits was tried"
        clock.now = row.due
    assert run(outbox, sink, clock) == Delivered(dead=1)
    assert waits[:3] == [FIRST_DELAY_SECONDS, 2 * FIRST_DELAY_SECONDS, 4 * FIRST_DELAY_SECONDS]
    assert waits[-1] == LONGEST_DELAY_SECONDS / 2
    assert sum(waits) > 12 * 3600, "an outage of half a day must be survived"
    assert (row.state, row.error) == ("dead", "Discord is away.")


def test_waits_are_spread() -> None:
    """Rows that failed together do not come back together, and never wait longer than six hours."""
    outbox, clock, sink = MemoryOutbox(), Clock(), Listener({"1a2b3c": TryLater("Later.")})
    first, old = outbox.add(), outbox.add()
    old.attempts = 10
    run(outbox, sink, clock, chance=0.999)
    assert FIRST_DELAY_SECONDS * 1.9 < (first.due - START).total_seconds() < FIRST_DELAY_SECONDS * 2
    assert LONGEST_DELAY_SECONDS * 0.99 < (old.due - START).total_seconds() <= LONGEST_DELAY_SECONDS


def test_a_time_that_the_other_side_names_is_kept() -> None:
    """Asked to wait longer than our own first wait, we do, up to six hours."""
    outbox, clock = MemoryOutbox(), Clock()
    sink = Listener({"an-hour": TryLater("Later.", 3600.0), "a-year": TryLater("Later.", 3e7)})
    rows = [outbox.add(case="an-hour"), outbox.add(case="a-year")]
    run(outbox, sink, clock)
    assert [(row.due - START).total_seconds() for row in rows] == [3600.0, LONGEST_DELAY_SECONDS]


def test_a_send_that_is_cancelled_is_made_up_for_after_the_lease() -> None:
    """A process stopped in the middle of sending marks nothing; the row is sent once its lease has run out."""
    outbox, clock = MemoryOutbox(), Clock()
    row = outbox.add()
    with pytest.raises(asyncio.CancelledError):
        run(outbox, Listener({"1a2b3c": asyncio.CancelledError()}), clock)
    assert (row.state, row.error) == ("pending", "")
    assert LEASE_SECONDS > 2 * PATIENCE_SECONDS, "a lease must outlive any send"
    assert run(outbox, Listener(), clock) == Delivered(), "the lease was not respected"
    clock.go(LEASE_SECONDS)
    assert run(outbox, Listener(), clock) == Delivered(sent=1)


def test_a_pass_ends_in_time() -> None:
    """A pass begins no further row after its time is up, and takes no more rows than it may."""
    clock = Clock()
    outbox = MemoryOutbox([Row(i, "console", report()) for i in range(1, 10)])

    class Slow(Listener):
        async def send(self, given_report: Mapping[str, Any]) -> str:
            clock.go(PASS_SECONDS / 3)
            return await super().send(given_report)

    assert run(outbox, Slow(), clock) == Delivered(sent=3)
    assert run(outbox, Listener(), clock, limit=4) == Delivered(sent=4)


class Killed(BaseException):
    """Stands for the end of a process."""


class DyingOutbox(MemoryOutbox):
    """An outbox whose process dies just before it can mark a row sent."""

    def mark_sent(self, row_id: int, message_id: str | None, now: datetime) -> None:
        """Die."""
        raise Killed


def test_a_kill_between_send_and_mark_sends_twice_and_never_not_at_all() -> None:
    """At least once, over real sockets: after the lease the alert comes again, with the same case in its footer."""
    dying, clock = DyingOutbox([Row(1, "discord", report())]), Clock()
    with LoopbackDiscord() as server:
        sinks = {"discord": WebhookSink(server.webhook_url, server.api_base)}
        with pytest.raises(Killed):
            asyncio.run(deliver(dying, sinks, clock))
        revived = MemoryOutbox(dying.rows)
        assert asyncio.run(deliver(revived, sinks, clock)) == Delivered()
        clock.go(LEASE_SECONDS)
        assert asyncio.run(deliver(revived, sinks, clock)) == Delivered(sent=1)
        footers = [message["embeds"][0]["footer"]["text"] for message in server.messages]
    assert [footer.partition(" · ")[0] for footer in footers] == ["case 1a2b3c"] * 2
    assert revived.rows[0].message_id == server.messages[1]["id"]


def test_a_connection_cut_after_arrival_sends_twice() -> None:
    """Where Discord took the message and its answer was lost, the alert is sent again rather than forgotten."""
    outbox, clock = MemoryOutbox(), Clock()
    row = outbox.add("discord")
    with LoopbackDiscord() as server:
        server.faults.drops = 1
        sinks = {"discord": WebhookSink(server.webhook_url, server.api_base)}
        assert asyncio.run(deliver(outbox, sinks, clock)) == Delivered(failed=1)
        clock.now = row.due
        assert asyncio.run(deliver(outbox, sinks, clock)) == Delivered(sent=1)
        assert len(server.messages) == 2


def test_a_deleted_webhook_ends_in_a_dead_row() -> None:
    """What Discord will never take is dead at once, and the row says why."""
    outbox, clock = MemoryOutbox(), Clock()
    row = outbox.add("discord")
    with LoopbackDiscord() as server:
        server.faults.unknown_webhook = True
        sinks = {"discord": WebhookSink(server.webhook_url, server.api_base)}
        assert asyncio.run(deliver(outbox, sinks, clock)) == Delivered(dead=1)
    assert (row.state, server.requests) == ("dead", 1)
    assert "the webhook was deleted" in row.error
