"""Settings come from one file, the environment and files of secrets; whatever is wrong is named with its place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from bot.config.settings import Settings, SettingsError, load_settings, read_settings

SECRET = "https://discord.com/api/webhooks/100200300400500600/very-secret-value"


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder and an environment without any settings."""
    for name in list(os.environ):
        if name.startswith(("BLENDWATCH_", "HF_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


def wrong() -> tuple[str, ...]:
    """Everything that is wrong with the settings as they are."""
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return caught.value.problems


def test_without_anything_there_are_defaults() -> None:
    """Nothing has to be set."""
    settings = load_settings()
    assert (settings.poll_minutes, settings.http_port, settings.discord_webhook) == (10.0, 0, None)


def test_the_environment_is_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is empty in the environment is not set."""
    Path("blendwatch.toml").write_text(
        'poll_minutes = 3\nmin_bytes = 7\nhf_endpoint = "http://a"\nregistry = ["x", "y"]'
    )
    monkeypatch.setenv("BLENDWATCH_POLL_MINUTES", "5")
    monkeypatch.setenv("BLENDWATCH_MIN_BYTES", "")
    monkeypatch.setenv("HF_ENDPOINT", "http://b")
    settings = load_settings()
    assert (settings.poll_minutes, settings.min_bytes, settings.hf_endpoint) == (5.0, 7, "http://b")
    assert settings.registry_paths == [Path("x"), Path("y")]


def test_the_file_is_looked_for_in_this_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The one that BLENDWATCH_CONFIG names, the one in this folder, the user's own."""
    own = tmp_path / "config" / "blendwatch"
    own.mkdir(parents=True)
    (own / "blendwatch.toml").write_text("poll_minutes = 1")
    assert load_settings().poll_minutes == 1
    Path("blendwatch.toml").write_text("poll_minutes = 2")
    assert load_settings().poll_minutes == 2
    Path("named.toml").write_text("poll_minutes = 3")
    monkeypatch.setenv("BLENDWATCH_CONFIG", "named.toml")
    assert load_settings().poll_minutes == 3
    assert read_settings()[1].file == Path("named.toml")


def test_everything_that_is_wrong_is_named_at_once_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown, of the wrong type, out of range, unreadable: file and line, or the variable's name."""
    lines = ["# ours", 'poll_minutes = "ten"', "min_paramters = 3", 'hf_token_file = "/none"', "[table]", "x = 1"]
    Path("blendwatch.toml").write_text("\n".join(lines))
    monkeypatch.setenv("BLENDWATCH_MIN_BYTES", "-1")
    monkeypatch.setenv("BLENDWATCH_HTTP_PRT", "8080")
    monkeypatch.setenv("BLENDWATCH_SERVICE_HOST", "10.0.0.1")  # not ours: Kubernetes sets it
    monkeypatch.setenv("BLENDWATCH_PORT_8080_TCP", "tcp://10.0.0.1:8080")
    found = wrong()
    assert len(found) == 6
    for said in (
        "blendwatch.toml:2: poll_minutes: must be a number",
        "blendwatch.toml:3: min_paramters: there is no such setting; is min_parameters meant?",
        "blendwatch.toml:4: hf_token_file: the file cannot be read: No such file",
        "blendwatch.toml:5: table: there is no such setting",
        "BLENDWATCH_MIN_BYTES: must be at least 0",
        "BLENDWATCH_HTTP_PRT: there is no such setting; is BLENDWATCH_HTTP_PORT meant?",
    ):
        assert any(line.startswith(said) for line in found), (said, found)


def test_what_is_wrong_has_its_default_for_those_who_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """And everything else is as it was set."""
    Path("blendwatch.toml").write_text('poll_minutes = "ten"\nmin_bytes = 5')
    monkeypatch.setenv("BLENDWATCH_HTTP_PORT", "70000")
    settings, _, problems = read_settings()
    assert (settings.poll_minutes, settings.http_port, settings.min_bytes, len(problems)) == (10.0, 0, 5, 2)


@pytest.mark.parametrize("name", ["BLENDWATCH_DISCORD_WEBHOOK", "HF_TOKEN"])
def test_a_secret_may_stand_in_a_file_of_its_own(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Without the line break at its end, and over what the settings file says."""
    Path("blendwatch.toml").write_text('discord_webhook = "another"\nhf_token = "another"')
    Path("secret").write_text(SECRET + "\n")
    monkeypatch.setenv(f"{name}_FILE", "secret")
    assert SECRET in load_settings().secrets
    monkeypatch.setenv(name, SECRET)
    assert wrong() == (f"{name}: {name} and {name}_FILE are both set; one of them has to go",)


def test_a_secret_and_its_file_may_not_both_stand_in_the_settings_file() -> None:
    """It would not be clear which one counts."""
    Path("blendwatch.toml").write_text('hf_token = "x"\nhf_token_file = "y"')
    assert any("hf_token and hf_token_file are both set" in line for line in wrong())


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "empty"), (b" \n", "empty"), (b"\xff\xfe", "not UTF-8"), (b"x" * 20_000, "larger than"), (None, "No such")],
)
def test_a_file_of_a_secret_that_holds_none_is_named(
    monkeypatch: pytest.MonkeyPatch, content: bytes | None, why: str
) -> None:
    """With the reason."""
    if content is not None:
        Path("secret").write_bytes(content)
    monkeypatch.setenv("HF_TOKEN_FILE", "secret")
    (line,) = wrong()
    assert line.startswith("HF_TOKEN_FILE: ")
    assert why in line


@pytest.mark.parametrize(
    ("content", "why"),
    [("poll_minutes = ", "not TOML"), ("poll_minutes", "not TOML"), ("x" * 1_000_001, "larger than 1,000,000 bytes")],
)
def test_a_settings_file_that_is_none_is_named(content: str, why: str) -> None:
    """With the file and the reason."""
    Path("blendwatch.toml").write_text(content)
    (line,) = wrong()
    assert line.startswith("blendwatch.toml: ")
    assert why in line


def test_a_named_settings_file_has_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistyped path must not end in defaults."""
    monkeypatch.setenv("BLENDWATCH_CONFIG", "gone.toml")
    assert wrong() == ("gone.toml: the file cannot be read: No such file or directory",)


def test_a_secret_is_in_no_repr_dump_or_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that was put where a path belongs."""
    Path("blendwatch.toml").write_text(f'discord_webhook = "{SECRET}"')
    monkeypatch.setenv("HF_TOKEN_FILE", SECRET)
    settings, given, problems = read_settings()
    assert settings.secrets == (SECRET,)
    for text in (repr(settings), str(settings.model_dump()), settings.model_dump_json(), repr(given), str(problems)):
        assert "very-secret" not in text


class Inner(BaseModel):
    """A setting of several values."""

    model_config = ConfigDict(extra="forbid")
    most: int = 1


class More(Settings):
    """Settings with a list and a table among them."""

    inner: Inner = Inner()
    several: tuple[Inner, ...] = ()


def test_a_setting_may_be_a_table_in_the_file_and_json_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is wrong inside of it is named with its place."""
    Path("blendwatch.toml").write_text("poll_minutes = 5\n\n[inner]\nmost = 3\n\n[[several]]\nmost = 4\n")
    settings, _, problems = read_settings(More)
    assert isinstance(settings, More)
    assert (settings.inner.most, [s.most for s in settings.several], problems) == (3, [4], ())
    monkeypatch.setenv("BLENDWATCH_INNER", '{"most": 7}')
    settings, _, problems = read_settings(More)
    assert isinstance(settings, More)
    assert (settings.inner.most, problems) == (7, ())
    monkeypatch.setenv("BLENDWATCH_INNER", "{most")
    Path("blendwatch.toml").write_text("poll_minutes = 5\n\n[[several]]\nleast = 4\n")
    settings, _, problems = read_settings(More)
    assert sorted(problems) == [
        "BLENDWATCH_INNER: must be a table",
        "blendwatch.toml:3: several: 0: least: there is no such setting",
    ]
    assert settings.poll_minutes == 5


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MIN_BYTES", "many", "must be a whole number"),
        ("MIN_BYTES", "1.5", "must be a whole number"),
        ("POLL_MINUTES", "often", "must be a number"),
        ("POLL_MINUTES", "0", "must be more than 0.0"),
        ("HTTP_PORT", "70000", "must be at most 65535"),
        ("REVIEW", "some", "must be 'all' or 'inexact'"),
        ("AUTOMATIC_REFERENCES", "perhaps", "must be true or false"),
        ("SEED_SINCE", "yesterday", "must be a time with its offset"),
        ("SEED_SINCE", "2026-01-31T00:00:00", "must be a time with its offset"),
        ("INFERENCE_ENDPOINTS", "x", "must be a list"),
        ("INFERENCE_ENDPOINTS", "[{}]", "0: url: is missing"),
        ("INFERENCE_BUDGET", "[]", "must be a table"),
    ],
)
def test_what_is_wrong_is_told_in_plain_words(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    """Not in those of the library, which knows nothing of variables and files."""
    monkeypatch.setenv(f"BLENDWATCH_{name}", value)
    (found,) = wrong()
    assert found.startswith(f"BLENDWATCH_{name}: {said}")
    assert "nput" not in found


def test_every_setting_has_a_description() -> None:
    """It is what the documents say of it."""
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
