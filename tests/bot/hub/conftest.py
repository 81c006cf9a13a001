"""A loopback Hub with one model, and a connection to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.hub import Hub
from demo.hub.server import LoopbackHub
from tests.bot.hub.makers import TOKEN, Watch, model


@pytest.fixture
def site() -> Iterator[LoopbackHub]:
    """A Hub that serves org/model."""
    with LoopbackHub([model()]) as site:
        yield site


@pytest.fixture
def watch() -> Watch:
    """The clock of `hub`."""
    return Watch()


@pytest.fixture
def hub(site: LoopbackHub, watch: Watch) -> Iterator[Hub]:
    """A connection with a token, a short time limit, and a clock that takes no time."""
    with Hub(site.url, TOKEN, timeout=1.0, clock=watch.clock, sleep=watch.sleep) as hub:
        yield hub
