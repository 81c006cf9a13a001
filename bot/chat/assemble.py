"""Putting the bot together from what was built for the watch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from analyzers.records import Sketch
from bot.chat.desk import Desk, KnownModel
from bot.chat.drafts import Drafts
from bot.chat.publisher import WEBHOOK, Policy, Publisher
from bot.chat.rooms import RoomSink
from bot.chat.service import Chat
from bot.checking import Checking
from bot.compare import Comparer
from bot.deliver import Delivered, Room, Sink, deliver
from bot.known import KnownModels
from bot.report import to_json
from bot.settings import Settings
from state.case_outbox import ROOM
from state.cases import Cases
from state.store import Store
from state.subscriptions import Subscriptions

ROOMS = "rooms"  # the destination of a finding: from here it goes to reviewers, or to every channel that asked


@dataclass(frozen=True, slots=True)
class Assembled:
    """The bot, and where alerts can go with it."""

    chat: Chat
    sinks: Mapping[str, Sink | Room]


def policy_of(settings: Settings) -> Policy:
    """Who sees a finding first."""
    channel = str(settings.review_channel) if settings.review_channel is not None else ""
    return Policy(channel, settings.review, settings.reviewers, timedelta(hours=settings.review_hours))


def assemble(
    settings: Settings,
    store: Store,
    sinks: Mapping[str, Sink | Room],
    checking: Checking,
    known: KnownModels,
    clock: Callable[[], datetime],
) -> Assembled:
    """Build the bot over `store`; `checking` and `known` are its own, because the watch uses others meanwhile."""
    cases, subscriptions = Cases(store.engine), Subscriptions(store.engine)
    policy = policy_of(settings)
    publisher = Publisher(cases, subscriptions, policy, clock, WEBHOOK in sinks)
    drafts = Drafts(cases, subscriptions, policy)
    models = [KnownModel(m.repo_id, m.role, m.title) for m in known.registry.models]

    def check(repo: str, progress: Callable[[str], None]) -> dict[str, Any]:
        return to_json(checking.repo(repo, progress), clock())

    def find(repo_id: str) -> Sketch | None:
        known.sketches.refresh()
        place = known.sketches.find(repo_id, None, known.spec)
        stored = known.sketches.read(place) if place else None
        return stored.sketch if stored else None

    desk = Desk(store, cases, subscriptions, publisher, drafts, models, check, Comparer(find), clock)
    token = settings.discord_token.get_secret_value().strip() if settings.discord_token else ""
    chat = Chat(desk, token, settings.discord_api_base)
    everywhere = {**sinks, ROOMS: publisher, ROOM: RoomSink(chat.logged_in, drafts, subscriptions)}

    async def send() -> Delivered:
        return await deliver(store, everywhere, clock)

    chat.send = send
    return Assembled(chat, everywhere)
