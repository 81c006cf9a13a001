"""Word errors of settings for the operator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic_core import ErrorDetails

# by the library's name of an error, or its beginning; braces are filled from the error's context
_WORDS: Final[Mapping[str, str]] = {
    "int": "must be a whole number",
    "float": "must be a number",
    "finite_number": "must be a number",
    "bool": "must be true or false",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "literal_error": "must be {expected}",
    "string_too_short": "must not be empty",
    "string": "must be a text",
    "path": "must be a path",
    "timezone": "must be a time with its offset, such as 2026-01-31T00:00:00Z",
    "datetime": "must be a time with its offset, such as 2026-01-31T00:00:00Z",
    "tuple": "must be a list",
    "list": "must be a list",
    "dict": "must be a table",
    "model": "must be a table",
    "missing": "is missing",
    "extra_forbidden": "there is no such setting",
    "value_error": "{error}",
}


def in_words(detail: ErrorDetails) -> str:
    """Return a sentence for one of pydantic's errors; its own sentence for an unknown one."""
    found = next((words for name, words in _WORDS.items() if detail["type"].startswith(name)), None)
    context: Mapping[str, Any] = detail.get("ctx", {})
    try:
        return found.format(**context) if found else detail["msg"]
    except KeyError:
        return detail["msg"]
