"""Who serves a model, and asking it there: the one thing that the rest of the bot calls."""

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
from bot.inference.connection import Line, LineError
from bot.inference.hidden_prompt import read
from bot.inference.names import names_of, own_names
from bot.inference.probe import Pace, Probe, Progress, Subject, told_template
from bot.inference.questions import QUESTIONS
from bot.inference.rendering import read_template
from bot.inference.spending import Purse
from bot.sources.interface import Source
from bot.text.sanitize import harmless, string
from state.daily_spending import Spending
from state.registry.models import Registry

SHOWN_MODELS = 5


class NobodyServes(BlendwatchError):
    """Nobody that we may ask serves the model; the text says who was looked at."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model may be asked. `key` is sent to this endpoint alone."""

    endpoint: Endpoint
    model: str
    key: str | None

    def __repr__(self) -> str:
        return f"Place({self.endpoint.host!r}, {self.model!r})"


@dataclass(frozen=True, slots=True)
class Providers:
    """The Hub's inference providers: the Hub that says who serves what, their router, and a token that may call it."""

    hub: str
    token: str
    router: str = ROUTER

    def __repr__(self) -> str:
        return f"Providers({self.hub!r})"


@dataclass(frozen=True, slots=True)
class Interview:
    """Asks models their names. Off, which NobodyServes says, where no endpoint is listed and no provider allowed."""

    endpoints: Sequence[Endpoint]
    providers: Providers | None
    budget: Budget
    registry: Registry
    day_book: Spending
    clock: Callable[[], datetime]  # UTC
    pace: Pace = field(default_factory=Pace)

    @property
    def off(self) -> bool:
        """Whether there is nobody to ask at all."""
        return not self.endpoints and self.providers is None

    def probe(self, source: Source, progress: Progress = lambda _: None) -> IdentityEvidence:
        """Ask the model of a repository or folder its name; NobodyServes, SourceError, EndpointError, StateError."""
        if self.off:
            raise NobodyServes(
                "nobody is listed who could be asked: set BLENDWATCH_INFERENCE_ENDPOINTS, or "
                "BLENDWATCH_INFERENCE_PROVIDERS with a Hub token that may call them"
            )
        ref = source.facts().ref
        return self.probe_at(self._place(ref.repo_id), source, progress)

    def unasked(self, source: Source) -> IdentityEvidence:
        """Return what the chat template alone says, where nobody can be asked; SourceError."""
        subject = self._subject(source.facts().ref.repo_id, source)
        reading = read(subject.template, QUESTIONS, Names(subject.names)) if subject.template else None
        told, planted = told_template(subject, reading), reading.planted if reading else None
        return IdentityEvidence(subject.ref, subject.model, "", self.clock(), (), planted, told, Spent())

    def probe_at(self, place: Place, source: Source | None, progress: Progress = lambda _: None) -> IdentityEvidence:
        """Ask a model at a place; `source` is where its chat template is read, if anybody knows."""
        subject = self._subject(place.model, source)
        purse = Purse(self.budget, place.endpoint.dollars_per_million, self.day_book, self.clock)
        with Line(place.endpoint.base, place.key) as line:
            probe = Probe(line, place.endpoint.host, purse, self.pace, dict(place.endpoint.extra))
            return probe.ask(subject, self.clock(), progress)

    def at(self, url: str, model: str | None) -> Place:
        """Return the place at an address, listed or not; its only model if none is named. Raises NobodyServes."""
        given = Endpoint(url=url)
        endpoint = next((e for e in self.endpoints if e.base == given.base), given)
        key = endpoint.key()
        name = model or endpoint.model
        if name is None:
            with Line(endpoint.base, key) as line:
                offered = _offered(line)
            if len(offered) != 1:
                shown = ", ".join(harmless(m, 80) for m in offered[:SHOWN_MODELS]) or "none that it names"
                raise NobodyServes(f"{endpoint.host} serves {len(offered)} models ({shown}): say which with --model")
            name = offered[0]
        return Place(endpoint, name, key)

    def _place(self, repo_id: str) -> Place:
        looked: list[str] = []
        for endpoint in self.endpoints:
            try:
                place = self._served_by(endpoint, repo_id)
            except LineError as error:
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
            except LineError as error:
                looked.append(str(error))
        raise NobodyServes(f"nobody serves {harmless(repo_id, 200)}: {'; '.join(looked)}")

    def _served_by(self, endpoint: Endpoint, repo_id: str) -> Place | None:
        """Return the place if an endpoint serves a repository, by its own word or the operator's."""
        key = endpoint.key()
        if (endpoint.repo_id or endpoint.model or "").lower() == repo_id.lower() and endpoint.model:
            return Place(endpoint, endpoint.model, key)
        if endpoint.model or (endpoint.repo_id and endpoint.repo_id.lower() != repo_id.lower()):
            return None
        with Line(endpoint.base, key) as line:
            offered = _offered(line)
        named = [name for name in offered if name.lower() == repo_id.lower()]
        if endpoint.repo_id and len(offered) == 1:
            named = list(offered)
        return Place(endpoint, named[0], key) if named else None

    def _subject(self, model: str, source: Source | None) -> Subject:
        names = names_of(self.registry.models)
        ref: RepoRef | None = None
        template, why = None, "nobody said which repository it is"
        if source is not None:
            ref = source.facts().ref
            template, why = read_template(source)
        own = own_names(ref.repo_id if ref else model, names)
        return Subject(ref, model, {**own, **names}, tuple(dict.fromkeys(own.values())), template, why)


def _offered(line: Line) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line.models()))


def _provided(providers: Providers, repo_id: str) -> bool:
    """Whether a provider serves a model for conversations, as the Hub says. Raises LineError."""
    with Line(providers.hub, checked_key(providers.token, "the Hub")) as line:
        info = line.get(f"/api/models/{quote(repo_id, safe='/')}?expand=inferenceProviderMapping")
    mapping = info.get("inferenceProviderMapping") if isinstance(info, dict) else None
    rows = mapping.values() if isinstance(mapping, dict) else mapping if isinstance(mapping, list) else ()
    live = (row for row in rows if isinstance(row, dict) and row.get("status") == "live")
    return any(string(row.get("task")) == "conversational" for row in live)
