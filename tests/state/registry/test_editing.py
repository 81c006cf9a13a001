"""A registry file edited by machine says one model more or less, and keeps every other byte."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from state.errors import RegistryError, StateError
from state.registry.editing import add_entry, remove_entry
from state.registry.models import load
from tests.state.dying import CALLS, DIED, ENDED, deaths
from tests.state.registry.written_files import write

ENTRY = {"repo_id": "new/Model-1", "role": "base", "weights_at": "2026-02-16T00:00:00Z", "note": "a: b # c"}
LINES = "- repo_id: new/Model-1\n  role: base\n  weights_at: 2026-02-16T00:00:00Z\n  note: 'a: b # c'\n"


DEEPER = "  - repo_id: a/b\n    role: base\n    note: |\n      hi\n"
FIRST = "- repo_id: a/b # x\n  role: base\n"


def indented(by: int) -> str:
    """Return the entry's lines, deeper."""
    return "".join(" " * by + line for line in LINES.splitlines(keepends=True))


# Files, and the same with the entry; taking it out again gives the first back.
GROWN = {
    "flush": (f"models:\n{FIRST}# end\n", f"models:\n{FIRST}{LINES}# end\n"),
    "indented, with something after it": (
        f"models:\n  # first\n{DEEPER}\norganisations: []\n",
        f"models:\n  # first\n{DEEPER}{indented(2)}\norganisations: []\n",
    ),
    "set apart by blank lines": (
        "models:\n\n- repo_id: a/b\n  role: base\n\n- {repo_id: c/d, role: base}\n",
        f"models:\n\n- repo_id: a/b\n  role: base\n\n- {{repo_id: c/d, role: base}}\n\n{LINES}",
    ),
    "a bare list": ("# ours\n- repo_id: a/b\n  role: base\n", f"# ours\n- repo_id: a/b\n  role: base\n{LINES}"),
    "an empty list": (
        "models: []  # none yet\norganisations: []\n",
        f"models:  # none yet\n{LINES}organisations: []\n",
    ),
    "other line ends": (
        "models:\r\n- repo_id: a/b\r\n  role: base\r\n",
        "models:\r\n- repo_id: a/b\r\n  role: base\r\n" + LINES.replace("\n", "\r\n"),
    ),
    "a byte order mark": (f"\ufeffmodels:\n{FIRST}", f"\ufeffmodels:\n{FIRST}{LINES}"),
    "a dash on its own line": (
        "models:\n-\n  repo_id: a/b  # é\n  role: base\n",
        f"models:\n-\n  repo_id: a/b  # é\n  role: base\n{LINES}",
    ),
    "JSON": (
        '{"models": [\n  {"repo_id": "a/b", "role": "base"}\n]}\n',
        '{"models": [\n  {"repo_id": "a/b", "role": "base"},\n  ' + json.dumps(ENTRY) + "\n]}\n",
    ),
    "brackets on one line": (
        "models: [{repo_id: a/b, role: base}] # x\n",
        "models: [{repo_id: a/b, role: base}, " + json.dumps(ENTRY) + "] # x\n",
    ),
    "empty brackets in JSON": ('{"models": []}', '{"models": [' + json.dumps(ENTRY) + "]}"),
}  # fmt: skip


@pytest.mark.parametrize("name", GROWN)
def test_an_entry_comes_and_goes_and_nothing_else_does(tmp_path: Path, name: str) -> None:
    """Comments, blank lines, line ends and order stay; what is added is read as what was meant."""
    before, after = GROWN[name]
    file = write(tmp_path, before)
    old = load([file])
    add_entry(file, ENTRY)
    assert file.read_bytes().decode() == after
    found = load([file])
    assert found.models[:-1] == old.models
    assert (found.models[-1].repo_id, found.models[-1].role, found.models[-1].note) == (
        "new/Model-1",
        "base",
        "a: b # c",
    )
    remove_entry(file, "NEW/model-1")
    kept = file.read_bytes().decode()
    assert kept == before
    assert load([file]) == old


