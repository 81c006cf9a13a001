"""The documents tell the truth about the code."""

from __future__ import annotations

import re
from pathlib import Path

from analyzers import thresholds
from bot.settings import Settings
from bot.words import words_for
from state.registry import SHIPPED, load

ROOT = Path(__file__).resolve().parents[1]


def test_every_threshold_in_the_method_has_the_value_in_the_code() -> None:
    """docs/method.md cannot drift from analyzers/thresholds.py."""
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([0-9.]+)", (ROOT / "docs" / "method.md").read_text(), re.MULTILINE)
    assert len(rows) >= 10
    own = {name: getattr(thresholds, name) for name in dir(thresholds) if name.isupper()} | {"MIN_Z": 5.0}
    assert {name: float(value) for name, value in rows} == {name: float(own[name]) for name, _ in rows}


def test_the_readme_names_every_setting_an_operator_has() -> None:
    """A setting that is not in the README does not exist for its readers."""
    readme = (ROOT / "README.md").read_text()
    names = {f"BLENDWATCH_{name.upper()}" for name in Settings.model_fields} - {"BLENDWATCH_DISCORD_API_BASE"}
    assert {name for name in names if name not in readme} == set()


def test_the_readme_counts_the_shipped_models_right() -> None:
    """The number of known models in the README is the number shipped."""
    assert f"the {len(load([SHIPPED]).models)} that come with it" in (ROOT / "README.md").read_text()


def test_no_lock_names_a_registry_host() -> None:
    """The locks hold versions and hashes alone."""
    for lock in ROOT.glob("requirements*.lock"):
        assert "://" not in lock.read_text()


def test_the_discord_guide_names_its_settings_and_commands() -> None:
    """Every setting of the bot and every command is in docs/discord.md."""
    guide = (ROOT / "docs" / "discord.md").read_text()
    names = [n for n in Settings.model_fields if n.startswith(("review", "discord_token"))]
    wanted = [f"BLENDWATCH_{name.upper()}" for name in names]
    wanted += [f"/{key.removeprefix('command.')}" for key in words_for("en").texts if key.startswith("command.")]
    assert [name for name in wanted if name not in guide] == []
