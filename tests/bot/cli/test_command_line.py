"""What every command has in common: help, JSON, colours, progress; on a terminal and in a pipe."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.__main__ import app, command
from bot.cli import COMMANDS
from bot.cli.examples import EXAMPLES, STATUSES
from demo.scene import BASE, HIDDEN, RELEASE
from tests import ROOT
from tests.bot.stage import REPOS, Stage, saved, stage

ESCAPE = "\x1b["
COPY = "rebrand/Phoenix"


def commands() -> Iterator[tuple[str, Any]]:
    """Yield every command by its whole name."""
    for name in COMMANDS:
        inner = getattr(command(name), "commands", None)
        yield from ((f"{name} {sub}", each) for sub, each in inner.items()) if inner else [(name, command(name))]


@pytest.mark.parametrize(("name", "made"), [*commands()], ids=[name for name, _ in commands()])
def test_help_has_an_example_that_can_be_typed_and_the_statuses(name: str, made: Any) -> None:
    """-h works everywhere, no wider than the terminal; the example is parsed as it stands."""
    done = CliRunner().invoke(app, [*name.split(), "-h"], env={"COLUMNS": "70"}, terminal_width=70)
    assert done.exit_code == 0
    shown = " ".join(done.stdout.split())
    assert f"Example: {EXAMPLES[name]} Exit status: 0 " in shown
    program, *words = shlex.split(EXAMPLES[name])
    assert (program, words[: len(name.split())]) == ("blendwatch", name.split())
    made.make_context(name, words[len(name.split()) :])
    asks = {option for parameter in made.params for option in parameter.opts}
    assert "--json" in asks or name in ("demo", "watch")


def without_extras(code: str, webhook: str = "") -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own that finds neither discord.py nor Pillow."""
    absent = "import sys; sys.modules |= {'discord': None, 'PIL': None}; from bot.__main__ import app, command\n"
    env = os.environ | {"BLENDWATCH_CONFIG": os.devnull, "BLENDWATCH_DISCORD_WEBHOOK": webhook}
    return subprocess.run([sys.executable, "-c", absent + code], env=env, capture_output=True, text=True, check=True)


HELPERS = {"__init__", "alert_rates", "common", "doctor_checks", "examples", "registry_warm", "status_summary"}


def test_the_help_names_every_command_and_imports_none() -> None:
    """One file each; a list of commands waits for no library of theirs."""
    files = {path.stem for path in (ROOT / "bot" / "cli").glob("*.py")}
    assert set(COMMANDS) == files - HELPERS
    shown = CliRunner().invoke(app, ["--help"]).stdout
    listed = dict(re.findall(r"^  ([a-z]+) {2,}(.+)$", shown.partition("Commands:")[2], re.MULTILINE))
    assert listed == COMMANDS
    heavy = {"alembic", "apscheduler", "huggingface_hub", "numpy", "pydantic", "sqlalchemy"}
    done = without_extras("app(['--help'], standalone_mode=False); print(*sys.modules)")
    assert not heavy & set(done.stdout.splitlines()[-1].split())


def test_a_command_needs_no_extra_to_be_imported() -> None:
    """Where one is needed, one line says which."""
    code = f"for name in {[*COMMANDS]!r}: command(name)\nprint(app(['notify', '--test'], standalone_mode=False))"
    done = without_extras(code, "https://discord.com/api/webhooks/100000000000000000/a-token")
    assert done.stdout == "2\n"
    said = "blendwatch: this needs discord.py, which is not installed: pip install 'blendwatch[discord]'\n"
    assert done.stderr == said


def test_there_is_no_example_of_what_is_no_command() -> None:
    """The tables name commands alone."""
    names = {name for name, _ in commands()}
    assert set(EXAMPLES) == names
    assert names.issuperset(STATUSES)


def test_brackets_stay_in_the_help() -> None:
    """They are no markup."""
    assert "org/name[@revision]" in CliRunner().invoke(app, ["check", "-h"]).stdout
    assert CliRunner().invoke(app, ["--version"]).stdout.startswith("blendwatch ")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["check", "--jsn"], 2, "No such option: --jsn"),
        (["check"], 2, "Missing argument 'suspect'"),
        (["check", "./nowhere"], 1, "there is no file or folder ./nowhere"),
        (["check", "gone/model"], 1, "gone/model is deleted, private or was never there. Look at its spelling"),
        (["check", HIDDEN, "--registry", "none.yaml"], 2, "none.yaml:1:1: the file cannot be read"),
        (["case", "list"], 2, "there is no database in"),
    ],
)
def test_an_error_is_json_too(tmp_path: Path, words: list[str], status: int, said: str) -> None:
    """On standard output, whole; the line on standard error is the same as ever."""
    with stage(tmp_path, {}) as at:
        done = at.run(*words, "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["status"], found["schema"]) == (status, status, 1)
    assert said in found["error"]
    assert said in done.stderr


def on_a_terminal(at: Stage, *words: str, **env: str) -> str:
    """Return what a command shows on a terminal of 60 columns."""
    ours, theirs = pty.openpty()
    named = at.env | {"TERM": "xterm-256color", "COLUMNS": "60"} | env
    with subprocess.Popen([sys.executable, "-m", "bot", *words], env=named, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        try:
            while data := os.read(ours, 65536):
                shown += data
        except OSError:  # the other end is closed
            pass
        process.wait(60)
    os.close(ours)
    return shown.decode()


def test_colours_are_for_a_terminal_and_the_verdict_comes_first(tmp_path: Path) -> None:
    """A pipe gets plain lines without padding; NO_COLOR is obeyed; nothing is escaped as for Discord."""
    folder = saved(tmp_path / "local", COPY)
    (folder / "README.md").write_text(
        "---\nlicense: mit\n---\nTrained from scratch, ask us @team_a at https://a.example\n"
    )
    with stage(tmp_path) as at:
        piped = at.run("check", str(folder))
        shown, plain = on_a_terminal(at, "check", str(folder)), on_a_terminal(at, "check", str(folder), NO_COLOR="1")
    assert piped.returncode == 3
    first, *rest = piped.stdout.splitlines()
    assert first == "verdict  copy, undisclosed: alert (exact)"
    assert all(line == line.rstrip() for line in rest)
    assert "＠" not in piped.stdout
    assert "\\" not in piped.stdout
    assert ESCAPE not in piped.stdout + piped.stderr
    assert f"{ESCAPE}1;31mcopy, undisclosed: alert (exact)" in shown
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", plain)
    lines = [re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", line).rstrip() for line in re.split(r"[\r\n]", plain)]
    assert max(map(len, lines)) <= 60


def test_progress_has_a_count_off_a_terminal_too(tmp_path: Path) -> None:
    """A line now and then on standard error; standard output is the report alone."""
    repos = {name: REPOS[name] for name in (BASE, RELEASE, COPY)}
    with stage(tmp_path, repos, latency=0.5) as at:
        done = at.run("check", COPY, "--json")
    assert json.loads(done.stdout)["finding"] == "copy"
    assert re.search(r"^blendwatch: reading (the config of )?known model [12] of 2: ", done.stderr, re.MULTILINE)
