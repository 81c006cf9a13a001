"""The Hub that the environment names, and what it is told about us."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from bot import build
from bot.config.settings import load_settings
from bot.hub import Hub
from demo.hub.server import LoopbackHub
from tests import ROOT
from tests.bot.hub.makers import TOKEN

PROGRAM = """
from datetime import UTC, datetime
import huggingface_hub.constants
from bot import build
from bot.config.settings import load_settings
with build.hub(load_settings()) as hub:
    print(sum(len(p.events) for p in hub.newest(datetime(2020, 1, 1, tzinfo=UTC))))
    hub.repo("org/model").headers(60)
"""


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without any settings."""
    for name in [n for n in os.environ if n.startswith(("BLENDWATCH_", "HF_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BLENDWATCH_CONFIG", os.devnull)


def test_endpoint_and_token_come_from_the_environment(site: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """HF_ENDPOINT says which Hub, HF_TOKEN who asks."""
    monkeypatch.setenv("HF_ENDPOINT", site.url + "/")
    monkeypatch.setenv("HF_TOKEN", f" {TOKEN}\n")
    with build.hub(load_settings()) as hub:
        hub.repo("org/model").facts()
    assert hub.endpoint == site.url
    assert {s.authorization for s in site.log} == {f"Bearer {TOKEN}"}


def test_a_token_may_stand_in_a_file(site: LoopbackHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """HF_TOKEN_FILE names it."""
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    monkeypatch.setenv("HF_ENDPOINT", site.url)
    monkeypatch.setenv("HF_TOKEN_FILE", str(tmp_path / "token"))
    with build.hub(load_settings()) as hub:
        hub.repo("org/model").facts()
    assert {s.authorization for s in site.log} == {f"Bearer {TOKEN}"}


def test_without_a_token_none_is_sent(site: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty token is none."""
    monkeypatch.setenv("HF_ENDPOINT", site.url)
    monkeypatch.setenv("HF_TOKEN", "")
    with build.hub(load_settings()) as hub:
        hub.repo("org/model").facts()
    assert {s.authorization for s in site.log} == {None}


def test_the_token_of_a_login_is_used(site: LoopbackHub, tmp_path: Path) -> None:
    """Where none is set, unless the library is told not to."""
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HF_ENDPOINT": site.url}
    env |= {"HF_HOME": str(tmp_path), "BLENDWATCH_CONFIG": os.devnull}
    sent = []
    for more in ({}, {"HF_TOKEN": "hf_other"}, {"HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}):
        site.log.clear()
        subprocess.run([sys.executable, "-c", PROGRAM], env=env | more, check=True, capture_output=True, timeout=60)
        sent.append({s.authorization for s in site.log})
    assert sent == [{f"Bearer {TOKEN}"}, {"Bearer hf_other"}, {None}]


def test_without_an_endpoint_it_is_the_public_hub() -> None:
    """Nothing set means huggingface.co; nothing is asked before it is needed."""
    with build.hub(load_settings()) as hub, Hub() as plain:
        assert hub.endpoint == plain.endpoint == "https://huggingface.co"


@pytest.mark.parametrize("endpoint", ["huggingface.co", "ftp://h", "https://", "https://user@h", "https://h?x=1"])
def test_an_endpoint_that_cannot_be_one_is_refused(endpoint: str) -> None:
    """An endpoint that is no http or https address is a ValueError."""
    with pytest.raises(ValueError, match="endpoint"):
        Hub(endpoint)


def test_telemetry_is_off(site: LoopbackHub, tmp_path: Path) -> None:
    """Even if the library was loaded first, the Hub is not asked which programs it would like to recognise."""
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "HF_ENDPOINT": site.url,
        "HF_HOME": str(tmp_path),
        "HF_TOKEN": TOKEN,
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "1\n"
    assert site.seen("agent-harnesses") == []
    assert len(site.log) == 4


def test_the_library_gets_its_client_back(site: LoopbackHub) -> None:
    """After the Hub is closed, the library's own calls work as they did before."""
    with Hub(site.url):
        pass
    assert HfApi(endpoint=site.url, token=False).model_info("org/model").id == "org/model"
