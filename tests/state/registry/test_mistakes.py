"""Every mistake in a registry file is reported at once, with its line and column."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state.registry.files import DEEPEST_INCLUDE, MOST_FILES
from state.registry.models import MOST_MODELS, Problem, RegistryError, load, schema_json
from state.registry.yaml_positions import LARGEST_FILE, read
from tests.state.registry.written_files import mistakes, write

BROKEN: dict[str, tuple[str | bytes, list[str]]] = {
    "syntax": ("models:\n  - {repo_id: a/b, role: base\n", ["3:1: not YAML: while parsing a flow mapping"]),
    "tab": ("models:\n\t- x\n", ["2:1: not YAML: while scanning for the next token"]),
    "control character": ("# é\n- é\x07\n", ["2:4: the character '\\x07' is not allowed in YAML"]),
    "not UTF-8": (b"- a\n- \xff\n", ["2:3: the file is not UTF-8 text"]),
    "two documents": ("[]\n---\n[]\n", ["2:1: not YAML: expected a single document in the stream"]),
    "anchor": ("- &x {repo_id: a/b, role: base}\n- *x\n", ["1:3: the anchor &x", "2:3: the reference *x"]),
    "deep": ("[" * 30 + "]" * 30, ["1:21: nested more than 20 levels deep"]),
    "a text": ("hello\n", ["1:1: the file must be a mapping, not 'hello'"]),
    "nothing": ("~\n", ["1:1: the file must be a mapping, not nothing"]),
    "key twice": ("- repo_id: a/b\n  role: base\n  role: base\n", ["3:3: `role` is there twice, first on line 2"]),
    "key no name": ("- repo_id: a/b\n  role: base\n  [x]: y\n", ["3:3: a key must be a plain name"]),
    "missing": ("- repo_id: a/b\n", ["1:3: `role` is missing"]),
    "unnamed": ("-\n  role: base\n", ["2:3: this model needs `repo_id` or `path`"]),
    "unknown": ("- {repo_id: a/b, role: base, colour: red}\n", ["1:30: `colour` is not a known key"]),
    "unknown at the top": ("model: []\n", ["1:1: `model` is not a known key"]),
    "role": ("- repo_id: a/b\n  role: bass\n", ["2:9: `role` must be 'base' or 'release', not 'bass'"]),
    "number": ("- repo_id: a/b\n  role: base\n  title: 7\n", ["3:10: `title` must be a text, not 7"]),
    "yes": ("- repo_id: a/b\n  role: base\n  note: no\n", ["3:9: `note` must be a text, not False"]),
    "alias": ("- repo_id: a/b\n  role: base\n  aliases: [x, 1.5]\n", ["3:16: `aliases[1]` must be a text, not 1.5"]),
    "aliases": ("- repo_id: a/b\n  role: base\n  aliases: x\n", ["3:12: `aliases` must be a list, not 'x'"]),
    "entry": ("models:\n  - a/b\n", ["2:5: this model must be a mapping, not 'a/b'"]),
    "models": ("models:\n", ["1:8: `models` must be a list, not nothing"]),
    "revision": (
        "- repo_id: a/b\n  role: base\n  revision: main\n",
        ["3:13: `revision` must be a commit of 40 hex digits in lower case, not 'main'"],
    ),
    "time": (
        "- repo_id: a/b\n  role: base\n  weights_at: 2026-01-31\n",
        ["3:15: `weights_at` must be a time in UTC such as 2026-01-31T00:00:00Z, not '2026-01-31'"],
    ),
    "zone": (
        "- repo_id: a/b\n  role: base\n  created_at: 2026-01-31T00:00:00+09:00\n",
        ["3:15: `created_at` must be a time in UTC"],
    ),
    "no such day": (
        "- repo_id: a/b\n  role: base\n  created_at: 2026-02-30T00:00:00Z\n",
        ["3:15: `created_at` must be a time that exists, not '2026-02-30T00:00:00Z'"],
    ),
    "path": ("- {role: base, path: /}\n", ["1:22: `path` does not end like a repo id"]),
    "odd path": ('- {role: base, path: "a\\0/b"}\n', ["1:22: `path` must be the path", "1:22: `path` does not end"]),
    "members": ("organisations: [{name: x, members: []}]\n", ["1:36: `members` must not be empty"]),
    "member": ("organisations: [{name: x, members: [a b]}]\n", ["1:37: `members[0]` must be the name of an organ"]),
    "verified": (
        "- repo_id: a/b\n  role: base\n  verified: yesterday\n",
        ["3:13: `verified` must be a day such as 2026-01-31, not 'yesterday'"],
    ),
    "no such verified day": (
        "- repo_id: a/b\n  role: base\n  verified: 2026-02-30\n",
        ["3:13: `verified` must be a day that exists, not '2026-02-30'"],
    ),
    "names": ("- repo_id: a/b\n  role: base\n  names: Qwen\n", ["3:10: `names` must be a list, not 'Qwen'"]),
    "include": ("include: x.yaml\n", ["1:10: `include` must be a list, not 'x.yaml'"]),
    "odd include": (
        'include: ["", "a\\0", 7]\n',
        [
            "1:11: `include[0]` must be the path of a file or folder, not ''",
            "1:15: `include[1]` must be the path of a file or folder",
            "1:22: `include[2]` must be a text, not 7",
        ],
    ),
    "two ways to suppress": (
        f"suppressions: [{{repo_id: a/b, weights: {'a' * 64}, reason: x, until: 2026-01-31}}]\n",
        ["1:16: this suppression needs either `repo_id` or `weights`"],
    ),
    "revision of weights": (
        f"suppressions: [{{revision: {'a' * 40}, weights: {'a' * 64}, reason: x, until: 2026-01-31}}]\n",
        ["1:16: this suppression has a `revision`, which belongs to a `repo_id`"],
    ),
    "no reason": (
        "suppressions: [{repo_id: a/b, reason: ' ', until: 2026-01-31}]\n",
        ["1:39: `reason` must say why in 1 to 300 characters, not ' '"],
    ),
    "no end": ("suppressions: [{repo_id: a/b, reason: x}]\n", ["1:16: `until` is missing"]),
    "odd weights": (
        "suppressions: [{weights: abc, reason: x, until: 2026-01-31}]\n",
        ["1:26: `weights` must be 64 hex digits in lower case, as a report gives them, not 'abc'"],
    ),
    "its own parent": (
        "declared: [{child: a/b, parents: [c/d, A/B], reason: x}]\n",
        ["1:12: this pair declares a/b as a parent of itself"],
    ),
    "no parents": ("declared: [{child: a/b, parents: [], reason: x}]\n", ["1:34: `parents` must not be empty"]),
    "no mapping": ("organisations: [x]\n", ["1:17: this organisation must be a mapping, not 'x'"]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_mistake(tmp_path: Path, case: str) -> None:
    """Each kind of mistake is reported in one sentence at its position."""
    text, expected = BROKEN[case]
    path = write(tmp_path, text)
    found = mistakes(path)
    assert len(found) == len(expected), found
    for sentence, start in zip(found, expected, strict=True):
        assert sentence.startswith(start), found


# What only the loader sees: a folder's own name, a model that is its own parent, characters, days that do not exist.
BEYOND_A_SCHEMA = {"path", "odd path", "its own parent", "no such day", "no such verified day"}


def test_the_schema_refuses_what_a_schema_can(tmp_path: Path) -> None:
    """An editor shows the mistake before the loader does, wherever the file is sound YAML."""
    schema = jsonschema.Draft202012Validator(json.loads(schema_json()))
    documents = {case: read(write(tmp_path, text)) for case, (text, _) in BROKEN.items()}
    sound = {case: document.value for case, document in documents.items() if not document.problems}
    assert len(sound) >= 30
    assert {case for case, value in sound.items() if schema.is_valid(value)} == BEYOND_A_SCHEMA


REPO_IDS = [
    "name",
    "a/b/c",
    "/b",
    "a/",
    "-a/b",
    "a-/b",
    "a/.b",
    "a/b.",
    "a/b..c",
    "a b/c",
    "ä/b",
    "a/b\n",
    "a/" + "b" * 97,
]


@pytest.mark.parametrize("repo_id", REPO_IDS)
def test_no_repo_id(tmp_path: Path, repo_id: str) -> None:
    """A name that the Hub would refuse is refused, by the schema too."""
    entry = {"repo_id": repo_id, "role": "base"}
    (said,) = mistakes(write(tmp_path, json.dumps([entry]), "r.json"))
    assert said.startswith("1:14: `repo_id` must be a repo id such as org/name")
    if not repo_id.endswith("\n"):  # where "$" ends is a matter of the validator's regular expressions
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate([entry], json.loads(schema_json()))


def test_all_at_once(tmp_path: Path) -> None:
    """All mistakes of all files are reported at once, each file's in order, twins among wrong entries included."""
    first = write(tmp_path, "- {repo_id: A/b, role: bass}\n- {repo_id: a/B, role: base, x: 1}\n", "1.yaml")
    second = write(tmp_path, "models:\n- repo_id: a/b\n", "2.yaml")
    third = write(tmp_path, "{\n", "3.yaml")
    missing = tmp_path / "4.yaml"
    assert mistakes(first, second, third, missing) == [
        "1:24: `role` must be 'base' or 'release', not 'bass'",
        f"2:13: a/B is there twice, first in {first}:1",
        "2:30: `x` is not a known key",
        "2:3: `role` is missing",
        f"2:12: a/b is there twice, first in {first}:1",
        "2:1: not YAML: while parsing a flow node did not find expected node content",
        "1:1: the file cannot be read: No such file or directory",
    ]


