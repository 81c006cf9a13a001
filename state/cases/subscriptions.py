"""Subscriptions of channels to alerts, mutes of organisations, and small facts that outlive the process."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from state.case_records import Mute, Subscription
from state.database.engine import reading, transaction
from state.database.rows import cap, plain_json
from state.database.tables import marks, mutes, subscriptions


class Subscriptions:
    """The subscriptions in one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, wish: Subscription, now: datetime) -> None:
        """Store a channel's subscription, in place of any earlier one."""
        row = {name: getattr(wish, name) for name in Subscription.__slots__}
        row |= {"filters": plain_json(wish.filters, "the filters"), "created_at": now}
        self._upsert(subscriptions, row, ["channel_id"])

    def drop(self, channel_id: str) -> bool:
        """End a channel's subscription; returns False if there was none."""
        with transaction(self._engine) as connection:
            gone = connection.execute(delete(subscriptions).where(subscriptions.c.channel_id == channel_id))
            return bool(gone.rowcount)

    def of_guild(self, guild_id: str) -> list[Subscription]:
        """Return the subscriptions of one server, the oldest first."""
        query = select(subscriptions).where(subscriptions.c.guild_id == guild_id)
        return self._found(query.order_by(subscriptions.c.id))

    def of_channel(self, channel_id: str) -> Subscription | None:
        """Return the subscription of one channel or thread, or None."""
        return next(iter(self._found(select(subscriptions).where(subscriptions.c.channel_id == channel_id))), None)

    def all(self) -> list[Subscription]:
        """Return every subscription, the oldest first."""
        return self._found(select(subscriptions).order_by(subscriptions.c.id))

    def mute(self, mute: Mute, now: datetime) -> None:
        """Mute an organisation in one server, in place of any earlier mute."""
        row = {name: getattr(mute, name) for name in Mute.__slots__}
        row |= {"organisation": mute.organisation.lower(), "reason": cap(mute.reason), "created_at": now}
        self._upsert(mutes, row, ["guild_id", "organisation"])

    def muted(self, organisation: str, now: datetime) -> set[str]:
        """Return the servers that mute this organisation now."""
        query = select(mutes.c.guild_id).where(mutes.c.organisation == organisation.lower(), mutes.c.until > now)
        with reading(self._engine) as connection:
            return set(connection.scalars(query))

    def value(self, name: str) -> str | None:
        """Return the last value stored under this name, or None."""
        with reading(self._engine) as connection:
            return connection.scalar(select(marks.c.value).where(marks.c.name == name))

    def set_value(self, name: str, value: str, now: datetime) -> None:
        """Store a value under a name."""
        self._upsert(marks, {"name": name, "value": value, "changed_at": now}, ["name"])

    def _found(self, query: Any) -> list[Subscription]:
        with reading(self._engine) as connection:
            return [_subscription(row) for row in connection.execute(query)]

    def _upsert(self, table: Any, row: dict[str, object], key: list[str]) -> None:
        with transaction(self._engine) as connection:
            insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            statement = insert(table).values(row)
            changed = {name: statement.excluded[name] for name in row if name not in key}
            connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed))


def _subscription(row: Row[Any]) -> Subscription:
    return Subscription(**{name: row._mapping[name] for name in Subscription.__slots__})
