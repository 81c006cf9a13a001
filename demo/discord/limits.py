"""Discord's limits on messages, buttons, forms and commands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from bot.alerts import compose

INVALID_FORM: Final = 50035
EMPTY_MESSAGE: Final = 50006
CONTENT: Final = 2000
ROWS, IN_A_ROW, CUSTOM_ID, LABEL = 5, 5, 100, 80
FORM_TITLE, FORM_LABEL, PLACEHOLDER, FORM_TEXT = 45, 45, 100, 4000
OPTIONS, CHOICES, DESCRIPTION, CHOICE = 25, 25, 100, 100
COMMANDS_BYTES: Final = 8000  # characters of one command's names, descriptions and values
BUTTON, TEXT_INPUT, LABELLED, LINK = 2, 4, 18, 5
_NAME = re.compile(r"[-_'\w]{1,32}")


def refused(payload: Mapping[str, Any], files: Sequence[str] = ()) -> dict[str, Any] | None:
    """Return Discord's error body if it refuses this message, else None. `files`: names of the files sent."""
    found = payload.get("embeds") or []
    if not found and not payload.get("content") and not files:
        return {"message": "Cannot send an empty message", "code": EMPTY_MESSAGE}
    errors = [f"embeds[{i}].{what}" for i, embed in enumerate(found) for what in over_limit(embed)]
    errors += ["content"] if len(payload.get("content") or "") > CONTENT else []
    errors += ["nonce"] if len(str(payload.get("nonce") or "")) > 25 else []
    errors += [f"components.{what}" for what in _components(payload.get("components") or [])]
    errors += [f"attachment {name}" for name in _attached(found) if name not in files]
    return form_error(errors)


def form_error(errors: Sequence[str]) -> dict[str, Any] | None:
    """Return Discord's error body for these mistakes; None if there are none."""
    return {"message": f"Invalid Form Body: {', '.join(errors)}", "code": INVALID_FORM} if errors else None


def over_limit(embed: Mapping[str, Any]) -> list[str]:
    """Return the parts of an embed that Discord would refuse: too long, or empty where they may not be."""
    fields = embed.get("fields", [])
    title, description = embed.get("title", ""), embed.get("description", "")
    footer = embed.get("footer", {}).get("text", "")
    wrong = {
        "title": len(title) > compose.TITLE_LIMIT,
        "description": len(description) > compose.DESCRIPTION_LIMIT,
        "footer": len(footer) > compose.FOOTER_LIMIT,
        "fields": len(fields) > compose.FIELD_COUNT,
        "name": any(not 0 < len(field["name"].strip()) <= compose.FIELD_NAME_LIMIT for field in fields),
        "value": any(not 0 < len(field["value"].strip()) <= compose.FIELD_VALUE_LIMIT for field in fields),
        "total": len(title + description + footer) + sum(len(f["name"] + f["value"]) for f in fields)
        > compose.TOTAL_LIMIT,
    }
    return [name for name, bad in wrong.items() if bad]


def _attached(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for embed in found:
        url = str(embed.get("image", {}).get("url", ""))
        if url.startswith("attachment://"):
            yield url.removeprefix("attachment://")


def _components(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if len(rows) > ROWS:
        yield "rows"
    buttons = [item for row in rows for item in row["components"]]
    ids = [item["custom_id"] for item in buttons if "custom_id" in item]
    if len(ids) != len(set(ids)):
        yield "custom_id twice"
    for row in rows:
        if not 0 < len(row["components"]) <= IN_A_ROW:
            yield "row"
    for item in buttons:
        if item["type"] == BUTTON and ("url" in item) != (item["style"] == LINK):
            yield "style"
        if len(item.get("custom_id", "")) > CUSTOM_ID or not 0 < len(item.get("label") or "x") <= LABEL:
            yield "button"


def form_refused(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return Discord's error body if it refuses this form."""
    errors = ["title"] if not 0 < len(data["title"]) <= FORM_TITLE else []
    errors += ["custom_id"] if len(data["custom_id"]) > CUSTOM_ID else []
    errors += ["components"] if not 0 < len(data["components"]) <= ROWS else []
    for row in data["components"]:
        label = row.get("label")
        inner = row["component"] if row["type"] == LABELLED else row["components"][0]
        text = label or inner.get("label") or ""
        if not 0 < len(text) <= FORM_LABEL or len(inner.get("placeholder") or "") > PLACEHOLDER:
            errors.append(f"text input {text[:20]}")
        if (inner.get("max_length") or 1) > FORM_TEXT:
            errors.append("max_length")
    return form_error(errors)


def choices_refused(choices: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return Discord's error body if it refuses these choices."""
    long = any(not 0 < len(str(c["name"])) <= CHOICE or not 0 < len(str(c["value"])) <= CHOICE for c in choices)
    return form_error((["choices"] if len(choices) > CHOICES else []) + (["choice"] if long else []))


def commands_refused(commands: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return Discord's error body if it refuses these commands."""
    return form_error([what for command in commands for what in _command(command)])


def _command(entry: Mapping[str, Any]) -> Iterator[str]:
    texts = [entry.get("description") or "", *(entry.get("description_localizations") or {}).values()]
    names = [entry["name"], *(entry.get("name_localizations") or {}).values()]
    if any(not _NAME.fullmatch(name) or name != name.lower() for name in names):
        yield f"name {entry['name']}"
    if any(not 0 < len(text) <= DESCRIPTION for text in texts):
        yield f"description of {entry['name']}"
    options = entry.get("options") or []
    if len(options) > OPTIONS or len(json.dumps(entry, ensure_ascii=False)) > COMMANDS_BYTES:
        yield f"size of {entry['name']}"
    if [o for a, o in pairwise(options) if o.get("required") and not a.get("required")]:
        yield f"order of {entry['name']}"
    for option in options:
        yield from _command(option)
        if choices_refused(option.get("choices") or []):
            yield f"choices of {option['name']}"
