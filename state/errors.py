"""Errors of this package. Drawn as a tree:

BlendwatchError
+-- StateError        the database or the folder of sketches cannot be used as asked
+-- RegistryError     registry files with mistakes, all of them at once (`.problems`)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import DontWrapMixin

from analyzers.errors import BlendwatchError


class StateError(BlendwatchError, DontWrapMixin):
    """The database or the folder of sketches cannot be used as asked."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a registry file. `line` and `column` count from 1."""

    file: Path
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class RegistryError(BlendwatchError):
    """Registry files with mistakes; the text has one line for each."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(p) for p in problems))
        self.problems = tuple(problems)
