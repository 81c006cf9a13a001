"""From the outbox to the world: send, then mark. Every alert arrives at least once.

A row is marked sent only after its sink has answered. A process that dies between the two leaves a row whose lease
runs out, and the alert is sent again: on a webhook a reader may see it twice, and knows it by the case id in its
footer; a RowSink looks first whether it is there. Marking first would lose alerts instead, and nobody would know.

DeliveryError      an alert could not be handed over; its text is one sentence and holds no secret
+-- Undeliverable  asking again will not help
+-- TryLater       asking later may help (`.retry_after` seconds, None: unknown)
+-- Unsent         nothing is to be sent there any more, which is no failure
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, runtime_checkable

from analyzers.errors import BlendwatchError
from bot.text.sanitize import visible
from state.store import OutboxRow, Store

LEASE_SECONDS: Final = 150.0  # longer than any sink takes, so that no other process sends the same row meanwhile
PASS_SECONDS: Final = 300.0  # after that, no further row is begun: other work waits for this pass
FIRST_DELAY_SECONDS: Final = 60.0
LONGEST_DELAY_SECONDS: Final = 6 * 3600.0
MOST_ATTEMPTS: Final = 12  # with the delays above, about a day
ERROR_LENGTH: Final = 500

_log = logging.getLogger(__name__)


class DeliveryError(BlendwatchError):
    """An alert could not be handed over; the text holds no secret."""


class Undeliverable(DeliveryError):
    """Asking again will not help; `code` is the other side's own number for why, 0 where it gave none."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class TryLater(DeliveryError):
    """Asking later may help; `retry_after` is in seconds, None where the other side did not say."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unsent(DeliveryError):
    """Nothing is to be sent there, or not any more: the row is settled without a message."""


class Sink(Protocol):
    """A place that alerts go to."""

    async def send(self, report: Mapping[str, Any]) -> str:
        """Hand one report over and return the message's id; raises Undeliverable or TryLater."""
        ...


@runtime_checkable
class RowSink(Protocol):
    """A place that gets the row itself, because it can find out whether it was sent before."""

    async def post(self, row: OutboxRow) -> str:
        """Make sure that one row has arrived, and return the message's id; raises Undeliverable or TryLater."""
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one message; `folded`: because there are too many for a message each."""

    rows: Sequence[OutboxRow]
    message: OutboxRow
    folded: bool = False


class Cap(Protocol):
    """Keeps a flood of alerts from those who read them: what comes on top of it is sent together, or waits."""

    def batch(self, row: OutboxRow, now: datetime) -> Batch | None:
        """Return a claimed row and what goes with it; None: it waits, and the outbox knows until when."""
        ...

    def sent(self, batch: Batch, message_id: str | None, now: datetime) -> None:
        """A folded batch has arrived."""
        ...


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of the rows of one pass: `failed` will be tried again, `dead` will not."""

    sent: int = 0
    failed: int = 0
    dead: int = 0


async def deliver(
    outbox: Store,
    sinks: Mapping[str, Sink | RowSink],
    clock: Callable[[], datetime],
    *,
    limit: int = 50,
    cap: Cap | None = None,
    chance: Callable[[], float] = random.random,
) -> Delivered:
    """Send what is due, in at most `limit` messages; `chance` gives numbers in [0, 1) that spread the retries.

    Rows are claimed one at a time, so that a process that dies delays one alert by one lease and no other at all.
    """
    sent = failed = dead = 0
    begun = clock()
    for _ in range(limit):
        if (clock() - begun).total_seconds() >= PASS_SECONDS:
            break
        claimed = outbox.claim(clock(), LEASE_SECONDS, 1)
        if not claimed:
            break
        batch = cap.batch(claimed[0], clock()) if cap is not None else Batch(claimed, claimed[0])
        if batch is None:
            continue
        try:
            message_id = await _send(batch.message, sinks)
        except DeliveryError as error:
            later, given_up = _not_sent(outbox, batch, error, clock(), chance())
            failed, dead = failed + later, dead + given_up
        else:
            if cap is not None and batch.folded:
                cap.sent(batch, message_id, clock())
            else:
                outbox.mark_sent(batch.message.id, message_id, clock())
            sent += len(batch.rows)
    return Delivered(sent, failed, dead)


def _not_sent(outbox: Store, batch: Batch, error: DeliveryError, now: datetime, spread: float) -> tuple[int, int]:
    """Write down what becomes of rows that did not arrive; how many are tried again, and how many are not."""
    reason, again = visible(str(error), ERROR_LENGTH), 0
    for row in batch.rows:
        if isinstance(error, Unsent):
            _log.info("message %d is not sent: %s", row.id, reason)
            outbox.mark_unsent(row.id, reason)
            continue
        next_at = _next_attempt(row, error, now, spread)
        _log.warning("message %d was not delivered, %s: %s", row.id, "later" if next_at else "given up", reason)
        outbox.mark_failed(row.id, reason, next_at, now)
        again += next_at is not None
    return (0, 0) if isinstance(error, Unsent) else (again, len(batch.rows) - again)


async def _send(row: OutboxRow, sinks: Mapping[str, Sink | RowSink]) -> str:
    """Send one row; whatever goes wrong becomes a DeliveryError, except being cancelled, which keeps the lease."""
    sink = sinks.get(row.destination) or sinks.get(row.destination.partition(":")[0])
    if sink is None:
        known = ", ".join(sorted(sinks)) or "none"
        raise Undeliverable(f"No destination is called {row.destination!r}; configured: {known}.")
    try:
        return await (sink.post(row) if isinstance(sink, RowSink) else sink.send(row.payload))
    except DeliveryError:
        raise
    except Exception as error:
        # the one broad except: a row that trips over our own mistake must not hold back the others. Its type is
        # shown and not its text, which may quote what was sent, secrets included.
        raise TryLater(f"Sending to {row.destination!r} failed with an unexpected {type(error).__name__}.") from error


def _next_attempt(row: OutboxRow, error: DeliveryError, now: datetime, chance: float) -> datetime | None:
    """When to try again, None for never: twice as late each time, and never all rows at one moment.

    An operator's news is never given up: it may be what says that nothing arrives any more.
    """
    if not isinstance(error, TryLater) or row.attempts >= MOST_ATTEMPTS:
        return now + timedelta(seconds=LONGEST_DELAY_SECONDS) if row.payload.get("operator") else None
    longest = min(LONGEST_DELAY_SECONDS, 2 * FIRST_DELAY_SECONDS * 2.0 ** max(row.attempts - 1, 0))
    asked = min(error.retry_after or 0.0, LONGEST_DELAY_SECONDS)
    return now + timedelta(seconds=max(longest * (1 + chance) / 2, asked))
