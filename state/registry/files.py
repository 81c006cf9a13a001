"""Files of a registry: their includes, and mistakes that no single entry shows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from state.registry.entries import REPO_ID, RegistryFile, sentence
from state.registry.yaml_positions import Document, Place, read

SCHEMA_FILE = "schema.json"
MOST_MODELS = 20_000
MOST_FILES = 1_000  # included ones
DEEPEST_INCLUDE = 20  # files that include one another in a chain


def documents(paths: Iterable[Path]) -> list[Document]:
    """Read each file once, its includes after it. A missing path gives a document with that problem."""
    found: dict[str, Document] = {}
    for path in paths:
        for file in _files(path):
            _take(file, found, ())
    return list(found.values())


def _take(file: Path, found: dict[str, Document], above: tuple[str, ...]) -> None:
    """Read a file, reached by the chain of files `above`, and its includes."""
    key = os.path.realpath(file)
    if key in found:
        return
    document = found[key] = _with_keys(read(file))
    for index, given in enumerate(_list(document.value, "include")):
        if not isinstance(given, str) or not given or "\0" in given:
            continue  # the schema reports it
        target, place = folder_of(document.file, given), ("include", index)
        if not os.path.exists(target):  # noqa: PTH110 - Path.exists() raises where a part may not be looked into
            document.add_problem_at(f"`include[{index}]` is not there: {target}", place)
        elif len(above) >= DEEPEST_INCLUDE:
            document.add_problem_at(f"`include[{index}]` is more than {DEEPEST_INCLUDE} files deep: {target}", place)
        else:
            _include(document, target, place, found, (*above, key))


def _include(
    document: Document, target: Path, place: Place, found: dict[str, Document], above: tuple[str, ...]
) -> None:
    for file in _files(target):
        if os.path.realpath(file) in above:
            document.add_problem_at(f"`include[{place[-1]}]` leads back to {file}", place)
        elif len(found) >= MOST_FILES:
            document.add_problem_at(f"`include[{place[-1]}]` makes it more than {MOST_FILES:,} files", place)
            return
        else:
            _take(file, found, above)


def _files(path: Path) -> list[Path]:
    """Return the registry files of a folder, sorted by name; for a file, itself."""
    if not os.path.isdir(path):  # noqa: PTH112 - as above
        return [path]
    try:
        files = sorted(f for f in path.iterdir() if f.suffix in {".yaml", ".yml", ".json"})
    except OSError:
        return [path]  # reading it as a file reports the mistake
    return [file for file in files if file.name != SCHEMA_FILE]


def _with_keys(document: Document) -> Document:
    """Turn a bare list into the `models` of a mapping; all positions stay."""
    if isinstance(document.value, list):
        document.value = {"models": document.value}
        document.places = {("models", *place): node for place, node in document.places.items()}
        document.keys = {("models", *place): node for place, node in document.keys.items()}
    return document


def validate(document: Document) -> RegistryFile:
    """Validate a file; on mistakes note them as problems and return an empty file."""
    if document.value is None and not document.places:
        return RegistryFile()  # empty, or unreadable with its problem noted
    try:
        return RegistryFile.model_validate(document.value)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            document.add_problem_at(sentence(detail), detail["loc"], key=detail["type"] == "extra_forbidden")
    return RegistryFile()


def note_duplicates(documents: Sequence[Document]) -> None:
    """Note duplicate names, also among entries with other mistakes."""
    models: dict[str, str] = {}
    members: dict[str, str] = {}
    for document in documents:
        for index, entry in enumerate(_list(document.value, "models")):
            key, name = known_as(document.file, entry)
            if key == "path" and not REPO_ID.fullmatch(name):
                message = f"`path` does not end like a repo id, so the model needs `repo_id` too: {name!r}"
                document.add_problem_at(message, ("models", index, key))
            elif name:
                _note_duplicate(document, models, name, ("models", index, key))
        for index, group in enumerate(_list(document.value, "organisations")):
            for number, member in enumerate(_list(group, "members")):
                if isinstance(member, str):
                    _note_duplicate(document, members, member, ("organisations", index, "members", number))
    if len(models) > MOST_MODELS:
        documents[-1].add_problem_at(f"the registry has {len(models):,} models, more than {MOST_MODELS:,}", ())


def _note_duplicate(document: Document, seen: dict[str, str], name: str, place: Place) -> None:
    if first := seen.get(name.lower()):
        document.add_problem_at(f"{name} is there twice, first in {first}", place)
    else:
        seen[name.lower()] = f"{document.file}:{document.places[place].start_mark.line + 1}"


def _list(value: object, key: str) -> list[Any]:
    """Return the list under `key`, else an empty one; the values are not validated yet."""
    inner = value.get(key) if isinstance(value, dict) else None
    return inner if isinstance(inner, list) else []


def known_as(file: Path, entry: object) -> tuple[str, str]:
    """Return the key that names a model, and its name: the repo id, else the last two parts of its folder."""
    for key in ("repo_id", "path"):
        given = entry.get(key) if isinstance(entry, dict) else None
        if isinstance(given, str) and given:
            return key, given if key == "repo_id" else "/".join(folder_of(file, given).parts[-2:])
    return "", ""


def folder_of(file: Path, path: str) -> Path:
    """Resolve a path in a registry file, relative to that file."""
    return Path(os.path.abspath(file.parent / path))  # noqa: PTH100 - a link keeps its own name, unlike in resolve()
