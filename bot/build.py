"""The one place that builds things: settings in, a service out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.deliver import Delivered, DeliveryError, Sink, deliver
from bot.discord import ConsoleSink, WebhookSink
from bot.feeds import Feeds
from bot.hub import Hub
from bot.known import KnownModels
from bot.news import News
from bot.pipeline import Checker
from bot.reconsider import Reconsider
from bot.relatives import Relatives
from bot.settings import Settings, SettingsError
from bot.watch import Watcher
from bot.watchdog import Watchdog
from state.absences import Absences
from state.evidence import Blobs
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


@dataclass(frozen=True, slots=True)
class Memory:
    """What the watch learns besides its registry."""

    relatives: Relatives
    reconsider: Reconsider


@contextmanager
def service(settings: Settings, *, automatic: bool = False) -> Iterator[Service]:
    """Build what checks uploads, against the registry or, if `automatic`, also against uploads read before.

    Raises RegistryError, StateError and SettingsError.
    """
    registry = load(settings.registry_paths)
    sketches = SketchStore(settings.data / "sketches")
    try:
        hub = Hub.from_environment(os.environ)
    except ValueError as error:
        raise SettingsError(f"HF_ENDPOINT or HF_TOKEN: {error}") from None
    with hub:
        absences = Absences(settings.data / "absences.json")
        known = KnownModels(registry, sketches, absences, hub.repo, utc_now, automatic=automatic)
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
    """Return the watcher; alerts go to Discord where a webhook is set, to the console otherwise."""
    destination = "discord" if built.settings.discord_webhook is not None else "console"
    return Watcher(built.hub, opened, built.checker, built.settings, utc_now, destination, blobs(built.settings))


def blobs(settings: Settings) -> Blobs:
    """Return where evidence is kept."""
    return Blobs(settings.data / "evidence")


def feeds(built: Service, opened: Store) -> Feeds:
    """Return what reads the Hub's listings."""
    return Feeds(built.hub, opened, built.settings, utc_now, news(built.settings, opened))


def news(settings: Settings, opened: Store) -> News:
    """Return what tells the operator: by the road that alerts take."""
    return News(opened, utc_now, "discord" if settings.discord_webhook is not None else "console")


def memory(built: Service, opened: Store) -> Memory:
    """Return what learns relatives of an upload, and explains earlier ones again."""
    known = built.checker.known
    return Memory(Relatives(built.hub, known, opened, utc_now), Reconsider(known, opened, utc_now))


def watchdog(built: Service, opened: Store) -> Watchdog:
    """Return what looks after the watch itself."""
    return Watchdog(opened, news(built.settings, opened), built.settings, built.hub)


async def send(opened: Store, where: Mapping[str, Sink]) -> Delivered:
    """Send what waits in the outbox."""
    return await deliver(opened, where, utc_now)
