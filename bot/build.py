"""The one place that builds things: settings in, a service out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.deliver import Delivered, DeliveryError, Sink, deliver
from bot.discord import ConsoleSink, WebhookSink
from bot.hub import Hub
from bot.inference.interview import Interview, Providers
from bot.inference.probe import Pace
from bot.known import KnownModels
from bot.pipeline import Checker
from bot.settings import Settings, SettingsError
from bot.watch import Watcher
from state.absences import Absences
from state.registry import load
from state.sketches import SketchStore
from state.spending import Spending
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


def interview(built: Service) -> Interview:
    """Return what asks models their names; it is off where the settings name nobody to ask."""
    settings, token = built.settings, os.environ.get("HF_TOKEN", "").strip()
    providers = None
    if settings.inference_providers:
        if not token:
            raise SettingsError("BLENDWATCH_INFERENCE_PROVIDERS needs a token in HF_TOKEN that may call them")
        providers = Providers(built.hub.endpoint, token, settings.inference_router)
    return Interview(
        endpoints=settings.inference_endpoints,
        providers=providers,
        budget=settings.inference_budget,
        registry=built.checker.known.registry,
        day_book=Spending(settings.data / "spending.json"),
        clock=utc_now,
        pace=Pace(settings.inference_budget.seconds_per_model),
    )


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
    return Watcher(built.hub, opened, built.checker, built.settings, utc_now, destination)


async def send(opened: Store, where: Mapping[str, Sink]) -> Delivered:
    """Send what waits in the outbox."""
    return await deliver(opened, where, utc_now)
