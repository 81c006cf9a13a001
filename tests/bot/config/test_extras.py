"""Libraries that only an extra of the package brings."""

from __future__ import annotations

import tomllib

import pytest

from bot.alerts import depth_chart
from bot.config import extras
from bot.text.words import DEFAULT, words_for
from tests import ROOT
from tests.bot.alerts.kinds import RELEASE

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_each_is_in_the_extra_that_is_named() -> None:
    """And in no other place, so that the sentence about it helps."""
    for library, extra in extras.EXTRAS.values():
        assert any(line.startswith(library) for line in PROJECT["optional-dependencies"][extra])
        assert not any(line.startswith(library) for line in PROJECT["dependencies"])


def test_what_no_extra_brings_is_a_broken_install() -> None:
    """No extra is named for it."""
    assert extras.missing(ModuleNotFoundError(name="numpy.linalg")) == (
        "this needs numpy, which is not installed: install blendwatch anew"
    )


def test_without_pillow_an_alert_has_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """The alert goes out; nothing announces a picture that is not there."""
    report = {"profile": [{"layer": 0, "module": "attention", "shares": {RELEASE: [0.5, 0.4, 0.6]}}]}
    assert depth_chart.has_picture(report)
    monkeypatch.setattr(depth_chart, "installed", lambda _: False)
    assert (depth_chart.has_picture(report), depth_chart.draw(report, words_for(DEFAULT))) == (False, None)
