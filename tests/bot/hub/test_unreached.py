"""What is said where there is no connection: which host, why, and what to look at."""

from __future__ import annotations

import pytest

from bot.hub import Hub
from bot.sources.interface import Unavailable
from demo.hub.server import LoopbackHub
from tests.bot.hub.makers import TOKEN, Watch

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without a proxy."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def said(endpoint: str, watch: Watch) -> str:
    """Return the reason why a Hub cannot be asked for a repository."""
    with (
        Hub(endpoint, TOKEN, clock=watch.clock, sleep=watch.sleep) as hub,
        pytest.raises(Unavailable) as raised,
    ):
        hub.repo("org/model").facts()
    assert TOKEN not in str(raised.value)
    return str(raised.value)


def closed() -> str:
    """Return an address of this machine where nobody listens any more."""
    with LoopbackHub() as gone:
        return gone.url


def test_a_port_where_nobody_listens_refuses(watch: Watch) -> None:
    """It is Unavailable, not a crash, and names host and port."""
    url = closed()
    found = said(url, watch)
    assert found.endswith(f"description of org/model: {url.removeprefix('http://')} refused it; look at HF_ENDPOINT.")


def test_a_name_that_nobody_knows_is_dns(watch: Watch) -> None:
    """The name is told, with the network beside the setting."""
    found = said("https://hub.invalid", watch)
    assert found.endswith("the name of hub.invalid was not found (DNS); look at the network and at HF_ENDPOINT.")


def test_a_server_without_tls_proves_nothing(site: LoopbackHub, watch: Watch) -> None:
    """The library's reason is told in its own constant."""
    found = said(site.url.replace("http:", "https:"), watch)
    assert "did not prove who it is (TLS: " in found
    assert found.endswith("); look at HF_ENDPOINT.")


def test_a_proxy_is_named_without_its_password(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether nobody listens there or the proxy does not let us through, it is the proxy that is told."""
    url = closed().removeprefix("http://")
    monkeypatch.setenv("HTTPS_PROXY", f"http://someone:secret@{url}")
    found = said("https://hub.invalid", watch)
    assert found.endswith(f"the proxy {url} refused it; look at HTTPS_PROXY.")
    assert "secret" not in found


def test_a_proxy_that_lets_nothing_through_says_so(
    site: LoopbackHub, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A web server is no proxy."""
    monkeypatch.setenv("HTTPS_PROXY", site.url)
    found = said("https://hub.invalid", watch)
    assert found.endswith(f"the proxy {site.url.removeprefix('http://')} does not let it through; look at HTTPS_PROXY.")
