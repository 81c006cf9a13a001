"""run.py: the one road from a bare machine to every command."""

from __future__ import annotations

import re
import subprocess
import sys

from tests import ROOT


def test_an_unknown_command_is_one_line_that_names_the_known_ones() -> None:
    """Nothing is installed for a word that is no command."""
    for words in ([], ["nonsense"]):
        done = subprocess.run([sys.executable, ROOT / "run.py", *words], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert re.fullmatch(r"usage: python3 run\.py .*demo.*\n", done.stderr)


def test_every_make_target_that_runs_something_is_a_command_of_run_py() -> None:
    """Make is a shorter name for the same road, never a second one."""
    called = set(re.findall(r"PYTHON\) run\.py ([\w-]+)", (ROOT / "Makefile").read_text()))
    known = set(re.findall(r'^    "([\w-]+)": \(', (ROOT / "run.py").read_text(), re.MULTILINE))
    assert called <= known
    assert {"demo", "test", "lint", "watch", "zoo"} <= called
