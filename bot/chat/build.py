"""Putting the bot together from what was built for the watch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from analyzers.records import Sketch
from bot.alerts.channels import Channels
from bot.alerts.delivery import Cap, Delivered, RowSink, Sink, deliver
from bot.cases.casework import Casework
from bot.cases.followup import Followups
from bot.cases.rendering import as_they_stand
from bot.chat.channel_sink import ChannelSink
from bot.chat.context import Cards, Desk, KnownModel
from bot.chat.messages import Drafts
from bot.chat.notices import Notices
from bot.chat.publisher import Policy, Publisher
from bot.chat.service import Chat
from bot.check.compare import Comparer
from bot.check.on_demand import Checking
from bot.check.report import to_json
from bot.config.settings import Settings
from bot.config.trial import Trial
from bot.hub import Hub
from bot.known.models import KnownModels
from state.cases.messages import CHANNEL, WEBHOOK
from state.cases.publications import Publications
from state.cases.subscriptions import Subscriptions
from state.store import Store

PUBLISHER = "rooms"  # the destination of a finding: from here it goes to reviewers, or to every channel that asked


@dataclass(frozen=True, slots=True)
class Assembled:
    """The bot, and where alerts can go with it."""

    chat: Chat
    sinks: Mapping[str, Sink | RowSink]


def policy_of(settings: Settings) -> Policy:
    """Return who sees a finding first."""
    channel = str(settings.review_channel) if settings.review_channel is not None else ""
    wait, notice = timedelta(hours=settings.review_hours), timedelta(hours=settings.author_notice_hours)
    return Policy(channel, settings.review, settings.reviewers, wait, notice=notice)


@dataclass(frozen=True, slots=True)
class Means:
    """The objects that the bot is built from; the watch uses other `hub`, `checking` and `known`."""

    hub: Hub
    store: Store
    sinks: Mapping[str, Sink | RowSink]
    checking: Checking
    known: KnownModels
    casework: Casework
    cap: Cap
    clock: Callable[[], datetime]

    def check(self, repo: str, progress: Callable[[str], None]) -> dict[str, Any]:
        """Look at one upload; see Desk.check."""
        return to_json(self.checking.repo(repo, progress), self.clock())

    def sketch(self, repo_id: str) -> Sketch | None:
        """Return what was last read of a model; None if nothing was."""
        self.known.sketches.refresh()
        place = self.known.sketches.find(repo_id, None, self.known.spec)
        stored = self.known.sketches.read(place) if place else None
        return stored.sketch if stored else None

    def notices(self, publisher: Publisher, token: str) -> Notices:
        """Return what asks authors on the Hub as the owner of a token."""
        known = self.known.registry.names
        followups = Followups(self.hub, self.store, self.casework, known, self.clock)
        return Notices(publisher, followups, self.hub.discussions(token), self.hub.endpoint)


def assemble(settings: Settings, means: Means) -> Assembled:
    """Build the bot; raises StateError."""
    store, clock = means.store, means.clock
    cases, subscriptions = Publications(store.engine), Subscriptions(store.engine)
    cases.adopt_earlier_cases(PUBLISHER)
    trial = Trial(store, settings.shadow_days)
    policy = replace(policy_of(settings), trial=lambda: trial.until(clock()))
    beside = Channels.of_settings(settings.channels)
    publisher = Publisher(cases, subscriptions, means.casework, policy, clock, WEBHOOK in means.sinks, beside)
    drafts = Drafts(cases, subscriptions, policy, settings.glossary_url)
    models = [KnownModel(m.repo_id, m.role, m.title) for m in means.known.registry.models]
    cards = Cards(store, means.casework.blobs)
    desk = Desk(
        store, cases, subscriptions, publisher, drafts, cards, models, means.check, Comparer(means.sketch), clock
    )
    token = settings.discord_token.get_secret_value().strip() if settings.discord_token else ""
    writes = settings.author_notice_token
    notices = means.notices(publisher, writes.get_secret_value()) if policy.notice and writes else None
    chat = Chat(desk, token, settings.discord_api_base, notices=notices)
    channels = ChannelSink(chat.logged_in, drafts, subscriptions)
    everywhere = {**as_they_stand(means.sinks, store), PUBLISHER: publisher, CHANNEL: channels}

    async def send() -> Delivered:
        return await deliver(store, everywhere, clock, cap=means.cap)

    chat.send = send
    return Assembled(chat, everywhere)
