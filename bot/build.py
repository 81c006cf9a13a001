"""The one place that builds things: settings in, a service out.

What needs discord.py is imported where it is built, so that the other commands start quickly and work without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from analyzers.records import Outcome
from bot.alerts.delivery import Cap, DeliveryError, RowSink, Sink
from bot.alerts.operator import News
from bot.cases.casework import Casework
from bot.cases.followup import Followups
from bot.cases.identity_check import Asking
from bot.check.checker import Checker
from bot.check.on_demand import Checking
from bot.config.clock import REAL, Clock
from bot.config.settings import Settings, SettingsError
from bot.config.trial import Trial
from bot.health.heartbeat import Heartbeat
from bot.health.http_server import Endpoint
from bot.health.metrics import Metrics
from bot.health.watchdog import Watchdog
from bot.hub import Hub
from bot.hub.hub import TIMEOUT
from bot.hub.webhook import HubWebhook
from bot.inference.interview import Interview, Providers
from bot.inference.probe import ProbeLimits
from bot.known.models import KnownModels, Progress
from bot.watch.feeds import NEW, Feeds
from bot.watch.one_pass import Learning, OnePass
from bot.watch.registry_reload import RegistryReload
from bot.watch.rejudge import Rejudge
from bot.watch.relatives import Relatives
from bot.watch.schedule import EarlyPass
from bot.watch.watcher import Watcher
from state.daily_spending import Spending
from state.data_folder import DATABASE, EVIDENCE, refuse_unfinished_restore
from state.errors import StateError
from state.evidence.blobs import Blobs
from state.registry.models import load
from state.sketches.file_hashes import FILES, PASSED_OVER, KnownFiles
from state.sketches.store import SketchStore
from state.sketches.unreadable_models import UnreadableModels
from state.store import Store

FOLDING: Final = frozenset({"console", "discord"})  # the sinks that can show a digest


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return REAL.now()


@dataclass(frozen=True, slots=True)
class Service:
    """The objects that a command needs."""

    settings: Settings
    hub: Hub
    checker: Checker
    clock: Clock = REAL


@contextmanager
def service(
    settings: Settings,
    *,
    automatic: bool = False,
    clock: Clock = REAL,
    timeout: float = TIMEOUT,
    seen: Store | None = None,
    offline: bool = False,
) -> Iterator[Service]:
    """Build a checker of uploads against the registry and, if `automatic`, against uploads read before.

    `seen`: the watch's database, which dates weights; `timeout`: seconds without a byte; `offline`: no request is
    sent. Raises RegistryError, StateError and SettingsError.
    """
    registry = load(settings.registry_paths)
    refuse_unfinished_restore(settings.data)
    sketches = SketchStore(settings.data / "sketches")
    with hub(settings, timeout, clock, offline=offline) as opened, closing(sketches):
        absences = UnreadableModels(settings.data / "absences.json")
        files = KnownFiles(settings.data / FILES)
        known = KnownModels(
            registry,
            sketches,
            absences,
            opened.repo,
            clock.now,
            automatic=automatic,
            files=files,
            sights=seen,
            passed_over=KnownFiles(settings.data / PASSED_OVER),
            owners=opened,
            offline=opened.offline,
        )
        yield Service(settings, opened, Checker(known, opened.metered, clock.now), clock)


def hub(settings: Settings, timeout: float = TIMEOUT, clock: Clock = REAL, *, offline: bool = False) -> Hub:
    """Return the Hub of the settings; `timeout`: seconds without a byte. Raises SettingsError."""
    token = settings.hf_token.get_secret_value() if settings.hf_token else None
    try:
        return Hub(
            settings.hf_endpoint, token, timeout=timeout, clock=clock.seconds, sleep=clock.sleep, offline=offline
        )
    except ValueError as error:
        raise SettingsError(f"HF_ENDPOINT or HF_TOKEN: {error}") from None


def interview(built: Service) -> Interview:
    """Return the interview of models; it is off where the settings name no server."""
    settings = built.settings
    token = settings.hf_token.get_secret_value().strip() if settings.hf_token else ""
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
        clock=built.clock.now,
        limits=ProbeLimits(settings.inference_budget.seconds_per_model),
    )


def refuse_lost(data: Path, opened: Store) -> None:
    """Raise StateError where a watch left evidence and its database is empty: it would send every alert again."""
    kept = data / EVIDENCE
    uploads = sum(count for name, count in opened.counts().items() if name.startswith("uploads."))
    if not uploads and kept.is_dir() and any(kept.iterdir()):
        raise StateError(
            f"the database {data / DATABASE} is empty, and {kept} holds evidence of an earlier watch: put both back"
            " with blendwatch restore, or move the evidence away"
        )


@contextmanager
def store(settings: Settings) -> Iterator[Store]:
    """Open the database in the data folder."""
    refuse_unfinished_restore(settings.data)
    with Store.open(f"sqlite:///{settings.database}") as opened:
        refuse_lost(settings.data, opened)
        yield opened


def sinks(settings: Settings) -> Mapping[str, Sink]:
    """Return where alerts can go: the console always, Discord where a webhook is set."""
    from bot.alerts.sinks import ConsoleSink, WebhookSink  # noqa: PLC0415 - discord.py

    found: dict[str, Sink] = {"console": ConsoleSink()}
    if settings.discord_webhook is not None:
        try:
            found["discord"] = WebhookSink(settings.discord_webhook.get_secret_value(), settings.discord_api_base)
        except (ValueError, DeliveryError) as error:
            raise SettingsError(f"BLENDWATCH_DISCORD_WEBHOOK: {error}") from None
    return found


def destination(settings: Settings) -> str:
    """Return the destination of alerts: Discord where a bot or else a webhook is set, else the console."""
    if settings.discord_token is not None:
        from bot.chat.build import PUBLISHER  # noqa: PLC0415 - discord.py

        return PUBLISHER
    return "discord" if settings.discord_webhook is not None else "console"


def operators(settings: Settings) -> str:
    """Return the destination of news for the operator: a webhook, else reviewers, else the console."""
    if settings.discord_webhook is not None:
        return "discord"
    if settings.discord_token is None:
        return "console"
    from bot.chat.build import policy_of  # noqa: PLC0415 - discord.py

    policy = policy_of(settings)
    return policy.destination if policy.channel else "console"


def watcher(built: Service, opened: Store) -> Watcher:
    """Return the watcher."""
    where, by_bot = destination(built.settings), built.settings.discord_token is not None
    kept, now = blobs(built.settings), built.clock.now
    operator, wish = operators(built.settings), relatives(built, opened).note
    return Watcher(built.hub, opened, built.checker, built.settings, now, where, operator, by_bot, kept, wish)


def relatives(built: Service, opened: Store) -> Relatives:
    """Return the reader of a base's models that uploads may be made of."""
    return Relatives(built.hub, built.checker.known, opened, built.clock.now)