@pytest.mark.parametrize("before", ["", "# only a comment\n", "organisations:\n- {name: A, members: [a, b]}"])
def test_a_list_is_begun_where_there_is_none(tmp_path: Path, before: str) -> None:
    """This holds for a missing file, and after a last line without an end."""
    file = tmp_path / "r.yaml"
    if before:
        write(tmp_path, before)
    add_entry(file, ENTRY)
    end = "\n" if before and not before.endswith("\n") else ""
    assert file.read_text() == f"{before}{end}models:\n{LINES}"
    remove_entry(file, ENTRY["repo_id"])
    assert file.read_text() == f"{before}{end}models: []\n"


def test_an_entry_is_cut_from_the_middle(tmp_path: Path) -> None:
    """Exactly its lines, of a block and between brackets; a folder's model goes by its name."""
    cut = "- path: ../x/c/d\n  role: base\n  # inside\n  note: n\n"
    file = write(tmp_path, f"models:\n# a\n{FIRST}# c\n{cut}# e\n- repo_id: e/f\n  role: base\n")
    remove_entry(file, "c/d")
    assert file.read_text() == f"models:\n# a\n{FIRST}# c\n# e\n- repo_id: e/f\n  role: base\n"
    file = write(tmp_path, "[{repo_id: a/b, role: base}, {repo_id: c/d, role: base}, {repo_id: e/f, role: base}]")
    remove_entry(file, "a/b")
    assert file.read_text() == "[{repo_id: c/d, role: base}, {repo_id: e/f, role: base}]"
    remove_entry(file, "e/f")
    assert file.read_text() == "[{repo_id: c/d, role: base}]"


@pytest.mark.parametrize(
    ("before", "entry", "said"),
    [
        ("models:\n- {repo_id: New/model-1, role: base}\n", ENTRY, "new/Model-1 is there already"),
        ("models:\n- {repo_id: a/b, role: bass}\n", ENTRY, "2:24: `role` must be"),
        ("{organisations: []}\n", ENTRY, "only its owner can edit"),
        ("models: []\n", ENTRY | {"role": "bass"}, "`role` must be 'base' or 'release'"),
        (f"models:\n{FIRST}", {**ENTRY, "repo_id": "no name"}, "must be a repo id"),
    ],
)  # fmt: skip
def test_what_cannot_be_right_changes_nothing(tmp_path: Path, before: str, entry: dict[str, str], said: str) -> None:
    """One error that names the file, and the old file with nothing beside it."""
    file = write(tmp_path, before)
    with pytest.raises(RegistryError) as caught:
        add_entry(file, entry)
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"{file}:")
    assert (file.read_text(), os.listdir(tmp_path)) == (before, ["r.yaml"])  # noqa: PTH208
    with pytest.raises(RegistryError):
        remove_entry(file, "not/there")
    assert (file.read_text(), os.listdir(tmp_path)) == (before, ["r.yaml"])  # noqa: PTH208


def test_mode_and_link_are_kept_and_read_only_is_respected(tmp_path: Path) -> None:
    """Root could replace a read-only file, and does not."""
    file = write(tmp_path, GROWN["flush"][0])
    link = tmp_path / "link.yaml"
    link.symlink_to("r.yaml")
    file.chmod(0o640)
    add_entry(link, ENTRY)
    assert (link.is_symlink(), stat.S_IMODE(file.stat().st_mode)) == (True, 0o640)
    file.chmod(0o444)
    with pytest.raises(StateError, match="is read-only: nothing was changed"):
        remove_entry(file, ENTRY["repo_id"])
    assert load([file]).find(ENTRY["repo_id"])
    with pytest.raises(StateError, match="cannot be written: No such file or directory"):
        add_entry(tmp_path / "nowhere" / "r.yaml", ENTRY)


def edit(folder: Path) -> None:
    """Edit a file, in a process that dies."""
    add_entry(folder / "r.yaml", ENTRY)


def test_killed_anywhere_the_file_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    """Before every call that changes the disk, until one process comes to its end; both sets can be loaded."""
    before, after = GROWN["flush"]
    folders = [tmp_path / str(number) for number in range(len(CALLS) + 1)]
    for folder in folders:
        folder.mkdir()
        write(folder, before)
    codes = deaths("tests.state.registry.test_editing:edit", folders)
    assert (codes[0], codes[-1]) == (DIED, ENDED)
    texts = [(folder / "r.yaml").read_text() for folder in folders]
    assert set(texts) == {before, after}
    assert texts[0] == before
    for folder in folders:
        assert len(load([folder]).models) in (1, 2)
