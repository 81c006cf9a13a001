"""What an operator has to know, by the road that alerts take: once when it begins, and once more when it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from state.records import Condition, OutboxMessage
from state.store import Store


@dataclass(frozen=True, slots=True)
class News:
    """Notifies the operator. `destination`: the sink that operator alerts go to."""

    store: Store
    clock: Callable[[], datetime]
    destination: str

    def set(self, name: str, text: str | None) -> bool:
        """Let a condition begin, or last (a text), or end (None); whether that was a change. Raises StateError."""
        return self.store.condition(name, text, self.clock(), self._message)

    def once(self, key: str, title: str, text: str) -> None:
        """Notify of something that does not last; the same key once for ever."""
        self.store.post([self.message(key, title, text)], self.clock())

    def message(self, key: str, title: str, text: str) -> OutboxMessage:
        """Return the message on something that does not last."""
        return OutboxMessage(f"operator:{key}", self.destination, _payload(title, text, self.clock(), None))

    def _message(self, condition: Condition) -> OutboxMessage:
        moment = condition.began_at.isoformat()
        key = f"operator:{condition.name}:{moment}:{'ended' if condition.ended_at else 'began'}"
        payload = _payload(condition.name, condition.text, condition.began_at, condition.ended_at)
        return OutboxMessage(key, self.destination, payload)


def _payload(title: str, text: str, began_at: datetime, ended_at: datetime | None) -> dict[str, object]:
    return {
        "operator": {
            "title": title,
            "text": text,
            "began_at": began_at.isoformat(timespec="seconds"),
            "ended_at": ended_at.isoformat(timespec="seconds") if ended_at else None,
        }
    }