def blobs(settings: Settings) -> Blobs:
    """Return the store of evidence."""
    return Blobs(settings.data / EVIDENCE)


def feeds(built: Service, opened: Store) -> Feeds:
    """Return the reader of the Hub's listings."""
    return Feeds(built.hub, opened, built.settings, built.clock.now, news(built.settings, opened, built.clock.now))


def news(settings: Settings, opened: Store, clock: Callable[[], datetime] = utc_now) -> News:
    """Return the sender of news for the operator."""
    return News(opened, clock, operators(settings))


def learning(built: Service, opened: Store) -> Learning:
    """Return the steps that reload the registry, read relatives, and explain earlier uploads again."""
    known, now = built.checker.known, built.clock.now
    reload = RegistryReload(built.settings.registry_paths, known, news(built.settings, opened, now))
    return Learning(reload, relatives(built, opened), Rejudge(known, opened, now))


def casework(settings: Settings, opened: Store, clock: Callable[[], datetime] = utc_now) -> Casework:
    """Return the casework: notes, replays and retractions."""
    return Casework(opened, blobs(settings), clock)


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
    from bot.cases.rendering import as_they_stand  # noqa: PLC0415 - discord.py

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
    )


def cap(settings: Settings, opened: Store) -> Cap:
    """Return what keeps a flood of alerts from those who read them."""
    from bot.alerts.rate_cap import HourlyCap  # noqa: PLC0415 - discord.py

    return HourlyCap(opened.alert_digests, settings.alerts_per_hour, FOLDING)


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
