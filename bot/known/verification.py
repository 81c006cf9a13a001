"""Verify known models on the Hub: existence, name, commit, time and licence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from analyzers.errors import Unreadable
from analyzers.records import RepoFacts
from bot.known.models import Open, config_of
from bot.sources.interface import Source, SourceError, Unavailable
from state.registry.models import Model
from state.registry.verified import Verified, entry_digest

SAME_TIME: Final = timedelta(hours=24)  # people write days; the Hub gives the second of a commit


def verify(model: Model, open_: Open, now: datetime) -> Verified:
    """Compare an entry with the Hub's description, without its weights. `now`: UTC. Raises Unavailable."""
    if model.path is not None:
        return Verified(entry_digest(model), now, "", ())
    revision, differs, said = "", [], {}
    try:
        facts = open_(model.repo_id, model.revision).facts()
        revision, differs, said = facts.ref.revision, list(_differences(model, facts)), said_of(facts)
    except Unavailable:
        raise
    except SourceError as error:
        differs = [str(error)]
    return Verified(entry_digest(model), now, revision, tuple(differs), said)


def _differences(model: Model, facts: RepoFacts) -> Iterator[str]:
    if model.revision and model.revision != facts.ref.revision:
        yield f"the Hub gives commit {facts.ref.revision}, the entry says {model.revision}"
    if model.repo_id != facts.ref.repo_id:
        yield f"the Hub spells it {facts.ref.repo_id}"
    if model.weights_at and facts.weights_at and abs(model.weights_at - facts.weights_at) > SAME_TIME:
        yield f"its weights are of {utc(facts.weights_at)}, the entry says {utc(model.weights_at)}"
    licence = licence_of(facts)
    if model.licence and licence and model.licence.lower() != licence.lower():
        yield f"its licence is {licence}, the entry says {model.licence}"


@dataclass(frozen=True, slots=True)
class Described:
    """The Hub's description of a model, for a new entry. Unknown texts are empty."""

    facts: RepoFacts
    licence: str
    family: str


def describe(source: Source) -> Described:
    """Return the Hub's description of a model; raises SourceError, also Renamed."""
    facts = source.facts()
    try:
        family = str(config_of(source)[1].get("model_type") or "")
    except (SourceError, Unreadable) as error:
        if isinstance(error, Unavailable):
            raise
        family = ""  # gated, or without a config: the entry does not need it
    return Described(facts, licence_of(facts), family)


def said_of(facts: RepoFacts) -> dict[str, str]:
    """Return the times and licence that the Hub gives, by an entry's keys; unknown ones are left out."""
    times = {"weights_at": facts.weights_at, "created_at": facts.created_at}
    said = {name: utc(at) if at else "" for name, at in times.items()} | {"licence": licence_of(facts)}
    return {name: text for name, text in said.items() if text}


def licence_of(facts: RepoFacts) -> str:
    """Return the licence from the Hub's tags; "" without one."""
    return next((tag.partition(":")[2] for tag in facts.tags if tag.startswith("license:")), "")


def utc(moment: datetime) -> str:
    """Return a UTC time in the format of registry files."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
