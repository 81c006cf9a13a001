"""Which alerts a channel of the settings asks for."""

from __future__ import annotations

from typing import Any

import pytest

from bot import build
from bot.alerts.channels import Channels, destination_of
from bot.config.channels import Channel
from bot.config.settings import Settings, SettingsError
from tests.bot.alerts.test_embeds import report

URL = "json://user:passw0rd@hooks.example.org/hook/tok3n-of-it"


def channel(name: str = "ops", **values: Any) -> Channel:
    """A channel of the settings."""
    return Channel(name=name, **{"url": URL} | values)


@pytest.mark.parametrize(
    ("wish", "asked"),
    [
        ({}, True),
        ({"organisation": "Quick-Fox"}, True),
        ({"organisation": "quick"}, False),
        ({"base": "borealis"}, True),
        ({"base": "qwen"}, False),
        ({"strength": "strong"}, True),
        ({"kind": "copy"}, False),
        ({"billions": 7.7}, False),
        ({"organisation": "quick-fox", "base": "qwen"}, False),
    ],
)
def test_a_channel_asks_as_a_subscription_does(wish: dict[str, Any], asked: bool) -> None:
    """By organisation, family and the rest; every wish has to be met."""
    found = Channels.of_settings([channel(**wish)]).asking_for(report())
    assert found == ([destination_of("ops")] if asked else [])


def test_news_for_the_operator_go_to_the_channel_for_them() -> None:
    """Else to the console, where there is no webhook and no bot."""
    assert build.operators(Settings(channels=(channel(),))) == "console"
    assert build.operators(Settings(channels=(channel("a"), channel("b", operator=True)))) == "channel:b"


def test_two_channels_of_one_name_are_refused() -> None:
    """Their messages could not be told apart."""
    pytest.importorskip("apprise")
    with pytest.raises(SettingsError, match="same name"):
        build.sinks(Settings(channels=(channel(), channel())))
