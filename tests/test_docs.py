"""The documents tell the truth about the code."""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from analyzers import thresholds
from bot.cli import COMMANDS
from bot.config.settings import Settings, read_settings
from bot.text.words import words_for
from ops.docs import reference
from state.registry.models import SHIPPED, load
from tests import ROOT


def test_every_threshold_in_the_method_has_the_value_in_the_code() -> None:
    """docs/thresholds.md cannot drift from analyzers/thresholds.py."""
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([0-9.]+)", (ROOT / "docs" / "thresholds.md").read_text(), re.MULTILINE)
    assert len(rows) >= 10
    own = {name: getattr(thresholds, name) for name in dir(thresholds) if name.isupper()} | {"MIN_Z": 5.0}
    assert {name: float(value) for name, value in rows} == {name: float(own[name]) for name, _ in rows}


def test_the_readme_names_only_what_there_is() -> None:
    """Every variable, command and file in the README exists, and so does every link."""
    readme = (ROOT / "README.md").read_text()
    named = set(re.findall(r"\b(?:BLENDWATCH|HF)_[A-Z_]*[A-Z]", readme))
    assert named - set(Settings.names().variables.values()) == set()
    assert "BLENDWATCH_DISCORD_WEBHOOK" in named
    assert set(re.findall(r"\.venv/bin/blendwatch ([a-z]+)", readme)) <= set(COMMANDS)
    linked = re.findall(r"\]\(((?!https?:)[^)#]+)", readme) + re.findall(r"(?:src|srcset)=\"([^\"]+)", readme)
    assert [path for path in linked if not (ROOT / path).exists()] == []


def test_every_command_is_in_the_table_of_commands() -> None:
    """docs/install.md says of each what it prints and its status."""
    rows = re.findall(r"^\| (`.+?) \|.+\|.+\|$", (reference.DOCS / "install.md").read_text(), re.MULTILINE)
    assert {word for row in rows for word in re.findall(r"`([a-z]+)", row)} == set(COMMANDS)


