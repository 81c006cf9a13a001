"""YAML parser that keeps positions: plain values, with line and column of each.

A file is parsed as a whole, so that all its mistakes are reported at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from state.errors import Problem

LARGEST_FILE = 4_000_000  # bytes
DEEPEST = 20  # levels of nesting: the parser recurses, so a file must not set the depth

Place = tuple[int | str, ...]
Spot = tuple[int, int]  # line and column, from 1
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster; PyYAML may come without it

# YAML's types other than text. A time stays a text: pydantic parses it.
TYPED = {"null": None, "bool": bool, "int": int, "float": float}


@dataclass(slots=True)
class Document:
    """One file as plain values. `places` has the node of every value, `keys` of every key, by their path."""

    file: Path
    value: Any = None
    places: dict[Place, yaml.Node] = field(default_factory=dict)
    keys: dict[Place, yaml.Node] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def add_problem(self, message: str, spot: Spot = (1, 1)) -> None:
        """Note a problem."""
        self.problems.append(Problem(self.file, *spot, message))

    def add_problem_at(self, message: str, place: Place, *, key: bool = False) -> None:
        """Note a problem of the value (or key) at `place`, or of its nearest parent."""
        node = self.keys.get(place) if key else None
        while node is None and place:
            node, place = self.places.get(place), place[:-1]
        node = node or self.places.get(())
        self.add_problem(message, _spot(node.start_mark if node else None))


def read(file: Path) -> Document:
    """Parse a file and note its YAML mistakes; `value` is None if nothing could be read."""
    document = Document(file)
    text = _text_of(document)
    root = None if text is None else _compose(document, text)
    if root is not None:
        document.value = _value(document, root, ())
    return document


def _text_of(document: Document) -> str | None:
    try:
        with document.file.open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        document.add_problem(f"the file cannot be read: {error.strerror}")
        return None
    if len(content) > LARGEST_FILE:
        document.add_problem(f"the file is larger than {LARGEST_FILE:,} bytes")
        return None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig", "replace")
        document.add_problem("the file is not UTF-8 text", _end(before))
        return None
    if odd := yaml.reader.Reader.NON_PRINTABLE.search(text):
        document.add_problem(f"the character {odd.group()!a} is not allowed in YAML", _end(text[: odd.start()]))
        return None
    return text


def _end(text: str) -> Spot:
    """Return the position of the character after `text`."""
    return text.count("\n") + 1, len(text) - text.rfind("\n")


def _spot(mark: Any) -> Spot:
    """Convert one of PyYAML's two kinds of marks, which count from 0."""
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _compose(document: Document, text: str) -> yaml.Node | None:
    try:
        refused = list(_refusals(text))
        for message, spot in refused:
            document.add_problem(message, spot)
        node: yaml.Node | None = None if refused else yaml.compose(text, Loader=Loader)
    except yaml.MarkedYAMLError as error:
        said = " ".join(part for part in (error.context, error.problem) if part)
        document.add_problem(f"not YAML: {said}", _spot(error.problem_mark or error.context_mark))
    except yaml.YAMLError as error:
        document.add_problem(f"not YAML: {str(error).splitlines()[0]}")
    else:
        return node
    return None


def _refusals(text: str) -> Iterator[tuple[str, Spot]]:
    """Yield YAML features that are refused, without building anything."""
    depth = 0
    for event in yaml.parse(text, Loader=Loader):
        if isinstance(event, yaml.AliasEvent):
            yield f"the reference *{event.anchor} is not allowed here: write the value out", _spot(event.start_mark)
        elif isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            yield f"the anchor &{event.anchor} is not allowed here: write the value out", _spot(event.start_mark)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                yield f"nested more than {DEEPEST} levels deep", _spot(event.start_mark)
                return
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _value(document: Document, node: yaml.Node, place: Place) -> Any:
    document.places[place] = node
    if isinstance(node, yaml.MappingNode):
        return _mapping(document, node, place)
    if isinstance(node, yaml.SequenceNode):
        return [_value(document, item, (*place, index)) for index, item in enumerate(node.value)]
    return _scalar(node)


def _mapping(document: Document, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, item in node.value:
        if not isinstance(key, yaml.ScalarNode):
            document.add_problem("a key must be a plain name", _spot(key.start_mark))
            continue
        inner = (*place, key.value)
        if key.value in values:
            first = document.keys[inner].start_mark.line + 1
            document.add_problem(f"`{key.value}` is there twice, first on line {first}", _spot(key.start_mark))
            continue
        document.keys[inner] = key
        values[key.value] = _value(document, item, inner)
    return values


def _scalar(node: yaml.Node) -> Any:
    """Return a text, or the value of YAML's own type, so that it can be refused as that."""
    kind = node.tag.rpartition(":")[2]
    if kind not in TYPED:
        return str(node.value)
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node)
    except (ValueError, LookupError):
        return str(node.value)  # its tag does not fit its text
    finally:
        loader.dispose()
