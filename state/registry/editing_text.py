"""Text of a registry file with one entry added or removed: pure functions of the text and its parse positions.

They return None for a text that no machine should edit. The caller parses the result again.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from state.registry.yaml_positions import Document

QUOTED_TIME = re.compile(r"^(\w+: )'(\d{4}-[\d:T.-]+Z)'$", re.MULTILINE)


def with_entry(document: Document | None, text: str, entry: Mapping[str, str]) -> str | None:
    """Return the text with a model after the last one; `document` None: no file yet."""
    root = document.places.get(()) if document else None
    models = _models(document) if document else None
    eol = "\r\n" if "\r\n" in text else "\n"
    if models is None:
        return _with_list(text, root, entry, eol)
    if not models.flow_style:
        return _after_last(text, models, entry, eol)
    if models.value:
        last = models.value[-1]
        lead = _line(text, last)[: last.start_mark.column]
        gap = f",{eol}{lead}" if not lead.strip() else ", "
        return _put(text, _at(text, last.end_mark), gap + json.dumps(dict(entry), ensure_ascii=False))
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        return _put(text, _at(text, models.start_mark) + 1, json.dumps(dict(entry), ensure_ascii=False))
    return _in_place_of_nothing(text, root, models, entry, eol)


def without_entry(document: Document, text: str, repo_id: str) -> str | None:
    """Return the text without a model's lines (in a flow list: words); None also if the model is missing."""
    models = _models(document)
    if models is None:
        return None
    given = document.value if isinstance(document.value, list) else document.value["models"]
    names = [_name(document.file, entry).lower() for entry in given]
    if repo_id.lower() not in names:
        return None
    place, items = names.index(repo_id.lower()), models.value
    if models.flow_style:
        begin, end = items[place].start_mark, items[place].end_mark
        if place + 1 < len(items):
            end = items[place + 1].start_mark
        elif place:
            begin = items[place - 1].end_mark
        return text[: _at(text, begin)] + text[_at(text, end) :]
    lines = text.splitlines(keepends=True)
    first, last = _first_line(items[place], lines), _last_line(items[place], lines)
    if _is_blank(lines, first - 1) and _is_blank(lines, last + 1):
        first -= 1  # the line that set it apart
    kept = [*lines[:first], *lines[last + 1 :]]
    key = document.keys.get(("models",))
    if len(items) == 1 and key is not None:  # a key without a value would not be a list
        line, column = key.end_mark.line, key.end_mark.column
        colon = kept[line].index(":", column) + 1
        kept[line] = f"{kept[line][:colon]} []{kept[line][colon:]}"
    return "".join(kept)


def _models(document: Document) -> yaml.SequenceNode | None:
    """Return the list of models: the whole file, or the value of its key."""
    root = document.places.get(())
    found = root if isinstance(root, yaml.SequenceNode) else document.places.get(("models",))
    return found if isinstance(found, yaml.SequenceNode) else None


def _name(file: Path, entry: Mapping[str, str]) -> str:
    """Return the name of an entry."""
    folder = os.path.abspath(file.parent / entry.get("path", ""))  # noqa: PTH100 - as the registry names it
    return entry.get("repo_id") or "/".join(Path(folder).parts[-2:])


def _with_list(text: str, root: yaml.Node | None, entry: Mapping[str, str], eol: str) -> str | None:
    """Return the text with a list of models at its end."""
    if root is not None and (not isinstance(root, yaml.MappingNode) or root.flow_style):
        return None
    indent = root.start_mark.column if root is not None else 0
    return _whole(text, eol) + " " * indent + "models:" + eol + _block(entry, indent, eol)


def _after_last(text: str, models: yaml.SequenceNode, entry: Mapping[str, str], eol: str) -> str:
    lines = _whole(text, eol).splitlines(keepends=True)
    last = _last_line(models, lines)
    apart = len(models.value) > 1 and _is_blank(lines, _last_line(models.value[-2], lines) + 1)
    block = (eol if apart else "") + _block(entry, models.start_mark.column, eol)
    return "".join([*lines[: last + 1], block, *lines[last + 1 :]])


def _in_place_of_nothing(
    text: str, root: yaml.Node, models: yaml.SequenceNode, entry: Mapping[str, str], eol: str
) -> str:
    """Return the text with a list in place of `[]`."""
    begin, end = _at(text, models.start_mark), _at(text, models.end_mark)
    head = _whole(text[:begin].rstrip(" ") + text[end:], eol)
    lines = head.splitlines(keepends=True)
    at = models.start_mark.line + 1
    return "".join([*lines[:at], _block(entry, root.start_mark.column, eol), *lines[at:]])


def _block(entry: Mapping[str, str], indent: int, eol: str) -> str:
    """Format an entry as lines, one key each, times unquoted."""
    dumped = yaml.safe_dump(dict(entry), sort_keys=False, allow_unicode=True, width=1 << 30)
    lines = QUOTED_TIME.sub(r"\1\2", dumped).splitlines()
    return "".join(f"{' ' * indent}{'  ' if number else '- '}{line}{eol}" for number, line in enumerate(lines))


def _whole(text: str, eol: str) -> str:
    """Return the text with its last line ended."""
    return text if not text or text.endswith(("\n", "\r")) else text + eol


def _put(text: str, at: int, what: str) -> str:
    return text[:at] + what + text[at:]


def _at(text: str, mark: yaml.Mark) -> int:
    """Return the offset of a mark. A byte order mark is in the text and not in the first line's columns."""
    lines = text.splitlines(keepends=True)
    skipped = 1 if mark.line == 0 and text.startswith("\ufeff") else 0
    return sum(len(line) for line in lines[: mark.line]) + int(mark.column) + skipped


def _line(text: str, node: yaml.Node) -> str:
    return text.splitlines()[node.start_mark.line]


def _is_blank(lines: Sequence[str], number: int) -> bool:
    """Return True for a blank line, or beyond the end."""
    return number >= len(lines) or (number >= 0 and not lines[number].strip())


def _first_line(item: yaml.Node, lines: Sequence[str]) -> int:
    """Return the line of an item's dash."""
    line = int(item.start_mark.line)
    while not lines[line].lstrip().startswith("-"):
        line -= 1
    return line


def _last_line(node: yaml.Node, lines: Sequence[str]) -> int:
    """Return the last line of a node itself: for the parser, a block ends where the next node begins."""
    if isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        parts = [part for pair in node.value for part in (pair if isinstance(pair, tuple) else (pair,))]
        return max(_last_line(part, lines) for part in parts)
    first, last = int(node.start_mark.line), int(node.end_mark.line)
    if last > first and node.end_mark.column == 0:
        last -= 1
    while last > first and not lines[last].strip():
        last -= 1
    return last