def test_the_example_of_a_settings_file_has_every_setting_with_its_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With every # taken away it sets everything, and changes nothing."""
    for name in [n for n in os.environ if n.startswith(("BLENDWATCH_", "HF_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "blendwatch.example.toml").read_text()
    assert tomllib.loads(text) == {}
    bare = re.sub(r"^# (?=[a-z_]+ = )", "", text, flags=re.MULTILINE)
    (tmp_path / "blendwatch.toml").write_text(bare)
    assert set(tomllib.loads(bare)) == set(Settings.model_fields)
    settings, given, problems = read_settings()
    assert (str(given.file), problems) == ("blendwatch.toml", ())
    assert settings == Settings()


def test_what_is_made_from_the_code_is_as_the_code_has_it() -> None:
    """python -m ops.docs.reference was run after the last change of a setting, a metric or a bound."""
    assert reference.EXAMPLE.read_text() == reference.example()
    for name, (page, table) in reference.tables().items():
        text = page.read_text()
        assert text == reference.filled(name, text, table)
        assert table in text


def exported() -> set[str]:
    """The name of everything that /metrics has of ours."""
    return {sample.name for metric in reference.metrics() for sample in metric.samples}


def test_every_number_on_the_dashboard_is_one_that_is_exported() -> None:
    """And every panel has a title, a place of its own and queries."""
    board = json.loads((ROOT / "ops" / "grafana" / "blendwatch.json").read_text())
    assert {variable["name"] for variable in board["templating"]["list"]} == {"datasource"}
    places: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        assert panel["title"]
        assert panel["type"] in {"stat", "timeseries", "table"}
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        grid = panel["gridPos"]
        cells = {
            (x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not cells & places
        assert max(x for x, _ in cells) < 24
        places |= cells
        assert [t["refId"] for t in panel["targets"]] == ["A", "B", "C"][: len(panel["targets"])]
        for target in panel["targets"]:
            names = set(re.findall(r"\b(?:blendwatch|process)_\w+", target["expr"]))
            assert names
            assert names - exported() <= {"process_resident_memory_bytes"}
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"]) >= 10


def test_every_alerting_rule_asks_for_numbers_that_are_exported_and_is_explained() -> None:
    """Each with what it means in docs/runbook.md, and no other there."""
    (group,) = yaml.safe_load((ROOT / "ops" / "prometheus" / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]:
        names = set(re.findall(r"\bblendwatch_\w+", rule["expr"]))
        assert names
        assert names - exported() == set()
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in {"critical", "warning"}
        if rule["alert"] == "BlendwatchHangs":  # as patient as the watch itself is by default
            patience = 60 * (Settings().poll_minutes + Settings().stale_minutes)
            assert rule["expr"].endswith(f" > {patience:.0f}")
    explained = re.findall(r"^\| `(Blendwatch\w+)` \|", (reference.DOCS / "runbook.md").read_text(), re.MULTILINE)
    assert explained == [rule["alert"] for rule in group["rules"]]


def test_every_warning_in_the_code_is_explained() -> None:
    """Whatever the watch logs as a warning or worse has a row in docs/logs.md."""
    explained = (reference.DOCS / "logs.md").read_text()
    said = []
    for file in (ROOT / "bot").rglob("*.py"):
        calls = re.findall(r"log\w*\.(?:warning|error|exception|critical)\(\s*\"([^\"]+)", file.read_text())
        calls += re.findall(r"critical\(\"([^\"]+)", file.read_text())
        said += [re.split(r"[:;]?\s*%|; ", text)[0] for text in calls]
    assert len(said) >= 8
    assert [text for text in said if text not in explained] == []


def test_the_documents_count_the_shipped_models_right() -> None:
    """The numbers of known models and of families in the README and in docs/registry.md are those shipped."""
    models = load([SHIPPED]).models
    families = {(model.maker, model.family) for model in models if model.family}
    assert f"the {len(models)} that come with it" in (ROOT / "README.md").read_text()
    told = (ROOT / "docs" / "registry.md").read_text()
    assert f"The {len(models)} shipped models of {len(families)} families" in told


def test_no_lock_names_a_registry_host() -> None:
    """The locks hold versions and hashes alone."""
    for lock in ROOT.glob("requirements*.lock"):
        assert "://" not in lock.read_text()


def test_the_discord_guide_names_its_settings_and_commands() -> None:
    """Every setting of the bot and every command is in docs/discord.md or docs/discord_setup.md."""
    guide = "".join((ROOT / "docs" / name).read_text() for name in ("discord.md", "discord_setup.md"))
    names = [n for n in Settings.model_fields if n.startswith(("review", "discord_token"))]
    wanted = [f"BLENDWATCH_{name.upper()}" for name in names]
    wanted += [f"/{key.removeprefix('command.')}" for key in words_for("en").texts if key.startswith("command.")]
    assert [name for name in wanted if name not in guide] == []


def test_every_link_in_the_documents_leads_to_a_page_and_a_heading() -> None:
    """Pages are there, and so are the headings that links name; the index names every page."""
    pages = {page: page.read_text() for page in [*reference.DOCS.glob("*.md"), *ROOT.glob("*.md")]}
    broken = []
    for page, text in pages.items():
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)]*))?\)", text):
            goal = (page.parent / target).resolve() if target else page
            headings = re.findall(r"^#+ (.+)$", pages.get(goal, ""), re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            if not goal.exists() or (anchor and anchor not in anchors):
                broken.append(f"{page.name}: {target}#{anchor}")
    assert broken == []
    index = pages[reference.DOCS / "index.md"]
    assert [page.name for page in pages if page.parent == reference.DOCS and f"({page.name})" not in index] == [
        "index.md"
    ]


def test_the_site_of_the_documents_has_every_page() -> None:
    """mkdocs.yml names each file in docs/ once; make docs fails where one is missing."""
    named = re.findall(r"[\w]+\.md", (ROOT / "mkdocs.yml").read_text().partition("\nnav:")[2])
    assert sorted(named) == sorted(page.name for page in reference.DOCS.glob("*.md"))
