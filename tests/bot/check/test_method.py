"""A verdict is worth a replay when what decides has changed: a threshold, a line of code, a file that came or went."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import analyzers
from bot.check.method import method, method_of

SOURCES = Path(analyzers.__file__).parent


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The analyzers' sources in another place, without what Python leaves there."""
    return Path(shutil.copytree(SOURCES, tmp_path / "analyzers", ignore=shutil.ignore_patterns("__pycache__")))


def test_the_same_sources_are_the_same_method_wherever_they_lie(copied: Path) -> None:
    """What was compiled of them and the times of the files do not count."""
    for path in copied.glob("*.py"):
        path.touch()
    (copied / "__pycache__").mkdir()
    (copied / "__pycache__" / "blend.cpython-311.pyc").write_bytes(b"x")
    assert method_of(copied) == method()


@pytest.mark.parametrize("name", ["thresholds.py", "blend.py"])
def test_a_change_of_numbers_or_code_is_another_method(copied: Path, name: str) -> None:
    """No number needs to change, and nobody has to remember anything."""
    with (copied / name).open("a") as file:
        file.write("\n_ADDED = 1\n")
    assert method_of(copied) != method()


def test_a_file_that_goes_or_moves_is_another_method(copied: Path) -> None:
    """Their names count, too."""
    (copied / "stack.py").rename(copied / "stacks.py")
    moved = method_of(copied)
    (copied / "stacks.py").unlink()
    assert len({method(), moved, method_of(copied)}) == 3
