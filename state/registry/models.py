"""The known models: YAML files that people write, parsed with every mistake named by line and column."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

from analyzers.model_ids import is_a_name
from analyzers.records import Role
from state.errors import Problem, RegistryError
from state.registry.entries import FILE_SCHEMA, ModelEntry
from state.registry.files import MOST_MODELS, documents, folder_of, known_as, note_duplicates, validate

__all__ = [
    "MOST_MODELS",
    "SHIPPED",
    "Declared",
    "Model",
    "Organisation",
    "Problem",
    "Registry",
    "RegistryError",
    "Suppression",
    "load",
    "schema_json",
]

SHIPPED = Path(__file__).parent  # folder of the files in the package


@dataclass(frozen=True, slots=True)
class Model:
    """A known model. `path`: folder to read it from, None for the Hub.

    Missing texts are empty; a missing `weights_at` is unknown.
    """

    repo_id: str
    role: Role
    path: Path | None = None
    revision: str | None = None
    weights_at: datetime | None = None  # UTC
    created_at: datetime | None = None  # UTC
    title: str = ""
    aliases: tuple[str, ...] = ()  # used by cards
    names: tuple[str, ...] = ()  # used by itself
    maker: str = ""
    family: str = ""
    licence: str = ""
    source: str = ""
    verified: date | None = None  # last comparison with the Hub; None: never
    note: str = ""
    automatic: bool = False  # in no file: an upload that was read


@dataclass(frozen=True, slots=True)
class Organisation:
    """Organisations on the Hub that belong together. `name` is for readers alone."""

    name: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Suppression:
    """Uploads that are judged and not alerted: by name and optional revision, or by fingerprint of weights."""

    repo_id: str
    revision: str
    weights: str
    reason: str
    until: date  # the last day, in UTC

    def covers(self, repo_id: str, revision: str, weights: str) -> bool:
        """Return True if the suppression covers an upload. `weights`: the fingerprint, "" if unknown."""
        if self.weights:
            return self.weights == weights
        return self.repo_id.lower() == repo_id.lower() and self.revision in ("", revision)


@dataclass(frozen=True, slots=True)
class Declared:
    """Parents that count as if the card of `child` declared them."""

    child: str
    parents: tuple[str, ...]
    reason: str
    source: str = ""


@dataclass(frozen=True)
class Registry:
    """Content of all registry files, in their order."""

    models: tuple[Model, ...] = ()
    organisations: tuple[Organisation, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    declared: tuple[Declared, ...] = ()

    def find(self, repo_id: str) -> Model | None:
        """Return the model of this name, ignoring case, or None."""
        return self._by_name.get(repo_id.lower())

    def names(self, but: str = "") -> dict[str, str]:
        """Return names of models with their repo ids, to find in the card of `but`, whose own names are left out."""
        own = but.rpartition("/")[2].lower()
        found: dict[str, str] = {}
        for model in self.models:
            last = model.repo_id.rpartition("/")[2]
            for name in (last, model.title, *model.aliases):
                if is_a_name(name, short=True) and own not in (last.lower(), name.lower()):
                    found.setdefault(name, model.repo_id)
        return found

    def maker_of(self, organisation: str) -> str:
        """Return one name for all organisations that belong together: the first member's, else its own.

        Equal makers give equal names, in any case. A group's `name` is not used: anyone could take it on the Hub.
        """
        return self._makers.get(organisation.lower(), organisation.lower())

    def members(self, organisation: str) -> tuple[str, ...]:
        """Return all organisations that belong together with one, itself first."""
        maker = self.maker_of(organisation).lower()
        groups = (g.members for g in self.organisations if self.maker_of(g.members[0]).lower() == maker)
        others = dict.fromkeys(name for members in groups for name in members if name.lower() != organisation.lower())
        return organisation, *others

    def suppression(self, repo_id: str, revision: str, weights: str, today: date) -> Suppression | None:
        """Return the suppression that covers an upload on this day (UTC), or None."""
        meant = (s for s in self.suppressions if today <= s.until and s.covers(repo_id, revision, weights))
        return next(meant, None)

    def declared_parents(self, repo_id: str) -> tuple[str, ...]:
        """Return the parents that count as declared, each once, ignoring the child's case."""
        return self._declared.get(repo_id.lower(), ())

    @cached_property
    def _declared(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, dict[str, None]] = {}
        for pair in self.declared:
            found.setdefault(pair.child.lower(), {}).update(dict.fromkeys(pair.parents))
        return {child: tuple(parents) for child, parents in found.items()}

    @cached_property
    def _by_name(self) -> Mapping[str, Model]:
        return {model.repo_id.lower(): model for model in self.models}

    @cached_property
    def _makers(self) -> Mapping[str, str]:
        """Map names in lower case to a maker's name as the registry spells it."""
        spelled = {name.lower(): name for name in (m.repo_id.partition("/")[0] for m in reversed(self.models))}
        listed = {member.lower(): group.members[0] for group in self.organisations for member in group.members}
        return spelled | listed


def load(paths: Sequence[Path]) -> Registry:
    """Read files, folders of *.yaml, *.yml and *.json files, and all their includes.

    RegistryError lists every mistake in all of them.
    """
    read = documents(paths)
    parsed = [(document.file, validate(document)) for document in read]
    note_duplicates(read)
    problems = [problem for document in read for problem in sorted(document.problems, key=_position)]
    if problems:
        raise RegistryError(problems)
    return Registry(
        tuple(_model(file, entry) for file, said in parsed for entry in said.models),
        tuple(Organisation(o.name, tuple(o.members)) for _, said in parsed for o in said.organisations),
        tuple(Suppression(**s.model_dump()) for _, said in parsed for s in said.suppressions),
        tuple(Declared(d.child, tuple(d.parents), d.reason, d.source) for _, said in parsed for d in said.declared),
    )


def schema_json() -> str:
    """Return the JSON schema of a registry file, for editors."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Registry of known models",
        **FILE_SCHEMA.json_schema(),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _position(problem: Problem) -> tuple[int, int]:
    return problem.line, problem.column


def _model(file: Path, entry: ModelEntry) -> Model:
    given = entry.model_dump()
    _, given["repo_id"] = known_as(file, given)
    given["path"] = folder_of(file, entry.path) if entry.path else None
    given["revision"] = entry.revision or None
    given["aliases"], given["names"] = tuple(entry.aliases), tuple(entry.names)
    return Model(**given)
