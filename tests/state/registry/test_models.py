"""Registry files: what they may say, and the ones that are shipped."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import jsonschema

from state.registry.models import SHIPPED, Model, Registry, load, schema_json
from state.registry.yaml_positions import read
from tests.state.registry.written_files import write

FULL = """\
models:
  - repo_id: org/Base-7B
    role: base
    revision: "0123456789012345678901234567890123456789"
    weights_at: 2026-01-31T10:20:30Z
    created_at: "2026-01-30T00:00:00.5+00:00"
    title: Base 7B
    aliases: [base, "7B"]
    names: [Base, 贝斯]
    maker: Org
    family: Base
    licence: mit
    source: a list
    verified: 2026-02-01
    note: a note
  - {path: ../zoo/maker/tuned, role: release}
  - {path: /zoo/x, repo_id: known/as, role: release}
organisations:
  - {name: The Org, members: [Org, org-labs]}
"""


def test_everything(tmp_path: Path) -> None:
    """Every key is read as what it means: times with their zone, folders from where the file lies."""
    folder = tmp_path / "registry"
    folder.mkdir()
    registry = load([write(folder, FULL)])
    assert registry.models == (
        Model(
            repo_id="org/Base-7B",
            role="base",
            revision="0123456789" * 4,
            weights_at=datetime(2026, 1, 31, 10, 20, 30, tzinfo=UTC),
            created_at=datetime(2026, 1, 30, 0, 0, 0, 500_000, tzinfo=UTC),
            title="Base 7B",
            aliases=("base", "7B"),
            names=("Base", "贝斯"),
            maker="Org",
            family="Base",
            licence="mit",
            source="a list",
            verified=date(2026, 2, 1),
            note="a note",
        ),
        Model(repo_id="maker/tuned", role="release", path=tmp_path / "zoo" / "maker" / "tuned"),
        Model(repo_id="known/as", role="release", path=Path("/zoo/x")),
    )
    assert registry.find("ORG/base-7b") is registry.models[0]
    assert registry.find("org/none") is None


def test_makers(tmp_path: Path) -> None:
    """Organisations that belong together have one maker, in any case; a group's name adds no member."""
    registry = load([write(tmp_path, FULL)])
    assert {registry.maker_of(name) for name in ("Org", "ORG", "org-labs", "Org-Labs")} == {"Org"}
    assert registry.maker_of("KNOWN") == "known"
    assert registry.maker_of("Stranger") == registry.maker_of("stranger") == "stranger"
    grouped = load([write(tmp_path, "organisations: [{name: Famous, members: [famous-ai]}]")])
    assert grouped.maker_of("Famous") != grouped.maker_of("famous-ai")
    assert [group.name for group in grouped.organisations] == ["Famous"]


def test_tags(tmp_path: Path) -> None:
    """A text that is tagged as something it is not stays a text."""
    for tag in ("!!int x", '!!int ""', "!!bool x", "!!float x", "!!python/name:os.system x", "!mine x"):
        (model,) = load([write(tmp_path, f"- {{repo_id: a/b, role: base, title: {tag}}}\n")]).models
        assert model.title in {"x", ""}


def test_shapes(tmp_path: Path) -> None:
    """A bare list, JSON, a byte order mark and an empty file are registry files too."""
    entry = '[{"repo_id": "a/%s", "role": "base"}]'
    files = [
        write(tmp_path, "- {repo_id: a/list, role: base}\n"),
        write(tmp_path, entry % "json", "r.json"),
        write(tmp_path, b"\xef\xbb\xbf" + (entry % "bom").encode(), "bom.yml"),
        write(tmp_path, "# nothing yet\n", "empty.yaml"),
    ]
    assert [m.repo_id for m in load(files).models] == ["a/list", "a/json", "a/bom"]
    assert load([]) == Registry()


def test_folder(tmp_path: Path) -> None:
    """A folder gives its YAML and JSON files sorted by name, but not the schema; a file named twice is read once."""
    for name in ("b.yaml", "a.json", "c.yml"):
        write(tmp_path, f"[{{repo_id: o/{name[0]}, role: base}}]", name)
    write(tmp_path, schema_json(), "schema.json")
    write(tmp_path, "not: a registry", "notes.txt")
    assert [m.repo_id for m in load([tmp_path, tmp_path / "a.json"]).models] == ["o/a", "o/b", "o/c"]


def test_schema_is_current() -> None:
    """The schema that editors use is the one the code has."""
    assert (SHIPPED / "schema.json").read_text(encoding="utf-8") == schema_json()


def test_shipped() -> None:
    """The shipped files are sound, fit the schema, say where each entry comes from and claim nothing that is not known.

    Nothing was looked up on the Hub for them, so they give no times, no revisions and no day of verification.
    """
    models = load([SHIPPED]).models
    assert len({(model.maker, model.family) for model in models if model.family}) >= 60
    for path in SHIPPED.glob("*.yaml"):
        assert path.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=schema.json\n")
        jsonschema.validate(read(path).value, json.loads(schema_json()))
    for model in models:
        assert model.source
        assert model.maker
        assert not any((model.verified, model.weights_at, model.created_at, model.revision))
        assert not model.licence or "licence: " in model.source
    assert {model.role for model in models} == {"base", "release"}


def test_no_two_shipped_models_are_called_the_same() -> None:
    """An alias that several models share would let a card that names one of them declare another."""
    registry = load([SHIPPED])
    names = [alias.lower() for model in registry.models for alias in {*model.aliases, model.repo_id}]
    assert len(names) == len(set(names))


def test_include(tmp_path: Path) -> None:
    """Files and folders are read after what includes them, each once, from where the including file lies."""
    (tmp_path / "more" / "deep").mkdir(parents=True)
    top = write(tmp_path, "include: [more/one.yaml, more]\nmodels: [{repo_id: o/top, role: base}]\n", "top.yaml")
    write(tmp_path / "more", "include: [deep, ../top2.yaml]\nmodels: [{repo_id: o/one, role: base}]\n", "one.yaml")
    write(tmp_path / "more", "[{repo_id: o/two, role: base}]\n", "two.yml")
    write(tmp_path / "more" / "deep", "[{path: ../x/Local, role: base}]\n", "three.json")
    write(tmp_path, "include: [more/deep]\nmodels: []\n", "top2.yaml")
    models = load([top]).models
    assert [m.repo_id for m in models] == ["o/top", "o/one", "x/Local", "o/two"]
    assert models[2].path == tmp_path / "more" / "x" / "Local"
    assert load([tmp_path]) == load([top, tmp_path / "top2.yaml"])
