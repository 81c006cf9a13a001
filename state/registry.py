"""The known models: YAML files that people write, read with every mistake named by line and column."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from analyzers.records import Role
from state.errors import Problem, RegistryError
from state.registry_schema import FILE_SCHEMA, REPO_ID, ModelEntry, RegistryFile, sentence
from state.registry_yaml import Document, Place, read

__all__ = ["SHIPPED", "Model", "Organisation", "Problem", "Registry", "RegistryError", "load", "schema_json"]

SHIPPED = Path(__file__).with_name("registry")  # the folder of files that come with the package
SCHEMA_FILE = "schema.json"
MOST_MODELS = 20_000


@dataclass(frozen=True, slots=True)
class Model:
    """A known model. `path` is the folder it is read from, None if that is the Hub.

    Texts that were not given are empty; a `weights_at` that was not given is unknown.
    """

    repo_id: str
    role: Role
    path: Path | None = None
    revision: str | None = None
    weights_at: datetime | None = None  # UTC
    created_at: datetime | None = None  # UTC
    title: str = ""
    aliases: tuple[str, ...] = ()
    maker: str = ""
    family: str = ""
    licence: str = ""
    source: str = ""
    note: str = ""
    automatic: bool = False  # in no file: an upload that was read


@dataclass(frozen=True, slots=True)
class Organisation:
    """Organisations on the Hub that belong together. `name` is for readers alone."""

    name: str
    members: tuple[str, ...]


@dataclass(frozen=True)
class Registry:
    """All known models, in the order of the files."""

    models: tuple[Model, ...] = ()
    organisations: tuple[Organisation, ...] = ()

    def find(self, repo_id: str) -> Model | None:
        """The model of this name, in upper or lower case."""
        return self._by_name.get(repo_id.lower())

    def maker_of(self, organisation: str) -> str:
        """One name for all organisations that belong together: the first member's, or else its own.

        Equal for equal makers, whatever the case. A group's `name` is no such name: on the Hub anyone could take it.
        """
        return self._makers.get(organisation.lower(), organisation.lower())

    @cached_property
    def _by_name(self) -> Mapping[str, Model]:
        return {model.repo_id.lower(): model for model in self.models}

    @cached_property
    def _makers(self) -> Mapping[str, str]:
        """By lower case, so that a name is spelled as the registry spells it."""
        spelled = {name.lower(): name for name in (m.repo_id.partition("/")[0] for m in reversed(self.models))}
        listed = {member.lower(): group.members[0] for group in self.organisations for member in group.members}
        return spelled | listed


def load(paths: Sequence[Path]) -> Registry:
    """Read files, and folders of *.yaml, *.yml and *.json files; RegistryError lists every mistake in all of them."""
    documents = [_with_keys(read(file)) for file in _files(paths)]
    parsed = [(document, _validate(document)) for document in documents]
    _refuse_twins(documents)
    problems = [problem for document in documents for problem in sorted(document.problems, key=_position)]
    if problems:
        raise RegistryError(problems)
    models = (_model(document.file, entry) for document, file in parsed for entry in file.models)
    groups = (Organisation(o.name, tuple(o.members)) for _, file in parsed for o in file.organisations)
    return Registry(tuple(models), tuple(groups))


def schema_json() -> str:
    """The JSON schema of a registry file, for editors."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Registry of known models",
        **FILE_SCHEMA.json_schema(),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """Each file once. A path that is not there is passed on, for reading it names it."""
    seen: set[Path] = set()
    for path in paths:
        for file in _inside(path) if path.is_dir() else (path,):
            if file.resolve() not in seen:
                seen.add(file.resolve())
                yield file


def _inside(folder: Path) -> list[Path]:
    try:
        files = sorted(f for f in folder.iterdir() if f.suffix in {".yaml", ".yml", ".json"})
    except OSError:
        return [folder]  # reading it as a file will say what is wrong
    return [file for file in files if file.name != SCHEMA_FILE]


def _position(problem: Problem) -> tuple[int, int]:
    return problem.line, problem.column


def _with_keys(document: Document) -> Document:
    """A bare list becomes the `models` of a mapping, and what stands in it stays where it stands."""
    if isinstance(document.value, list):
        document.value = {"models": document.value}
        document.places = {("models", *place): node for place, node in document.places.items()}
        document.keys = {("models", *place): node for place, node in document.keys.items()}
    return document


def _validate(document: Document) -> RegistryFile:
    """The file as its schema sees it; empty, with the problems noted, where it is not as it should be."""
    if document.value is None and not document.places:
        return RegistryFile()  # it is empty, or could not be read and has said so
    try:
        return RegistryFile.model_validate(document.value)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            document.complain_at(sentence(detail), detail["loc"], key=detail["type"] == "extra_forbidden")
    return RegistryFile()


def _refuse_twins(documents: Sequence[Document]) -> None:
    """Note names that come twice, also among entries that are wrong in other ways."""
    models: dict[str, str] = {}
    members: dict[str, str] = {}
    for document in documents:
        for index, entry in enumerate(_list(document.value, "models")):
            key, name = _known_as(document.file, entry)
            if key == "path" and not REPO_ID.fullmatch(name):
                message = f"`path` does not end like a repo id, so the model needs `repo_id` too: {name!r}"
                document.complain_at(message, ("models", index, key))
            elif name:
                _refuse_twin(document, models, name, ("models", index, key))
        for index, group in enumerate(_list(document.value, "organisations")):
            for number, member in enumerate(_list(group, "members")):
                if isinstance(member, str):
                    _refuse_twin(document, members, member, ("organisations", index, "members", number))
    if len(models) > MOST_MODELS:
        documents[-1].complain_at(f"the registry has {len(models):,} models, more than {MOST_MODELS:,}", ())


def _refuse_twin(document: Document, seen: dict[str, str], name: str, place: Place) -> None:
    if first := seen.get(name.lower()):
        document.complain_at(f"{name} is there twice, first in {first}", place)
    else:
        seen[name.lower()] = f"{document.file}:{document.places[place].start_mark.line + 1}"


def _list(value: object, key: str) -> list[Any]:
    """The list under `key`, if there is one: asked of values that nobody has validated."""
    inner = value.get(key) if isinstance(value, dict) else None
    return inner if isinstance(inner, list) else []


def _known_as(file: Path, entry: object) -> tuple[str, str]:
    """The key that names a model, and the name: its repo id, else the last two parts of its folder."""
    for key in ("repo_id", "path"):
        given = entry.get(key) if isinstance(entry, dict) else None
        if isinstance(given, str) and given:
            return key, given if key == "repo_id" else "/".join(_folder(file, given).parts[-2:])
    return "", ""


def _folder(file: Path, path: str) -> Path:
    return Path(os.path.abspath(file.parent / path))  # noqa: PTH100 - a link keeps its own name, unlike in resolve()


def _model(file: Path, entry: ModelEntry) -> Model:
    given = entry.model_dump()
    _, given["repo_id"] = _known_as(file, given)
    given["path"] = _folder(file, entry.path) if entry.path else None
    given["revision"] = entry.revision or None
    given["aliases"] = tuple(entry.aliases)
    return Model(**given)