def test_twins_by_folder(tmp_path: Path) -> None:
    """A folder's own name counts as its repo id, and an account is a member of one organisation only."""
    models = "models: [{path: zoo/a/b, role: base}, {repo_id: A/B, role: base}]\n"
    groups = "organisations: [{name: x, members: [m]}, {name: y, members: [M]}]\n"
    path = write(tmp_path, models + groups)
    assert mistakes(path) == [
        f"1:49: A/B is there twice, first in {path}:1",
        f"2:62: M is there twice, first in {path}:2",
    ]


def test_limits(tmp_path: Path) -> None:
    """A file that is too large is not read, and a registry of too many models is refused."""
    large = write(tmp_path, b"#" * (LARGEST_FILE + 1))
    assert mistakes(large) == ["1:1: the file is larger than 4,000,000 bytes"]
    many = "".join(f"- {{repo_id: a/m{i}, role: base}}\n" for i in range(MOST_MODELS + 1))
    assert mistakes(write(tmp_path, many)) == ["1:1: the registry has 20,001 models, more than 20,000"]


@given(content=st.binary(max_size=60) | st.text(alphabet='-[]{}:,&*!|>%@`"#\n ax', max_size=40).map(str.encode))
@settings(max_examples=200, deadline=None)
def test_never_crashes(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """Any file is read or refused with problems."""
    path = write(tmp_path_factory.getbasetemp(), content)
    problems: tuple[Problem, ...] = ()
    try:
        load([path])
    except RegistryError as error:
        problems = error.problems
    assert all(p.line >= 1 and p.column >= 1 and p.message for p in problems)


def test_include_mistakes(tmp_path: Path) -> None:
    """Missing includes and circular ones are reported at the include."""
    first = write(tmp_path, "include: [b.yaml, gone.yaml]\n", "a.yaml")
    write(tmp_path, "include:\n- c.yaml\n", "b.yaml")
    third = write(tmp_path, "models: []\ninclude: [a.yaml, ., c.yaml]\n", "c.yaml")
    assert mistakes(first) == [
        f"1:19: `include[1]` is not there: {tmp_path / 'gone.yaml'}",
        f"2:11: `include[0]` leads back to {first}",
        f"2:19: `include[1]` leads back to {first}",
        f"2:19: `include[1]` leads back to {tmp_path / 'b.yaml'}",
        f"2:19: `include[1]` leads back to {third}",
        f"2:22: `include[2]` leads back to {third}",
    ]
    with pytest.raises(RegistryError) as caught:
        load([first])
    assert [p.file.name for p in caught.value.problems] == ["a.yaml", *["c.yaml"] * 5]


def test_include_limits(tmp_path: Path) -> None:
    """A chain of files may be so long, and all files together so many."""
    for number in range(DEEPEST_INCLUDE + 2):
        write(tmp_path, f"include: [{number + 1}.yaml]\n", f"{number}.yaml")
    last = tmp_path / f"{DEEPEST_INCLUDE + 1}.yaml"
    assert mistakes(tmp_path / "0.yaml") == [f"1:11: `include[0]` is more than 20 files deep: {last}"]
    many = tmp_path / "many"
    many.mkdir()
    for number in range(MOST_FILES):
        write(many, "[]\n", f"{number}.yaml")
    assert mistakes(write(tmp_path, "include: [many]\n")) == ["1:11: `include[0]` makes it more than 1,000 files"]
