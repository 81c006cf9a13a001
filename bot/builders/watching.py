"""Build a pass of the watch and what it consists of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from analyzers.records import Outcome
from bot.alerts.channels import Channels
from bot.alerts.delivery import RowSink, Sink
from bot.builders.alerting import cap, casework, destination, news, operators
from bot.builders.service import Service, blobs, interview
from bot.cases.followup import Followups
from bot.cases.identity_check import Asking
from bot.cases.rendering import as_they_stand
from bot.config.trial import Trial
from bot.health.heartbeat import Heartbeat
from bot.health.http_server import Endpoint
from bot.health.metrics import Metrics
from bot.health.watchdog import Watchdog
from bot.hub.webhook import HubWebhook
from bot.known.models import Progress
from bot.proof.build import notary
from bot.watch.feeds import NEW, Feeds
from bot.watch.one_pass import Learning, OnePass
from bot.watch.registry_reload import RegistryReload
from bot.watch.rejudge import Rejudge
from bot.watch.relatives import Relatives
from bot.watch.schedule import EarlyPass
from bot.watch.watcher import Watcher
from state.store import Store


def watcher(built: Service, opened: Store) -> Watcher:
    """Return the watcher."""
    where, by_bot = destination(built.settings), built.settings.discord_token is not None
    kept, now = blobs(built.settings), built.clock.now
    operator, wish = operators(built.settings), relatives(built, opened).note
    channels = Channels() if by_bot else Channels.of_settings(built.settings.channels)  # else the bot alerts them
    watched = Watcher(built.hub, opened, built.checker, built.settings, now, where, operator, by_bot, kept, wish)
    return replace(watched, channels=channels)


def relatives(built: Service, opened: Store) -> Relatives:
    """Return the reader of a base's models that uploads may be made of."""
    return Relatives(built.hub, built.checker.known, opened, built.clock.now)


def feeds(built: Service, opened: Store) -> Feeds:
    """Return the reader of the Hub's listings."""
    return Feeds(built.hub, opened, built.settings, built.clock.now, news(built.settings, opened, built.clock.now))


def learning(built: Service, opened: Store) -> Learning:
    """Return the steps that reload the registry, read relatives, and explain earlier uploads again."""
    known, now = built.checker.known, built.clock.now
    reload = RegistryReload(built.settings.registry_paths, known, news(built.settings, opened, now))
    return Learning(reload, relatives(built, opened), Rejudge(known, opened, now))


def followups(built: Service, opened: Store) -> Followups:
    """Return the follow-ups of alerted cases."""
    known, now = built.checker.known, built.clock.now
    return Followups(built.hub, opened, casework(built.settings, opened, now), known.registry.names, now)


def asking(built: Service, opened: Store) -> Asking:
    """Return the identity checks of cases; SettingsError for invalid settings."""
    interview(built)  # raises errors of these settings at the start
    now = built.clock.now
    keeper = casework(built.settings, opened, now)
    return Asking(built.hub, keeper, lambda: interview(built), now, built.settings.identity_follow_ups)


def watchdog(built: Service, opened: Store) -> Watchdog:
    """Return the checks of the watch itself."""
    return Watchdog(opened, news(built.settings, opened, built.clock.now), built.settings, built.hub)


@dataclass(frozen=True, slots=True)
class Monitoring:
    """Heartbeat, metrics, port and early passes of one watch."""

    heartbeat: Heartbeat
    metrics: Metrics
    endpoint: Endpoint
    early: EarlyPass

    def watching(self, show: Progress) -> Progress:
        """Return a function that shows progress by `show` and records it in the heartbeat."""

        def shown(text: str) -> None:
            self.heartbeat.progress()
            show(text)

        return shown

    def settled(self, outcome: Outcome) -> None:
        """Record that an upload was settled."""
        self.heartbeat.progress()
        self.metrics.settled(outcome)


def monitoring(built: Service, opened: Store) -> Monitoring:
    """Return heartbeat, metrics, port and early passes of one watch."""
    heartbeat = Heartbeat(built.settings)
    metrics = Metrics(lambda: opened.tally(built.clock.now()), built.hub.spent, heartbeat)
    known = built.checker.known
    early = EarlyPass(built.settings.hook_min_seconds)
    secret = built.settings.hub_webhook_secret
    webhook = HubWebhook(secret, early.ask) if secret is not None else None
    endpoint = Endpoint(
        heartbeat, metrics, lambda: opened.cursor(NEW.name), lambda: len(known.registry.models), webhook
    )
    return Monitoring(heartbeat, metrics, endpoint, early)


def one_pass(built: Service, opened: Store, where: Mapping[str, Sink | RowSink], seen_by: Monitoring) -> OnePass:
    """Return one pass of the watch."""
    return OnePass(
        feeds(built, opened),
        watcher(built, opened),
        learning(built, opened),
        followups(built, opened),
        asking(built, opened),
        watchdog(built, opened),
        opened,
        as_they_stand(where, opened, Trial(opened, built.settings.shadow_days)),
        built.clock.now,
        seen_by.settled,
        built.settings.ping_url,
        cap(built.settings, opened),
        notary(built.settings, opened, built.clock.now),
    )
