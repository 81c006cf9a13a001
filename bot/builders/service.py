"""Build what every command needs from the settings: Hub, checker, database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.check.checker import Checker
from bot.config.clock import REAL, Clock
from bot.config.settings import Settings, SettingsError
from bot.config.trial import Trial
from bot.hub import Hub
from bot.hub.hub import TIMEOUT
from bot.inference.interview import Interview, Providers
from bot.inference.probe import ProbeLimits
from bot.known.models import KnownModels
from bot.site.api import Api
from bot.site.badge import agreement_of
from bot.site.clearances import Clearance, public_clearances
from bot.site.pages import Site
from bot.site.published import PublishedCase, published
from bot.site.server import PublicSite
from state.daily_spending import Spending
from state.data_folder import DATABASE, EVIDENCE, refuse_unfinished_restore
from state.errors import StateError
from state.evidence.blobs import Blobs
from state.registry.models import load
from state.sketches.file_hashes import FILES, PASSED_OVER, KnownFiles
from state.sketches.store import SketchStore
from state.sketches.unreadable_models import UnreadableModels
from state.store import Store


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
    url = settings.database_url
    with Store.open(url.get_secret_value() if url else f"sqlite:///{settings.database}") as opened:
        refuse_lost(settings.data, opened)
        yield opened


def blobs(settings: Settings) -> Blobs:
    """Return the store of evidence."""
    return Blobs(settings.data / EVIDENCE)


def public(settings: Settings, opened: Store) -> tuple[list[PublishedCase], list[Clearance]]:
    """Return what is public: cases and clearances. Raises RegistryError and StateError."""
    families = {model.repo_id.lower(): model.family for model in load(settings.registry_paths).models}
    return published(opened, Trial(opened, settings.shadow_days), families), public_clearances(opened)


def site(settings: Settings, opened: Store) -> PublicSite:
    """Return the server of the public pages, feeds, API and badges."""
    api = Api(lambda: public(settings, opened)[0], settings.site_url, lambda name: agreement_of(opened.history(name)))
    return PublicSite(lambda: Site(blobs(settings)).pages(*public(settings, opened)), api.mount)
