"""Find a server of a model and ask the model there; the rest of the bot calls this module."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from analyzers.errors import BlendwatchError
from analyzers.identity.answers import Names
from analyzers.identity.evidence import IdentityEvidence, Spent
from analyzers.records import RepoRef
from bot.config.inference import ROUTER, Budget, Endpoint, checked_key
from bot.inference.connection import Connection, InferenceError
from bot.inference.hidden_prompt import read
from bot.inference.names import names_of, own_names
from bot.inference.probe import Probe, ProbeLimits, Progress, Subject, template_origin
from bot.inference.questions import QUESTIONS
from bot.inference.rendering import read_template
from bot.inference.spending import SpendingLimit
from bot.sources.interface import Source
from bot.text.sanitize import harmless, string
from state.daily_spending import Spending
from state.registry.models import Registry

SHOWN_MODELS = 5


class NotServed(BlendwatchError):
    """No allowed server serves the model; the text names those that were examined."""


@dataclass(frozen=True, slots=True)
class Place:
    """A model on an endpoint. `key` is sent to this endpoint only."""

    endpoint: Endpoint
    model: str
    key: str | None

    def __repr__(self) -> str:
        return f"Place({self.endpoint.host!r}, {self.model!r})"


@dataclass(frozen=True, slots=True)
class Providers:
    """The Hub's inference providers. `hub`: lists who serves a model; `router`: gets the calls with `token`."""

    hub: str
    token: str
    router: str = ROUTER

    def __repr__(self) -> str:
        return f"Providers({self.hub!r})"


@dataclass(frozen=True, slots=True)
class Interview:
    """Asks models their names. Without an endpoint or provider it is off, and raises NotServed."""

    endpoints: Sequence[Endpoint]
    providers: Providers | None
    budget: Budget
    registry: Registry
    day_book: Spending
    clock: Callable[[], datetime]  # UTC
    limits: ProbeLimits = field(default_factory=ProbeLimits)

    @property
    def off(self) -> bool:
        """Return True without any server to ask."""
        return not self.endpoints and self.providers is None

    def probe(self, source: Source, progress: Progress = lambda _: None) -> IdentityEvidence:
        """Ask the model of a source its name; raises NotServed, SourceError, EndpointError, StateError."""
        if self.off:
            raise NotServed(
                "no server is listed that could be asked: set BLENDWATCH_INFERENCE_ENDPOINTS, or "
                "BLENDWATCH_INFERENCE_PROVIDERS with a Hub token that may call them"
            )
        ref = source.facts().ref
        return self.probe_at(self._place(ref.repo_id), source, progress)

    def unasked(self, source: Source) -> IdentityEvidence:
        """Return the evidence of the chat template alone, without a server; raises SourceError."""
        subject = self._subject(source.facts().ref.repo_id, source)
        reading = read(subject.template, QUESTIONS, Names(subject.names)) if subject.template else None
        template, planted = template_origin(subject, reading), reading.planted if reading else None
        return IdentityEvidence(subject.ref, subject.model, "", self.clock(), (), planted, template, Spent())

    def probe_at(self, place: Place, source: Source | None, progress: Progress = lambda _: None) -> IdentityEvidence:
        """Ask a model at a place. `source`: of its chat template; None if unknown."""
        subject = self._subject(place.model, source)
        spending = SpendingLimit(self.budget, place.endpoint.dollars_per_million, self.day_book, self.clock)
        with Connection(place.endpoint.base, place.key) as connection:
            probe = Probe(connection, place.endpoint.host, spending, self.limits, dict(place.endpoint.extra))
            return probe.ask(subject, self.clock(), progress)

    def at(self, url: str, model: str | None) -> Place:
        """Return the place at an address, listed or not, with its only model if none is named. Raises NotServed."""
        given = Endpoint(url=url)
        endpoint = next((e for e in self.endpoints if e.base == given.base), given)
        key = endpoint.key()
        name = model or endpoint.model
        if name is None:
            with Connection(endpoint.base, key) as connection:
                offered = _offered(connection)
            if len(offered) != 1:
                shown = ", ".join(harmless(m, 80) for m in offered[:SHOWN_MODELS]) or "none that it names"
                raise NotServed(f"{endpoint.host} serves {len(offered)} models ({shown}): say which with --model")
            name = offered[0]
        return Place(endpoint, name, key)

    def _place(self, repo_id: str) -> Place:
        looked: list[str] = []
        for endpoint in self.endpoints:
            try:
                place = self._served_by(endpoint, repo_id)
            except InferenceError as error:
                looked.append(str(error))
                continue
            if place is not None:
                return place
            looked.append(f"{endpoint.host} does not list it")
        if self.providers is not None:
            try:
                if _provided(self.providers, repo_id):
                    token = checked_key(self.providers.token, "the Hub's router")
                    price = self.budget.provider_dollars_per_million
                    return Place(Endpoint(url=self.providers.router, dollars_per_million=price), repo_id, token)
                looked.append("no inference provider serves it")
            except InferenceError as error:
                looked.append(str(error))
        raise NotServed(f"nobody serves {harmless(repo_id, 200)}: {'; '.join(looked)}")

    def _served_by(self, endpoint: Endpoint, repo_id: str) -> Place | None:
        """Return the place if an endpoint serves a repository by its own list or the settings; else None."""
        key = endpoint.key()
        if (endpoint.repo_id or endpoint.model or "").lower() == repo_id.lower() and endpoint.model:
            return Place(endpoint, endpoint.model, key)
        if endpoint.model or (endpoint.repo_id and endpoint.repo_id.lower() != repo_id.lower()):
            return None
        with Connection(endpoint.base, key) as connection:
            offered = _offered(connection)
        named = [name for name in offered if name.lower() == repo_id.lower()]
        if endpoint.repo_id and len(offered) == 1:
            named = list(offered)
        return Place(endpoint, named[0], key) if named else None

    def _subject(self, model: str, source: Source | None) -> Subject:
        names = names_of(self.registry.models)
        ref: RepoRef | None = None
        template, why = None, "its repository was not named"
        if source is not None:
            ref = source.facts().ref
            template, why = read_template(source)
        own = own_names(ref.repo_id if ref else model, names)
        return Subject(ref, model, {**own, **names}, tuple(dict.fromkeys(own.values())), template, why)


def _offered(connection: Connection) -> tuple[str, ...]:
    return tuple(dict.fromkeys(connection.models()))


def _provided(providers: Providers, repo_id: str) -> bool:
    """Return True if the Hub lists a live provider of conversations with a model. Raises InferenceError."""
    with Connection(providers.hub, checked_key(providers.token, "the Hub")) as connection:
        info = connection.get(f"/api/models/{quote(repo_id, safe='/')}?expand=inferenceProviderMapping")
    mapping = info.get("inferenceProviderMapping") if isinstance(info, dict) else None
    rows = mapping.values() if isinstance(mapping, dict) else mapping if isinstance(mapping, list) else ()
    live = (row for row in rows if isinstance(row, dict) and row.get("status") == "live")
    return any(string(row.get("task")) == "conversational" for row in live)
