"""The worked example of docs/adding_an_analyzer.md is run as it stands: the file, the line and the test."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import analyzers
from tests import ROOT
from tests.analyzers.makers import case, family

GUIDE = (ROOT / "docs" / "adding_an_analyzer.md").read_text(encoding="utf-8")
FILE, TEST = re.findall(r"^```python\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
(LINES,) = re.findall(r"^```text\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The example's analyzer, importable as if it lay in analyzers/."""
    module = ModuleType("analyzers.frozen")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(analyzers, "frozen", module, raising=False)
    exec(compile(FILE, "docs/adding_an_analyzer.md", "exec"), module.__dict__)
    return module


def test_the_example_passes_its_own_test(example: Any) -> None:
    """Every test in the guide's test file is run, and there is one."""
    namespace: dict[str, Any] = {"__name__": "example"}
    exec(compile(TEST, "docs/adding_an_analyzer.md", "exec"), namespace)
    tests = [value for name, value in namespace.items() if name.startswith("test_")]
    assert tests
    for test in tests:
        test()


def test_its_line_in_the_list_makes_it_count(example: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the guide puts it, it decides what it was made for; without the line, the general one does."""
    added, before = (line.split(".")[0].strip() for line in LINES.splitlines())
    names = [analyze.__module__.rpartition(".")[2] for analyze in analyzers.ANALYZERS]
    assert f"    {LINES.splitlines()[1].strip()}\n" in Path(analyzers.__file__).read_text(encoding="utf-8")
    namespace: dict[str, Any] = {"__name__": "example"}
    exec(compile(TEST, "docs/adding_an_analyzer.md", "exec"), namespace)
    suspect = case(namespace["upper_layers_trained"](), family())
    assert analyzers.explain(suspect).analyzer == before
    listed = list(analyzers.ANALYZERS)
    listed.insert(names.index(before), example.analyze)
    monkeypatch.setattr(analyzers, "ANALYZERS", tuple(listed))
    assert analyzers.explain(suspect).analyzer == added == example.NAME


def test_the_example_is_as_pure_as_the_guide_says() -> None:
    """It imports the analyzers' own modules alone, and every name that the guide quotes exists."""
    imported = [node.module or "" for node in ast.walk(ast.parse(FILE)) if isinstance(node, ast.ImportFrom)]
    assert all(module.startswith("analyzers.") or module == "__future__" for module in imported)
    root = Path(analyzers.__file__).parents[1]
    quoted = re.findall(r"`((?:analyzers|tests)/[\w/]+\.py)`", GUIDE)
    assert len(quoted) >= 6
    assert [path for path in quoted if not (root / path).is_file()] == []
