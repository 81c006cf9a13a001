"""Build the destinations of alerts and of news for the operator.

What needs discord.py is imported where it is built, so that the other commands start quickly and work without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from bot.alerts.channels import Channels, destination_of
from bot.alerts.console import ConsoleSink
from bot.alerts.delivery import Cap, DeliveryError, RowSink, Sink
from bot.alerts.operator import News
from bot.alerts.rate_cap import HourlyCap
from bot.builders.service import blobs, service, utc_now
from bot.cases.casework import Casework
from bot.check.on_demand import Checking
from bot.config.channels import ChannelError
from bot.config.settings import Settings, SettingsError
from state.store import Store

FOLDING: Final = frozenset({"console", "discord"})  # the sinks that can show a digest


def sinks(settings: Settings) -> Mapping[str, Sink]:
    """Return where alerts can go: the console always, Discord where a webhook is set, and the other channels."""
    found: dict[str, Sink] = {"console": ConsoleSink()}
    if settings.discord_webhook is not None:
        from bot.alerts.sinks import WebhookSink  # noqa: PLC0415 - discord.py

        url, base = settings.discord_webhook.get_secret_value(), settings.discord_api_base
        try:
            found["discord"] = WebhookSink(url, base, glossary=settings.glossary_url)
        except (ValueError, DeliveryError) as error:
            raise SettingsError(f"BLENDWATCH_DISCORD_WEBHOOK: {error}") from None
    return found | channel_sinks(settings)


def channel_sinks(settings: Settings) -> dict[str, Sink]:
    """Return the sinks of the other channels. Raises SettingsError."""
    if not settings.channels:
        return {}
    from bot.alerts.apprise_sink import AppriseSink  # noqa: PLC0415 - an extra

    if len({one.name for one in settings.channels}) < len(settings.channels):
        raise SettingsError("BLENDWATCH_CHANNELS: two channels have the same name")
    try:
        return {destination_of(one.name): AppriseSink(one) for one in settings.channels}
    except ChannelError as error:
        raise SettingsError(f"BLENDWATCH_CHANNELS: {error}") from None


def destination(settings: Settings) -> str:
    """Return the destination of alerts: Discord where a bot or else a webhook is set, else the console."""
    if settings.discord_token is not None:
        from bot.chat.build import PUBLISHER  # noqa: PLC0415 - discord.py

        return PUBLISHER
    return "discord" if settings.discord_webhook is not None else "console"


def operators(settings: Settings) -> str:
    """Return the destination of news for the operator: a channel for them, else a webhook, reviewers, the console."""
    for channel in settings.channels:
        if channel.operator:
            return destination_of(channel.name)
    if settings.discord_webhook is not None:
        return "discord"
    if settings.discord_token is None:
        return "console"
    from bot.chat.build import policy_of  # noqa: PLC0415 - discord.py

    policy = policy_of(settings)
    return policy.destination if policy.channel else "console"


def news(settings: Settings, opened: Store, clock: Callable[[], datetime] = utc_now) -> News:
    """Return the sender of news for the operator."""
    return News(opened, clock, operators(settings))


def casework(settings: Settings, opened: Store, clock: Callable[[], datetime] = utc_now) -> Casework:
    """Return the casework: notes, replays and retractions."""
    return Casework(opened, blobs(settings), clock)


def cap(settings: Settings, opened: Store) -> Cap:
    """Return what keeps a flood of alerts from those who read them."""
    folding = FOLDING | Channels.of_settings(settings.channels).wishes.keys()
    return HourlyCap(opened.alert_digests, settings.alerts_per_hour, folding)


@dataclass(frozen=True, slots=True)
class Destinations:
    """Sinks of alerts, and the context that must run beside the watch for them."""

    sinks: Mapping[str, Sink | RowSink]
    running: Callable[[], AbstractAsyncContextManager[None]]


@contextmanager
def destinations(settings: Settings, opened: Store, where: Mapping[str, Sink]) -> Iterator[Destinations]:
    """Build the Discord bot where its token is set; raises RegistryError, StateError and SettingsError."""
    if settings.author_notice_hours:
        _refuse_half_notice(settings)
    if settings.discord_token is None:
        if settings.review_channel is not None:
            raise SettingsError("BLENDWATCH_REVIEW_CHANNEL needs a bot: BLENDWATCH_DISCORD_TOKEN is not set")
        yield Destinations(where, nullcontext)
        return
    from bot.chat.build import Means, assemble  # noqa: PLC0415 - discord.py

    with service(settings, seen=opened) as own:  # its members' checks and the watch's do not share what is in memory
        checking, keeper = Checking(own.hub, own.checker), casework(settings, opened)
        means = Means(own.hub, opened, where, checking, own.checker.known, keeper, cap(settings, opened), utc_now)
        found = assemble(settings, means)
        found.chat.notify = partial(news(settings, opened).set, "Discord's token refused")
        yield Destinations(found.sinks, found.chat.running)


def _refuse_half_notice(settings: Settings) -> None:
    """Raise SettingsError where authors are to be asked, and what that needs is not set."""
    needed = ("discord_token", "review_channel", "author_notice_token")
    missing = [settings.names().variables[name] for name in needed if getattr(settings, name) is None]
    if missing:
        needs = "a bot, reviewers and a token that may write"
        raise SettingsError(f"BLENDWATCH_AUTHOR_NOTICE_HOURS needs {needs}; not set: {', '.join(missing)}")
