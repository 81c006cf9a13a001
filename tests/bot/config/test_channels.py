"""Addresses of channels: from the settings or a file, and never in a text."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.config import extras
from bot.config.channels import ChannelError, secret_parts
from bot.config.settings import Settings
from tests.bot.alerts.test_channels import URL, channel


def test_an_address_comes_from_a_file_and_no_error_shows_it(tmp_path: Path) -> None:
    """Neither of the value, nor of the file that may be a secret set by mistake."""
    file = tmp_path / "address"
    file.write_text(f"{URL}\n")
    assert channel(url=None, url_file=file).address() == URL
    for wrong in ({"url": None}, {"url_file": file}):
        with pytest.raises(ValidationError, match="either url or url_file"):
            channel(**wrong)
    file.write_text("")
    for missing in (file, tmp_path / "s3cret"):
        with pytest.raises(ChannelError) as caught:
            channel(url=None, url_file=missing).address()
        assert str(missing) not in str(caught.value)
    assert "passw0rd" not in f"{channel()!r} {channel()}"


@pytest.mark.parametrize(
    ("address", "hidden", "shown"),
    [
        (URL, {"passw0rd", "tok3n-of-it"}, {"hooks.example.org", "user"}),
        (
            "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#alerts",
            {"T1JJ3T3L2", "TIiajkdnlazkcOXrIdevi7FQ"},
            set(),
        ),
        ("tgram://123456789:abcdefg_hijklmnop/12315544/", {"abcdefg_hijklmnop", "123456789"}, set()),
        ("mailto://me:p%40ssword@example.org?from=me@example.org", {"p@ssword", "p%40ssword"}, {"example.org"}),
        (
            "jsons://localhost:8443/hooks?token=s3cret-one&format=markdown",
            {"s3cret-one"},
            {"markdown", "localhost:8443"},
        ),
        ("nosuch://[::1", {"nosuch://[::1"}, set()),
    ],
)
def test_every_secret_part_of_an_address_is_known(address: str, hidden: set[str], shown: set[str]) -> None:
    """A library may log the parts joined to another address; names of hosts are no secrets."""
    found = set(secret_parts(address))
    assert address in found
    assert hidden <= found
    assert not shown & found


def test_secrets_of_channels_are_secrets_of_the_settings() -> None:
    """Logs hide what `Settings.secrets` names."""
    assert {URL, "passw0rd", "tok3n-of-it"} <= set(Settings(channels=(channel(),)).secrets)


def test_a_missing_library_is_named() -> None:
    """With the command that installs it."""
    said = extras.missing(ModuleNotFoundError("no", name="apprise.common"))
    assert said == "this needs apprise, which is not installed: pip install 'blendwatch[channels]'"
