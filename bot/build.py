"""The one place that builds things: settings in, a service out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.chat.assemble import ROOMS, assemble
from bot.checking import Checking
from bot.deliver import Delivered, DeliveryError, Room, Sink, deliver
from bot.discord import ConsoleSink, WebhookSink
from bot.hub import Hub
from bot.known import KnownModels
from bot.pipeline import Checker
from bot.settings import Settings, SettingsError
from bot.watch import Watcher
from state.absences import Absences
from state.registry import load
from state.sketches import SketchStore
from state.store import Store


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Service:
    """Everything a command needs."""

    settings: Settings
    hub: Hub
    checker: Checker


@contextmanager
def service(settings: Settings) -> Iterator[Service]:
    """Build what checks uploads; raises RegistryError, StateError and SettingsError."""
    registry = load(settings.registry_paths)
    sketches = SketchStore(settings.data / "sketches")
    try:
        hub = Hub.from_environment(os.environ)
    except ValueError as error:
        raise SettingsError(f"HF_ENDPOINT or HF_TOKEN: {error}") from None
    with hub:
        known = KnownModels(registry, sketches, Absences(settings.data / "absences.json"), hub.repo, utc_now)
        yield Service(settings, hub, Checker(known, hub.metered, utc_now))


@contextmanager
def store(settings: Settings) -> Iterator[Store]:
    """Open the database in the data folder."""
    with Store.open(f"sqlite:///{settings.data / 'blendwatch.sqlite'}") as opened:
        yield opened


def sinks(settings: Settings) -> Mapping[str, Sink]:
    """Return where alerts can go: the console always, Discord where a webhook is set."""
    found: dict[str, Sink] = {"console": ConsoleSink()}
    if settings.discord_webhook is not None:
        try:
            found["discord"] = WebhookSink(settings.discord_webhook.get_secret_value(), settings.discord_api_base)
        except (ValueError, DeliveryError) as error:
            raise SettingsError(f"BLENDWATCH_DISCORD_WEBHOOK: {error}") from None
    return found


def watcher(built: Service, opened: Store) -> Watcher:
    """Return the watcher; alerts go to Discord where a bot or a webhook is set, to the console otherwise."""
    destination = "discord" if built.settings.discord_webhook is not None else "console"
    destination = ROOMS if built.settings.discord_token is not None else destination
    return Watcher(built.hub, opened, built.checker, built.settings, utc_now, destination)


@dataclass(frozen=True, slots=True)
class Rooms:
    """Where alerts can go, and what has to run beside the watch for that."""

    sinks: Mapping[str, Sink | Room]
    running: Callable[[], AbstractAsyncContextManager[None]]


@contextmanager
def rooms(settings: Settings, opened: Store, where: Mapping[str, Sink]) -> Iterator[Rooms]:
    """Build the Discord bot where its token is set; raises RegistryError, StateError and SettingsError."""
    if settings.discord_token is None:
        if settings.review_channel is not None:
            raise SettingsError("BLENDWATCH_REVIEW_CHANNEL needs a bot: BLENDWATCH_DISCORD_TOKEN is not set")
        yield Rooms(where, nullcontext)
        return
    with service(settings) as own:  # its members' checks and the watch's do not share what is in memory
        known = own.checker.known
        found = assemble(settings, opened, where, Checking(own.hub, own.checker), known, utc_now)
        yield Rooms(found.sinks, found.chat.running)


async def send(opened: Store, where: Mapping[str, Sink | Room]) -> Delivered:
    """Send what waits in the outbox."""
    return await deliver(opened, where, utc_now)
