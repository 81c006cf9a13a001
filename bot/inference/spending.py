"""Enforce the budget: no call is made that could exceed a limit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

from analyzers.errors import BlendwatchError
from analyzers.identity.evidence import Spent
from bot.config.inference import Budget
from state.daily_spending import Spending


class BudgetExceeded(BlendwatchError):
    """A call would exceed a limit of the budget; the text names it."""


class SpendingLimit:
    """Limits the cost of asking one model. Safe in threads. `clock`: UTC time, for the day's limits."""

    def __init__(self, budget: Budget, price: float, day_book: Spending, clock: Callable[[], datetime]) -> None:
        self._budget = budget
        self._price = price / 1e6  # dollars for a token
        self._book = day_book
        self._clock = clock
        self._lock = threading.Lock()
        self._spent = Spent()

    @property
    def spent(self) -> Spent:
        """Return the spending so far, less refunds."""
        return self._spent

    def take(self, tokens: int) -> Spent:
        """Reserve one call of at most `tokens`; raises BudgetExceeded and StateError."""
        amount = Spent(1, tokens, tokens * self._price)
        budget = self._budget
        with self._lock:
            after = _sum(self._spent, amount)
            model = Spent(budget.calls_per_model, budget.tokens_per_model, budget.dollars_per_model)
            for name in ("calls", "tokens", "dollars"):
                if getattr(after, name) > getattr(model, name):
                    raise BudgetExceeded(f"the budget of {getattr(model, name):g} {name} for one model is used up")
            day = {"calls": budget.calls_per_day, "tokens": budget.tokens_per_day, "dollars": budget.dollars_per_day}
            full = self._book.reserve(self._clock().date(), _amounts(amount), day)
            if full:
                raise BudgetExceeded(f"the budget of {day[full]:g} {full} for one day is used up")
            self._spent = after
        return amount

    def settle(self, reserved: Spent, tokens: int | None) -> None:
        """Book the real tokens of a call, more or fewer than reserved; None counts as the reserved ones."""
        over = tokens - reserved.tokens if tokens is not None else 0
        if over:
            with self._lock:
                self._spent = _sum(self._spent, Spent(0, over, over * self._price))
                self._book.refund(self._clock().date(), {"tokens": -over, "dollars": -over * self._price})


def _sum(a: Spent, b: Spent) -> Spent:
    return Spent(a.calls + b.calls, a.tokens + b.tokens, a.dollars + b.dollars)


def _amounts(spent: Spent) -> dict[str, float]:
    return {"calls": spent.calls, "tokens": spent.tokens, "dollars": spent.dollars}
