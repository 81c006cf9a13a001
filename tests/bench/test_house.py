"""The house in numbers, counted on a small house whose numbers are known."""

from __future__ import annotations

from pathlib import Path

from bench.house import folders, help_seconds, measures, sources

OWN = '''"""Whether it is."""
class Held:
    """A value."""
    one: int | None = None
    two: list[int | None]
def long(x):
    """Return it."""
    try:
        return x
    except Exception:
        return None
'''


def test_each_measure_counts_what_it_names(tmp_path: Path) -> None:
    """Files, functions, docstrings, fields, handlers and mocks of a product and its tests."""
    (tmp_path / "bot").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "bot" / "own.py").write_text(OWN)
    (tmp_path / "tests" / "test_own.py").write_text("monkeypatch.setattr(a, 'b', 1)\nassert True\n")
    files = sources(tmp_path)
    assert dict(folders(files)) == {"bot": "   1 files      11 lines", "tests": "   1 files       2 lines"}
    found = dict(measures(files))
    assert found["longest function"] == "6 lines, bot/own.py:6 long"
    assert found["headless docstrings"] == "1 of 3"
    assert found["fields that may be None"] == "1 of 2"
    assert (found["broad excepts"], found["mocks in tests"]) == ("1", "1, 500.0 in 1,000 lines")


def test_the_help_takes_under_half_a_second() -> None:
    """Of processor time, whatever else this machine does; 0.2 s alone."""
    assert help_seconds(runs=1) < 0.5
